//! SMS over any provider with an HTTP interface.

use crate::channel::Channel;
use crate::channel::channels::Parts;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::provider::Provider;
use crate::channel::webhook::WebhookReader;
use crate::outage::probe::Probe;

pub const KIND: &str = "sms";

#[derive(Debug)]
pub struct Sms {
    name: String,
    probes: Vec<Probe>,
    provider: Provider,
    webhook: Option<WebhookReader>,
}

pub(super) fn open(config: &Config, parts: Parts) -> Result<Box<dyn Channel>, ConfigFault> {
    let missing = || config.fault("send", "an sms channel needs it: at least `url`");
    Ok(Box::new(Sms {
        name: parts.name,
        probes: parts.probes,
        provider: parts.provider.ok_or_else(missing)?,
        webhook: parts.webhook,
    }))
}

impl Channel for Sms {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> &'static str {
        KIND
    }

    fn probes(&self) -> &[Probe] {
        &self.probes
    }

    fn provider(&self) -> Option<&Provider> {
        Some(&self.provider)
    }

    fn webhook(&self) -> Option<&WebhookReader> {
        self.webhook.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::channel::ComposeError;
    use crate::channel::HttpAnswer;
    use crate::channel::Outbound;
    use crate::channel::Repeats;
    use crate::channel::Route;
    use crate::channel::SendOutcome;
    use crate::channel::channels::Channels;
    use crate::channel::message::MessageId;

    const FORM: &str = r#"
        url = "https://api.example/Accounts/{account}/Messages.json?to={to}"
        headers = { Authorization = "Basic {token}", Content-Type = "application/x-www-form-urlencoded" }
        body = "To={to}&From={from}&Body={text}"
        id = "/sid"
        idempotency_header = "Idempotency-Key"
        variables = { account = "AC1", token = "abc=" }
    "#;

    #[test]
    fn a_text_becomes_the_request_that_the_operator_described() {
        let sms = channel(FORM);
        let Route::Http(request) = sms.route(&outbound("+551140031234")).unwrap() else {
            panic!("an sms leaves by http");
        };
        assert_eq!(request.method, "POST");
        assert_eq!(request.url, "https://api.example/Accounts/AC1/Messages.json?to=%2B5511999998888");
        let headers: Vec<String> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            headers,
            ["Authorization: Basic abc=", "Content-Type: application/x-www-form-urlencoded", "Idempotency-Key: msg_1"]
        );
        assert_eq!(request.body, "To=%2B5511999998888&From=%2B551140031234&Body=Ol%C3%A1%20%22voc%C3%AA%22");
        assert_eq!(sms.repeats(), Repeats::AreRecognised);
        assert!(!format!("{request:?}").contains("5511"), "{request:?}");
    }

    #[test]
    fn json_bodies_and_configured_senders() {
        let sms = channel(
            r#"
            url = "http://127.0.0.1:9/send"
            headers = { content-type = "application/json; charset=utf-8" }
            body = '{"to": "{to_digits}", "from": "{from}", "text": "{text}", "parts": 1}'
            from = "Loja"
            "#,
        );
        let Route::Http(request) = sms.route(&outbound("")).unwrap() else {
            panic!("an sms leaves by http");
        };
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["to"], "5511999998888");
        assert_eq!(body["from"], "Loja");
        assert_eq!(body["text"], "Olá \"você\"");
        assert_eq!(sms.repeats(), Repeats::MayArriveTwice);
    }

    #[test]
    fn a_text_without_a_sender_is_refused_where_one_is_needed() {
        assert_eq!(channel(FORM).route(&outbound("")), Err(ComposeError::NoSender));
        let in_header = r#"
            url = "http://127.0.0.1:9/"
            headers = { X-Text = "{text}" }
        "#;
        let mut split = outbound("");
        split.text = "a\r\nX-Evil: 1".to_owned();
        assert!(matches!(channel(in_header).route(&split), Err(ComposeError::UnfitForHeader { .. })));
    }

    #[test]
    fn answers_are_read_as_taken_refused_later_or_unknown() {
        let sms = channel(FORM);
        assert_eq!(
            sms.read_answer(&answer(201, r#"{"sid":"SM1","status":"queued"}"#)),
            SendOutcome::Accepted { provider_id: Some("SM1".to_owned()) }
        );
        let refused = sms.read_answer(&answer(400, r#"{"code": 21211}"#));
        let why = "the provider answered 400: {\"code\": 21211}".to_owned();
        assert_eq!(refused, SendOutcome::Refused { why });
        assert!(matches!(sms.read_answer(&answer(502, "")), SendOutcome::Unknown { .. }));
        let slow_down = HttpAnswer { retry_after: Some(Duration::from_secs(7)), ..answer(429, "") };
        assert!(
            matches!(sms.read_answer(&slow_down), SendOutcome::TryAgain { after: Some(after), .. } if after.as_secs() == 7)
        );
    }

    #[test]
    fn some_providers_answer_200_to_everything() {
        let sms = channel(
            r#"
            url = "http://127.0.0.1:9/"
            id = "/messages/0/message-id"
            status = "/messages/0/status"
            accepted = ["0"]
            try_again = ["1"]
            "#,
        );
        let outcome = |status: &str| {
            let body = format!(r#"{{"messages":[{{"status":{status},"message-id":17}}]}}"#);
            sms.read_answer(&answer(200, &body))
        };
        let provider_id = Some("17".to_owned());
        assert_eq!(outcome("\"0\""), SendOutcome::Accepted { provider_id });
        assert!(matches!(outcome("1"), SendOutcome::TryAgain { .. }));
        assert!(matches!(outcome("\"4\""), SendOutcome::Refused { .. }));
        assert!(matches!(sms.read_answer(&answer(200, "<html>")), SendOutcome::Unknown { .. }));
    }

    fn channel(send: &str) -> Box<dyn Channel> {
        let mut config = Config::named("sms", "sms");
        config.send = Some(toml::from_str(send).unwrap());
        let opened = Channels::open(std::slice::from_ref(&config));
        opened.unwrap_or_else(|faults| panic!("{faults:?}"));
        super::super::open_one(&config).unwrap()
    }

    fn outbound(from: &str) -> Outbound {
        Outbound {
            id: MessageId("msg_1".to_owned()),
            from: from.to_owned(),
            to: "+5511999998888".to_owned(),
            text: "Olá \"você\"".to_owned(),
        }
    }

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer { status, retry_after: None, body: Bytes::copy_from_slice(body.as_bytes()) }
    }
}
