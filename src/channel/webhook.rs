//! What a provider sends us: is it really them, and which texts and receipts are in it.

use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::channel::Delivery;
use crate::channel::Inbound;
use crate::channel::Webhook;
use crate::channel::config::Config;
use crate::channel::config::ConfigFault;
use crate::channel::config::Receipt;
use crate::channel::config::Webhook as WebhookConfig;

/// `[channel.webhook]`, checked.
#[derive(Debug)]
pub struct WebhookReader {
    config: WebhookConfig,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    #[error("this channel expects no webhook: it has no `webhook`")]
    NotExpected,
    #[error("the shared secret is missing or wrong")]
    WrongSecret,
    #[error("the webhook cannot be read: {why}")]
    Malformed { why: String },
}

/// A payload in which fields can be looked up, whatever its form.
enum Payload {
    Json(Value),
    Form(Vec<(String, String)>),
}

impl WebhookReader {
    pub fn open(channel: &Config, config: &WebhookConfig) -> Result<WebhookReader, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        if config.secret_header.is_some() != config.secret.is_some() {
            let fault = "`secret_header` and `secret` belong together";
            faults.push(channel.fault("webhook.secret", fault));
        }
        if config.each.as_ref().is_some_and(|each| !each.starts_with('/')) {
            faults.push(channel.fault("webhook.each", "is a JSON pointer and begins with `/`"));
        }
        match faults.is_empty() {
            true => Ok(WebhookReader { config: config.clone() }),
            false => Err(faults),
        }
    }

    pub fn read(&self, webhook: &Webhook) -> Result<Vec<Inbound>, WebhookError> {
        self.check_secret(webhook)?;
        let payload = Payload::of(webhook)?;
        let mut inbound = Vec::new();
        for item in payload.items(self.config.each.as_deref())? {
            inbound.extend(self.read_item(&item)?);
        }
        Ok(inbound)
    }

    /// Takes the same time wherever the first difference is.
    fn check_secret(&self, webhook: &Webhook) -> Result<(), WebhookError> {
        let (Some(header), Some(secret)) = (&self.config.secret_header, &self.config.secret) else {
            return Ok(());
        };
        let mut headers = webhook.headers.iter();
        let sent = headers.find(|(name, _)| name.eq_ignore_ascii_case(header));
        let sent = sent.map_or("", |(_, value)| value.as_str());
        match bool::from(sent.as_bytes().ct_eq(secret.0.as_bytes())) && !secret.0.is_empty() {
            true => Ok(()),
            false => Err(WebhookError::WrongSecret),
        }
    }

    fn read_item(&self, item: &Payload) -> Result<Option<Inbound>, WebhookError> {
        let config = &self.config;
        if let Some(receipt) = &config.receipt
            && let Some(read) = read_receipt(receipt, item)
        {
            return Ok(read);
        }
        Ok(Some(Inbound::Text {
            from: item.required(&config.from)?,
            to: config.to.as_ref().and_then(|field| item.field(field)).unwrap_or_default(),
            text: item.required(&config.text)?,
            provider_id: config.id.as_ref().and_then(|field| item.field(field)),
        }))
    }
}

/// `None`: this is no receipt. `Some(None)`: a receipt that says nothing new, such as `sent`.
fn read_receipt(config: &Receipt, item: &Payload) -> Option<Option<Inbound>> {
    let status = item.field(&config.status)?;
    let provider_id = item.field(&config.id)?;
    let delivery = match &status {
        word if config.delivered.contains(word) => Delivery::Delivered,
        word if config.failed.contains(word) => Delivery::Failed { why: format!("the provider reports `{word}`") },
        _ => return Some(None),
    };
    Some(Some(Inbound::Receipt { provider_id, delivery }))
}

impl Payload {
    /// JSON by its first byte, else a form; the query counts where the body is empty.
    fn of(webhook: &Webhook) -> Result<Payload, WebhookError> {
        let body = webhook.body.trim_ascii();
        match body.first() {
            Some(b'{' | b'[') => {
                let document = serde_json::from_slice(body);
                document.map(Payload::Json).map_err(malformed)
            }
            Some(_) => {
                let form = std::str::from_utf8(body).map_err(malformed)?;
                Ok(Payload::Form(form_fields(form)))
            }
            None => Ok(Payload::Form(form_fields(&webhook.query))),
        }
    }

    fn items(self, each: Option<&str>) -> Result<Vec<Payload>, WebhookError> {
        let (Payload::Json(document), Some(pointer)) = (&self, each) else {
            return Ok(vec![self]);
        };
        match document.pointer(pointer) {
            Some(Value::Array(list)) => Ok(list.iter().cloned().map(Payload::Json).collect()),
            Some(single) => Ok(vec![Payload::Json(single.clone())]),
            None => Err(malformed(format!("nothing stands at `{pointer}`"))),
        }
    }

