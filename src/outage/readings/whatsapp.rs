//! Meta's Graph API: is it there, does it know us, and may our number send.

use serde_json::Value;

use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Unreadable;
use crate::outage::reading::in_short;

/// Error codes by which Meta refuses us, not everybody: a wrong, expired or powerless token, a locked account.
const OURS: [i64; 6] = [0, 3, 10, 190, 368, 131_031];

/// The account has used up what it may.
const THROTTLED: [i64; 6] = [4, 80_007, 130_429, 131_048, 131_056, 133_016];

/// Meta itself is not well.
const THEIRS: [i64; 5] = [1, 2, 131_000, 131_016, 131_057];

/// Any answer: errors that are about our question alone are a sign of life.
pub(in crate::outage) fn graph(answered: &Answered<'_>) -> Result<(), (Fault, String)> {
    let document = answered.json().unwrap_or_default();
    let error = &document["error"];
    let words = in_short(error["message"].as_str().unwrap_or_default());
    let said = format!("status {}: {words}", answered.status);
    let said = said.trim_end_matches(": ").to_owned();
    match (answered.status, error["code"].as_i64()) {
        (_, Some(code)) if OURS.contains(&code) || (200..300).contains(&code) => Err((Fault::CredentialRefused, said)),
        (_, Some(code)) if THROTTLED.contains(&code) => Err((Fault::Throttled, said)),
        (status, Some(code)) if THEIRS.contains(&code) => Err((Fault::Status(status), said)),
        (401 | 403, _) => Err((Fault::CredentialRefused, said)),
        (429, _) => Err((Fault::Throttled, said)),
        (status @ 500.., _) => Err((Fault::Status(status), said)),
        _ => Ok(()),
    }
}

/// A blocked number is our trouble, not an outage.
pub(in crate::outage) fn health(answered: &Answered<'_>) -> Result<Result<(), (Fault, String)>, Unreadable> {
    if let Err(trouble) = graph(answered) {
        return Ok(Err(trouble));
    }
    if answered.status >= 400 {
        return Ok(Ok(()));
    }
    let document = answered.json()?;
    let health = &document["health_status"];
    let said = |word: &str| format!("our number is {word}{}", causes(health));
    match health["can_send_message"].as_str() {
        Some("AVAILABLE") => Ok(Ok(())),
        Some(word @ "LIMITED") => Ok(Err((Fault::Throttled, said(word)))),
        Some(word @ "BLOCKED") => Ok(Err((Fault::CredentialRefused, said(word)))),
        _ => Err(Unreadable("the answer does not say whether our number may send".to_owned())),
    }
}

fn causes(health: &Value) -> String {
    let entities = health["entities"].as_array().into_iter().flatten();
    let errors = entities.flat_map(|entity| entity["errors"].as_array().into_iter().flatten());
    let words: Vec<&str> = errors.filter_map(|error| error["error_description"].as_str()).collect();
    match words.is_empty() {
        true => String::new(),
        false => format!(": {}", in_short(&words.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::reading::Reading;
    use crate::outage::reading::tests::is_well;
    use crate::outage::reading::tests::trouble;

    #[test]
    fn an_expired_token_is_our_trouble_whatever_status_it_comes_with() {
        let expired = r#"{"error":{"message":"Error validating access token: Session has expired","code":190}}"#;
        for status in [400, 401] {
            let (fault, why) = trouble(Reading::WhatsappHealth, status, expired);
            assert_eq!(fault, Fault::CredentialRefused);
            assert!(why.ends_with("Session has expired"), "{why}");
        }
        assert_eq!(trouble(Reading::Graph, 403, "").0, Fault::CredentialRefused);
    }

    #[test]
    fn meta_that_is_not_well_is_told_from_a_question_that_is_not() {
        let error = |code: i64| format!(r#"{{"error":{{"message":"Service unavailable","code":{code}}}}}"#);
        assert_eq!(trouble(Reading::Graph, 500, &error(2)).0, Fault::Status(500));
        assert_eq!(trouble(Reading::Graph, 400, &error(131_016)).0, Fault::Status(400));
        assert_eq!(trouble(Reading::Graph, 503, "<html>").0, Fault::Status(503));
        assert_eq!(trouble(Reading::Graph, 400, &error(130_429)).0, Fault::Throttled);
        assert!(is_well(Reading::Graph, 400, &error(100)));
        assert!(is_well(Reading::Graph, 400, "<html>"));
    }

    #[test]
    fn a_blocked_number_says_why() {
        let health = |word: &str| {
            format!(
                r#"{{"health_status":{{"can_send_message":"{word}","entities":[{{"entity_type":"WABA","errors":
                [{{"error_code":141006,"error_description":"There is an error with the payment method"}}]}}]}}}}"#
            )
        };
        assert!(is_well(Reading::WhatsappHealth, 200, &health("AVAILABLE")));
        assert_eq!(trouble(Reading::WhatsappHealth, 200, &health("LIMITED")).0, Fault::Throttled);
        let blocked = trouble(Reading::WhatsappHealth, 200, &health("BLOCKED"));
        let why = "our number is BLOCKED: There is an error with the payment method".to_owned();
        assert_eq!(blocked, (Fault::CredentialRefused, why));
    }
}
