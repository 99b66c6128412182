//! Telegram's Bot API: does it know our bot, and do its updates reach us.

use crate::outage::fault::Fault;
use crate::outage::reading::Answered;
use crate::outage::reading::Unreadable;
use crate::outage::reading::in_short;

/// Updates that wait for us, from which on it is no coincidence.
const BACKLOG: i64 = 100;

/// A delivery that failed longer ago than this has been made up for since.
const FRESH_SECONDS: i64 = 300;

/// A token that is no token is answered by 404.
pub(in crate::outage) fn method(answered: &Answered<'_>) -> Result<Result<(), (Fault, String)>, Unreadable> {
    let document = answered.json();
    let words = document.as_ref().ok().and_then(|document| document["description"].as_str());
    let said = format!("status {}: {}", answered.status, in_short(words.unwrap_or_default()));
    let said = said.trim_end_matches(": ").to_owned();
    match answered.status {
        401 | 403 | 404 => Ok(Err((Fault::CredentialRefused, said))),
        429 => Ok(Err((Fault::Throttled, said))),
        status @ 500.. => Ok(Err((Fault::Status(status), said))),
        _ => match document?["ok"].as_bool() {
            Some(_) => Ok(Ok(())),
            None => Err(Unreadable("the answer is not one of the Bot API".to_owned())),
        },
    }
}

/// A bot without a webhook fetches its updates itself.
pub(in crate::outage) fn webhook(answered: &Answered<'_>) -> Result<Result<(), (Fault, String)>, Unreadable> {
    if let Err(trouble) = method(answered)? {
        return Ok(Err(trouble));
    }
    let document = answered.json()?;
    let webhook = &document["result"];
    let waiting = webhook["pending_update_count"].as_i64().unwrap_or_default();
    let failed = webhook["last_error_date"].as_i64().unwrap_or_default();
    let fresh = answered.wall.as_second().saturating_sub(failed) < FRESH_SECONDS;
    if webhook["url"].as_str().unwrap_or_default().is_empty() || waiting <= 0 {
        return Ok(Ok(()));
    }
    if fresh {
        let why = in_short(webhook["last_error_message"].as_str().unwrap_or("no reason is said"));
        return Ok(Err((Fault::WebhookFailing, format!("our webhook fails ({why}), {waiting} updates wait"))));
    }
    match waiting >= BACKLOG {
        true => Ok(Err((Fault::WebhookBacklog, format!("{waiting} updates wait for our webhook")))),
        false => Ok(Ok(())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outage::reading::Reading;
    use crate::outage::reading::tests::is_well;
    use crate::outage::reading::tests::read;
    use crate::outage::reading::tests::trouble;

    #[test]
    fn a_wrong_token_a_flood_and_an_outage_are_told_apart() {
        assert!(is_well(Reading::Telegram, 200, r#"{"ok":true,"result":{"id":1,"is_bot":true}}"#));
        let unauthorized = r#"{"ok":false,"error_code":401,"description":"Unauthorized"}"#;
        let refused = (Fault::CredentialRefused, "status 401: Unauthorized".to_owned());
        assert_eq!(trouble(Reading::Telegram, 401, unauthorized), refused);
        assert_eq!(trouble(Reading::Telegram, 404, "").0, Fault::CredentialRefused);
        assert_eq!(trouble(Reading::Telegram, 429, "{}").0, Fault::Throttled);
        assert_eq!(trouble(Reading::Telegram, 502, "<html>Bad Gateway").0, Fault::Status(502));
        assert!(read(Reading::Telegram, 200, "<html>").is_err());
    }

    #[test]
    fn updates_that_do_not_reach_us_are_our_webhooks_trouble() {
        // Noon of 4 October 2021 is 1633348800.
        let webhook = |waiting: i64, failed: i64| {
            format!(
                r#"{{"ok":true,"result":{{"url":"https://loja.example/t","pending_update_count":{waiting},
                "last_error_date":{failed},"last_error_message":"Connection refused"}}}}"#
            )
        };
        let read = |waiting, failed| trouble(Reading::TelegramWebhook, 200, &webhook(waiting, failed));
        let failing = "our webhook fails (Connection refused), 3 updates wait".to_owned();
        assert_eq!(read(3, 1_633_348_700), (Fault::WebhookFailing, failing));
        assert_eq!(read(100, 1_633_300_000).0, Fault::WebhookBacklog);
        assert!(is_well(Reading::TelegramWebhook, 200, &webhook(3, 1_633_300_000)));
        assert!(is_well(Reading::TelegramWebhook, 200, &webhook(0, 1_633_348_700)));
        let none = r#"{"ok":true,"result":{"url":"","pending_update_count":500}}"#;
        assert!(is_well(Reading::TelegramWebhook, 200, none));
        assert_eq!(trouble(Reading::TelegramWebhook, 401, "{}").0, Fault::CredentialRefused);
    }
}