    fn field(&self, field: &str) -> Option<String> {
        match self {
            Payload::Json(document) => {
                let found = match field.starts_with('/') {
                    true => document.pointer(field)?,
                    false => document.get(field)?,
                };
                match found {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                }
            }
            Payload::Form(fields) => {
                let name = field.trim_start_matches('/');
                let found = fields.iter().find(|(key, _)| key == name);
                found.map(|(_, value)| value.clone())
            }
        }
    }

    fn required(&self, field: &str) -> Result<String, WebhookError> {
        self.field(field).ok_or_else(|| malformed(format!("it has no `{field}`")))
    }
}

fn malformed(why: impl ToString) -> WebhookError {
    WebhookError::Malformed { why: why.to_string() }
}

fn form_fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let fields = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (form_decoded(name), form_decoded(value))
    });
    fields.collect()
}

/// Plus is a space; a broken percent sign stands for itself.
fn form_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    const FORM: &str = r#"
        from = "From"
        to = "To"
        text = "Body"
        id = "MessageSid"
        secret_header = "X-Token"
        secret = "s3cret"
        receipt = { id = "MessageSid", status = "MessageStatus", delivered = ["delivered"], failed = ["failed", "undelivered"] }
    "#;

    #[test]
    fn a_form_is_read_by_its_field_names() {
        let body = "From=%2B5511999998888&To=%2B551140031234&Body=Ol%C3%A1+%26+tchau&MessageSid=SM1";
        assert_eq!(
            read(FORM, body).unwrap(),
            [Inbound::Text {
                from: "+5511999998888".to_owned(),
                to: "+551140031234".to_owned(),
                text: "Olá & tchau".to_owned(),
                provider_id: Some("SM1".to_owned()),
            }]
        );
    }

    #[test]
    fn receipts_are_told_from_texts_and_steps_on_the_way_are_ignored() {
        let receipt = |status: &str| read(FORM, &format!("MessageSid=SM1&MessageStatus={status}"));
        assert_eq!(
            receipt("delivered").unwrap(),
            [Inbound::Receipt { provider_id: "SM1".to_owned(), delivery: Delivery::Delivered }]
        );
        assert!(matches!(
            receipt("undelivered").unwrap()[..],
            [Inbound::Receipt { delivery: Delivery::Failed { .. }, .. }]
        ));
        assert_eq!(receipt("sent").unwrap(), []);
    }

    #[test]
    fn json_is_read_by_pointers_and_may_hold_several_texts() {
        let config = r#"
            each = "/entry/0/messages"
            from = "/from"
            text = "/text/body"
            id = "/id"
        "#;
        let body = r#"{"entry":[{"messages":[
            {"from":"5511999998888","id":1,"text":{"body":"oi"}},
            {"from":"5511999997777","id":2,"text":{"body":"alô"}}]}]}"#;
        let texts = read(config, body).unwrap();
        assert_eq!(texts.len(), 2);
        assert!(
            matches!(&texts[1], Inbound::Text { text, provider_id, .. } if text == "alô" && provider_id.as_deref() == Some("2"))
        );
    }

    #[test]
    fn a_wrong_or_missing_secret_is_refused() {
        let mut webhook = webhook("From=1&Body=x");
        webhook.headers[0].1 = "s3creT".to_owned();
        assert_eq!(reader(FORM).read(&webhook), Err(WebhookError::WrongSecret));
        webhook.headers.clear();
        assert_eq!(reader(FORM).read(&webhook), Err(WebhookError::WrongSecret));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(read(FORM, "Body=x").unwrap_err().to_string(), "the webhook cannot be read: it has no `From`");
        assert!(read(FORM, "{\"From\": ").is_err());
    }

    #[test]
    fn a_secret_without_its_header_is_a_fault() {
        let config = toml::from_str("from = \"a\"\ntext = \"b\"\nsecret = \"x\"").unwrap();
        let faults = WebhookReader::open(&Config::named("sms", "sms"), &config).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "channel `sms`: webhook.secret: `secret_header` and `secret` belong together"
        );
    }

    proptest! {
        #[test]
        fn anything_may_arrive(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let webhook = Webhook { body: body.into(), ..webhook("") };
            let _ = reader(FORM).read(&webhook);
        }
    }

    fn read(config: &str, body: &str) -> Result<Vec<Inbound>, WebhookError> {
        reader(config).read(&webhook(body))
    }

    fn reader(config: &str) -> WebhookReader {
        let config = toml::from_str(config).unwrap();
        WebhookReader::open(&Config::named("sms", "sms"), &config).unwrap()
    }

    fn webhook(body: &str) -> Webhook {
        Webhook {
            headers: vec![("x-token".to_owned(), "s3cret".to_owned())],
            query: String::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }
}
