//! What tests of this room share: a folder that goes away, and things to keep.

use std::env;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::record::Party;
use crate::call::record::Record;
use crate::call::record::Status;
use crate::channel::message::Message;
use crate::store::Store;
use crate::store::config::Config;

/// A folder of this test alone, removed at its end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("desvio-store-{}-{number}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A store in this folder that does not wait long for locks.
    pub(super) async fn store(&self) -> Store {
        let patience = Duration::from_millis(50);
        Store::open_with(&Config::default(), &self.0, patience).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A call of the 23rd that began this many seconds after noon.
pub(super) fn record(id: &str, seconds: i64) -> Record {
    let started = at("2026-11-23T12:00:00Z") + jiff::SignedDuration::from_secs(seconds);
    Record {
        id: CallId(id.into()),
        direction: Direction::Inbound,
        from: "+5511999998888".into(),
        to: "+551140031234".into(),
        diverted_from: None,
        answered_by: None,
        status: Status::Completed,
        started,
        answered: Some(started),
        ended: started + jiff::SignedDuration::from_secs(60),
        ring_ms: 0,
        wait_ms: 12_000,
        talk_ms: 40_000,
        trunk: Some("operadora".into()),
        flow: Some("entrada".into()),
        queue: Some("vendas".into()),
        agent: Some("200".into()),
        conference: None,
        hung_up_by: Party::Caller,
        cause: 16,
        channels_down: vec!["whatsapp".into()],
        tags: Default::default(),
        legs: Vec::new(),
        steps: Vec::new(),
        consent: None,
        recordings: Vec::new(),
    }
}

/// A text that is on its way to a customer.
pub(super) fn message(id: &str, status: &str, attempts: u32) -> Message {
    serde_json::from_value(json!({
        "id": id,
        "direction": "outbound",
        "from": "+551140031234",
        "to": "+5511999998888",
        "text": "O WhatsApp está fora do ar.",
        "channel": "sms",
        "status": status,
        "provider_id": null,
        "attempts": attempts,
        "created": "2026-11-23T12:39:00Z",
        "updated": "2026-11-23T12:39:00Z",
        "error": null,
    }))
    .unwrap()
}
