//! Apple's system status: every service with its events, as JSON or wrapped into a call of `jsonCallback`.

use serde_json::Value;

use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Finding;
use crate::outage::reading::Unreadable;
use crate::outage::reading::in_short;
use crate::outage::reading::or_nobody;

pub(in crate::outage) fn services(answered: &Answered<'_>) -> Result<Vec<Finding>, Unreadable> {
    let text = String::from_utf8_lossy(answered.body);
    let json = text.find('{').zip(text.rfind('}')).and_then(|(start, end)| text.get(start..=end));
    let document: Value = serde_json::from_str(json.unwrap_or_default())
        .map_err(|why| Unreadable(format!("status {}: this is no JSON: {why}", answered.status)))?;
    let services = document["services"].as_array().into_iter().flatten();
    let findings = services.filter_map(|service| {
        let name = service["serviceName"].as_str()?;
        answered.wants(name).then(|| Finding { service: Some(name.to_owned()), is: health(service) })
    });
    or_nobody(findings.collect(), answered)
}

fn health(service: &Value) -> Result<(), (Fault, String)> {
    let mut events = service["events"].as_array().into_iter().flatten();
    let going_on = events.find(|event| {
        event["eventStatus"].as_str() == Some("ongoing") && event["statusType"].as_str() != Some("Maintenance")
    });
    going_on.map_or(Ok(()), |event| {
        let kind = event["statusType"].as_str().unwrap_or("trouble");
        let words = event["message"].as_str().unwrap_or_default();
        Err((Fault::Reported, in_short(&format!("{kind}: {words}"))))
    })
}

#[cfg(test)]
mod tests {
    use crate::outage::fault::Fault;
    use crate::outage::reading::Reading;
    use crate::outage::reading::tests::read;
    use crate::outage::reading::tests::read_of;

    const PAGE: &str = r#"jsonCallback({"drMessage":null,"services":[
        {"serviceName":"iMessage","events":[{"statusType":"Outage","eventStatus":"ongoing","message":"Users may be unable to use it."}]},
        {"serviceName":"FaceTime","events":[{"statusType":"Outage","eventStatus":"resolved"}]},
        {"serviceName":"Siri","events":[]}]});"#;

    #[test]
    fn one_service_is_picked_from_the_page() {
        let found = read_of(Reading::AppleStatus, 200, PAGE, Some("imessage")).unwrap();
        assert_eq!(found.len(), 1);
        let why = "Outage: Users may be unable to use it.".to_owned();
        assert_eq!(found[0].is, Err((Fault::Reported, why)));
        assert!(read_of(Reading::AppleStatus, 200, PAGE, Some("FaceTime")).unwrap()[0].is.is_ok());
        assert!(read_of(Reading::AppleStatus, 200, PAGE, Some("Newton")).is_err());
    }

    #[test]
    fn without_a_choice_every_service_is_a_finding() {
        let found = read(Reading::AppleStatus, 200, PAGE).unwrap();
        assert_eq!(found.iter().filter(|finding| finding.is.is_err()).count(), 1);
        assert_eq!(found.len(), 3);
    }
}
