//! Microsoft Graph's `healthOverviews`: every service of the tenant with one word of state.

use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Finding;
use crate::outage::reading::Unreadable;
use crate::outage::reading::or_nobody;

/// States in which nothing is said to be wrong now.
const WELL: [&str; 7] = [
    "serviceOperational",
    "serviceRestored",
    "falsePositive",
    "postIncidentReviewPublished",
    "resolved",
    "investigationSuspended",
    "mitigated",
];

pub(in crate::outage) fn services(answered: &Answered<'_>) -> Result<Vec<Finding>, Unreadable> {
    if answered.status >= 400 {
        return Err(Unreadable(format!("status {}: the token needs ServiceHealth.Read.All", answered.status)));
    }
    let document = answered.json()?;
    let services = document["value"].as_array().into_iter().flatten();
    let findings = services.filter_map(|service| {
        let (name, state) = (service["service"].as_str()?, service["status"].as_str()?);
        let is = match WELL.contains(&state) {
            true => Ok(()),
            false => Err((Fault::Reported, format!("Microsoft says `{state}`"))),
        };
        answered.wants(name).then(|| Finding { service: Some(name.to_owned()), is })
    });
    or_nobody(findings.collect(), answered)
}

#[cfg(test)]
mod tests {
    use crate::outage::fault::Fault;
    use crate::outage::reading::Reading;
    use crate::outage::reading::tests::read;
    use crate::outage::reading::tests::read_of;

    #[test]
    fn a_word_that_is_not_calm_is_reported_as_it_stands() {
        let page = r#"{"value":[{"service":"Microsoft Teams","status":"serviceDegradation","id":"microsoftteams"},
            {"service":"Exchange Online","status":"serviceOperational"}]}"#;
        let teams = read_of(Reading::MicrosoftHealth, 200, page, Some("Microsoft Teams")).unwrap();
        assert_eq!(teams[0].is, Err((Fault::Reported, "Microsoft says `serviceDegradation`".to_owned())));
        assert_eq!(read(Reading::MicrosoftHealth, 200, page).unwrap().len(), 2);
        assert!(read(Reading::MicrosoftHealth, 403, "{}").is_err());
    }
}
