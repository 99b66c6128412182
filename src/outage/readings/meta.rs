//! Meta's status page as data: organisations, each with its services and a phrase for each.

use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Finding;
use crate::outage::reading::Unreadable;
use crate::outage::reading::or_nobody;

const WELL: [&str; 2] = ["No known issues", "Resolved"];

pub(in crate::outage) fn services(answered: &Answered<'_>) -> Result<Vec<Finding>, Unreadable> {
    let document = answered.json()?;
    let organisations = document.as_array().into_iter().flatten();
    let wanted = organisations.filter(|organisation| {
        let id = organisation["id"].as_str();
        id.is_some_and(|id| answered.wants(id))
    });
    let services = wanted.flat_map(|organisation| organisation["services"].as_array().into_iter().flatten());
    let findings = services.filter_map(|service| {
        let (name, phrase) = (service["name"].as_str()?, service["status"].as_str()?);
        let is = match WELL.contains(&phrase) {
            true => Ok(()),
            false => Err((Fault::Reported, format!("Meta says `{phrase}`"))),
        };
        Some(Finding { service: Some(name.to_owned()), is })
    });
    or_nobody(findings.collect(), answered)
}

#[cfg(test)]
mod tests {
    use crate::outage::reading::Reading;
    use crate::outage::reading::tests::read_of;

    #[test]
    fn the_services_of_one_organisation_are_findings() {
        let page = r#"[{"id":"whatsapp-business-api","services":[{"name":"Cloud API","status":"Major Disruptions"},
            {"name":"Business Management","status":"No known issues"}]},
            {"id":"fbs","services":[{"name":"Ads","status":"Some Disruptions"}]}]"#;
        let found = read_of(Reading::MetaStatus, 200, page, Some("whatsapp-business-api")).unwrap();
        let ill: Vec<_> = found.iter().filter(|finding| finding.is.is_err()).collect();
        assert_eq!((found.len(), ill.len()), (2, 1));
        assert_eq!(ill[0].service.as_deref(), Some("Cloud API"));
    }
}
