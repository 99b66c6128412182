//! What the answer to a text of ours says of its channel: that it is well, that it refuses us, or that it is not there.

use std::time::Duration;

use jiff::Timestamp;

use crate::channel::Channel;
use crate::channel::HttpAnswer;
use crate::channel::HttpFailure;
use crate::channel::SendOutcome;
use crate::outage::Outcome;
use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Reading;

/// A refusal of this one text (a wrong number, a window that is closed) is a sign of life.
pub fn outcome_of_send(channel: &dyn Channel, result: &Result<HttpAnswer, HttpFailure>) -> Outcome {
    let answer = match result {
        Ok(answer) => answer,
        Err(failure) => return Outcome::failed(Fault::SendsFail, failure.to_string()),
    };
    let outcome = channel.read_answer(answer);
    if let SendOutcome::Accepted { .. } = outcome {
        return well();
    }
    match reading_of(channel.kind()) {
        // Of a text, 403 means that this customer has blocked the bot.
        Some(Reading::Telegram) if answer.status == 403 => well(),
        Some(reading) => as_the_service_says(reading, answer),
        None => as_the_status_says(answer, &outcome),
    }
}

fn as_the_service_says(reading: Reading, answer: &HttpAnswer) -> Outcome {
    let answered = Answered { status: answer.status, body: &answer.body, service: None, wall: Timestamp::UNIX_EPOCH };
    let first = reading.read(&answered).map(|mut findings| findings.pop());
    match first {
        Ok(Some(finding)) => match finding.is {
            Ok(()) => well(),
            Err((fault @ (Fault::CredentialRefused | Fault::Throttled), why)) => Outcome::failed(fault, why),
            Err((_, why)) => Outcome::failed(Fault::SendsFail, why),
        },
        Ok(None) => well(),
        Err(unreadable) => Outcome::failed(Fault::SendsFail, unreadable.0),
    }
}

fn as_the_status_says(answer: &HttpAnswer, outcome: &SendOutcome) -> Outcome {
    let said = format!("the provider answered {}", answer.status);
    match (answer.status, outcome) {
        (401 | 403, _) => Outcome::failed(Fault::CredentialRefused, said),
        (429, _) => Outcome::failed(Fault::Throttled, said),
        (500.., _) => Outcome::failed(Fault::SendsFail, said),
        (_, SendOutcome::TryAgain { .. }) => Outcome::failed(Fault::Throttled, said),
        (_, SendOutcome::Unknown { .. }) => Outcome::failed(Fault::SendsFail, said),
        _ => well(),
    }
}

/// Kinds whose error texts we can read.
fn reading_of(kind: &str) -> Option<Reading> {
    match kind {
        "whatsapp" | "messenger" | "instagram" => Some(Reading::Graph),
        "telegram" => Some(Reading::Telegram),
        _ => None,
    }
}

fn well() -> Outcome {
    Outcome::Answered { took: Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::channel::channels::Channels;
    use crate::channel::config::Config;

    #[test]
    fn only_what_concerns_everybody_counts_against_the_channel() {
        assert_eq!(fault("sms", 201, ""), None);
        assert_eq!(fault("sms", 400, "no such number"), None);
        assert_eq!(fault("sms", 401, ""), Some(Fault::CredentialRefused));
        assert_eq!(fault("sms", 429, ""), Some(Fault::Throttled));
        assert_eq!(fault("sms", 502, ""), Some(Fault::SendsFail));
        let graph = |code: u32| format!(r#"{{"error":{{"message":"x","code":{code}}}}}"#);
        assert_eq!(fault("whatsapp", 400, &graph(131_047)), None, "the window of 24 hours is closed");
        assert_eq!(fault("whatsapp", 400, &graph(131_016)), Some(Fault::SendsFail));
        assert_eq!(fault("whatsapp", 400, &graph(190)), Some(Fault::CredentialRefused));
        assert_eq!(fault("whatsapp", 400, &graph(130_429)), Some(Fault::Throttled));
        assert_eq!(fault("telegram", 401, r#"{"ok":false}"#), Some(Fault::CredentialRefused));
        assert_eq!(fault("telegram", 403, r#"{"ok":false}"#), None, "one customer has blocked the bot");
        assert_eq!(fault("telegram", 502, "<html>"), Some(Fault::SendsFail));
    }

    #[test]
    fn no_answer_is_a_failure() {
        let (channels, late) = (channels("sms"), Err(HttpFailure::NoAnswer("none within 60s".to_owned())));
        let outcome = outcome_of_send(channels.find("canal").unwrap(), &late);
        assert_eq!(outcome, Outcome::failed(Fault::SendsFail, "no answer: none within 60s"));
    }

    fn fault(kind: &str, status: u16, body: &str) -> Option<Fault> {
        let answer = HttpAnswer { status, retry_after: None, body: Bytes::copy_from_slice(body.as_bytes()) };
        match outcome_of_send(channels(kind).find("canal").unwrap(), &Ok(answer)) {
            Outcome::Answered { .. } => None,
            Outcome::Failed { fault, .. } => Some(fault),
        }
    }

    fn channels(kind: &str) -> Channels {
        let mut config = Config::named("canal", kind);
        config.send = Some(toml::from_str("url = \"http://127.0.0.1:9/\"").unwrap());
        Channels::open(&[config]).unwrap()
    }
}
