//! Brings events to webhooks: one courier a webhook takes from the store what is due, hands it over, and writes down what
//! became of it. A receiver that is away for hours, or a restart of ours, loses nothing.

use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use metrics::counter;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::io::webhook::Handed;
use crate::io::webhook::Webhook;
use crate::store::Store;
use crate::store::deliveries::EventDelivery;
use crate::store::deliveries::Settled;
use crate::store::error::StoreError;
use crate::store::writer::Write;
use crate::store::writer::Writer;
use crate::switch::effect::PublicEvent;

/// After each try that failed; then it is given up. Together more than three days, as Standard Webhooks suggest.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
    Duration::from_secs(24 * 3600),
];
/// How often the store is asked what is due.
const LOOKS_EVERY: Duration = Duration::from_millis(500);
/// After a database that does not answer.
const RESTS: Duration = Duration::from_secs(10);
/// Handed over at the same time to one webhook.
const AT_ONCE: u32 = 8;
/// What was settled can be replayed for so long.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Writes down for each webhook what it wants to hear of.
#[derive(Debug, Clone)]
pub(super) struct Couriers {
    webhooks: Vec<Webhook>,
    writer: Writer,
}

impl Couriers {
    /// Sends the couriers off.
    pub(super) fn start(webhooks: Vec<Webhook>, store: &Store, writer: Writer, workers: &Handle) -> Couriers {
        for webhook in &webhooks {
            workers.spawn(run(webhook.clone(), store.clone()));
        }
        Couriers { webhooks, writer }
    }

    pub(super) fn publish(&self, event: &PublicEvent) {
        let mut wanting = self.webhooks.iter().filter(|webhook| webhook.wants(event.kind)).peekable();
        if wanting.peek().is_none() {
            return;
        }
        let body = serde_json::to_string(event).expect("events are plain JSON");
        for webhook in wanting {
            let (webhook, event, at, body) = (webhook.name.clone(), event.id.clone(), event.at, body.clone());
            self.writer.write(Write::Delivery(Box::new(EventDelivery { webhook, event, at, body, attempts: 0 })));
        }
    }
}

async fn run(webhook: Webhook, store: Store) {
    let mut forgets_at = Timestamp::now();
    loop {
        let now = Timestamp::now();
        if now >= forgets_at {
            let _ = store.forget_deliveries(&webhook.name, now - KEPT_FOR).await;
            forgets_at = now + SignedDuration::from_hours(1);
        }
        match round(&webhook, &store, now).await {
            Ok(0) => sleep(LOOKS_EVERY).await,
            Ok(_) => {}
            Err(why) => {
                tracing::warn!(webhook = webhook.name, %why, "the webhook's events cannot be read or settled");
                sleep(RESTS).await;
            }
        }
    }
}

/// Hands over what is due; how many.
async fn round(webhook: &Webhook, store: &Store, now: Timestamp) -> Result<usize, StoreError> {
    let due = store.due_deliveries(&webhook.name, now, AT_ONCE).await?;
    let tries = due.iter().map(|delivery| webhook.hand_over(&delivery.event, now.as_second(), delivery.body.clone()));
    let handed = futures_util::future::join_all(tries).await;
    let now = Timestamp::now();
    let settle = |(delivery, handed): (EventDelivery, Handed)| {
        let settled = settled(webhook, &delivery, handed, now);
        (delivery, settled)
    };
    let tried: Vec<(EventDelivery, Settled)> = due.into_iter().zip(handed).map(settle).collect();
    if !tried.is_empty() {
        store.settle_deliveries(&tried).await?;
    }
    Ok(tried.len())
}

fn settled(webhook: &Webhook, delivery: &EventDelivery, handed: Handed, now: Timestamp) -> Settled {
    let (result, settled) = match (handed, PAUSES.get(delivery.attempts as usize)) {
        (Handed::Taken, _) => ("delivered", Settled::Delivered),
        (Handed::Gone, _) => ("failed", Settled::GivenUp { why: "it answered 410: it wants no more".to_owned() }),
        (Handed::Again { why }, None) => ("failed", Settled::GivenUp { why }),
        (Handed::Again { why }, Some(pause)) => {
            ("put-off", Settled::TryAt { at: now.checked_add(*pause).unwrap_or(now), why })
        }
    };
    counter!("desvio_webhook_deliveries_total", "webhook" => webhook.name.clone(), "result" => result).increment(1);
    match &settled {
        Settled::Delivered => tracing::debug!(webhook = webhook.name, event = delivery.event, "webhook delivered"),
        Settled::TryAt { at, why } => {
            tracing::info!(webhook = webhook.name, event = delivery.event, why, next = %at, "webhook not taken");
        }
        Settled::GivenUp { why } => {
            tracing::warn!(webhook = webhook.name, event = delivery.event, why, "webhook given up");
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::probe::stand_ins;

    #[test]
    fn a_receiver_has_more_than_three_days_and_ten_tries() {
        let config = "name = \"crm\"\nurl = \"http://127.0.0.1/\"\nsecret = \"0123456789abcdef\"";
        let webhook = Webhook::open(&toml::from_str(config).unwrap(), std::path::Path::new(""), None).unwrap();
        let mut now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let began = now;
        let mut delivery =
            EventDelivery { webhook: "crm".into(), event: "evt_1".into(), at: now, body: "{}".into(), attempts: 0 };
        let again = || Handed::Again { why: "it answered 503".into() };
        while let Settled::TryAt { at, .. } = settled(&webhook, &delivery, again(), now) {
            assert!(at > now);
            now = at;
            delivery.attempts += 1;
        }
        assert_eq!(delivery.attempts, 9);
        assert!(now.duration_since(began) > SignedDuration::from_hours(72), "{now}");
        assert!(matches!(settled(&webhook, &delivery, Handed::Gone, now), Settled::GivenUp { .. }));
        assert_eq!(settled(&webhook, &delivery, Handed::Taken, now), Settled::Delivered);
    }

    #[tokio::test]
    async fn an_event_reaches_who_wants_it_and_is_settled() {
        let (address, seen) = stand_ins::http_that_listens("HTTP/1.1 204 Done\r\n\r\n").await;
        let config = format!(
            "name = \"crm\"\nurl = \"http://{address}/\"\nsecret = \"0123456789abcdef\"\nevents = [\"call.*\"]"
        );
        let webhook = Webhook::open(&toml::from_str(&config).unwrap(), std::path::Path::new(""), None).unwrap();
        let folder = std::env::temp_dir().join(format!("desvio-couriers-{}", std::process::id()));
        let store = Store::open(&crate::store::config::Config::default(), &folder).await.unwrap();
        let (outcomes, _told) = tokio::sync::mpsc::unbounded_channel();
        let writer = Writer::start(&store, outcomes);
        let couriers = Couriers::start(vec![webhook], &store, writer, &Handle::current());
        for (id, kind) in [("evt_1", "message.received"), ("evt_2", "call.completed")] {
            let at = Timestamp::now();
            let data = serde_json::json!({ "id": "call_1" }).into();
            couriers.publish(&PublicEvent { id: id.to_owned(), kind, at, data });
        }
        let seen = tokio::time::timeout(Duration::from_secs(20), seen).await.unwrap().unwrap();
        assert!(seen.contains("webhook-id: evt_2") && seen.contains("\"type\":\"call.completed\""), "{seen}");
        for _ in 0..200 {
            let counts = store.delivery_counts("crm").await.unwrap();
            if counts.delivered == 1 {
                assert_eq!((counts.pending, counts.failed), (0, 0));
                let _ = std::fs::remove_dir_all(&folder);
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("it was never settled");
    }
}
