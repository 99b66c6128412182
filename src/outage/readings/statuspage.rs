//! Atlassian Statuspage's `status.json`: one word for the whole of a provider.

use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Unreadable;
use crate::outage::reading::in_short;

pub(in crate::outage) fn status(answered: &Answered<'_>) -> Result<Result<(), (Fault, String)>, Unreadable> {
    let document = answered.json()?;
    let status = &document["status"];
    let words = in_short(status["description"].as_str().unwrap_or_default());
    match status["indicator"].as_str() {
        // A minor incident is somebody else's country, as a rule.
        Some("none" | "minor" | "maintenance") => Ok(Ok(())),
        Some(word) => Ok(Err((Fault::Reported, format!("{word}: {words}")))),
        None => Err(Unreadable("the page does not say how the provider is".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use crate::outage::fault::Fault;
    use crate::outage::reading::Reading;
    use crate::outage::reading::tests::is_well;
    use crate::outage::reading::tests::trouble;

    #[test]
    fn only_major_and_critical_incidents_are_reported() {
        let page = |word: &str| format!(r#"{{"status":{{"indicator":"{word}","description":"Partial outage"}}}}"#);
        assert!(is_well(Reading::Statuspage, 200, &page("minor")));
        let told = trouble(Reading::Statuspage, 200, &page("critical"));
        assert_eq!(told, (Fault::Reported, "critical: Partial outage".to_owned()));
    }
}
