//! What the API answers, field by field: the promise that programs rely on, and what our own client reads.
//!
//! The rooms below write these documents themselves; tests hold that what they write and what stands here are the same.

pub mod audio;
pub mod callbacks;
pub mod calls;
pub mod channels;
pub mod dialplan;
pub mod incidents;
pub mod messages;
pub mod parking;
pub mod queues;
pub mod recordings;
pub mod status;
pub mod webhooks;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use crate::switch::command::Problem;

/// Things that are all given at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct List<T> {
    /// In a fixed order.
    pub data: Vec<T>,
}

/// Things in time, newest first, a page at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Paged<T> {
    /// Newest first.
    pub data: Vec<T>,
    /// Send it as `cursor` for the page that follows; null on the last page.
    pub next_cursor: Option<String>,
}

/// One line of the event stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Event)]
pub struct EventDocument {
    /// `evt_…`, ascending in time.
    pub id: String,
    /// `call.ringing`, `message.received`, `channel.changed`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The thing that changed, as the API would show it.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// A refusal; RFC 9457.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:desvio:problem:RULE`
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong, the same for every case of it.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// Short and stable, for programs: `unknown-flow`.
    pub rule: String,
    /// What to do next.
    pub hint: String,
    /// Of a dialplan that is refused: all faults, as `desvio check --json` writes them. Absent elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub faults: Vec<serde_json::Value>,
}

impl From<Problem> for ProblemDocument {
    fn from(problem: Problem) -> Self {
        Self {
            kind: format!("urn:desvio:problem:{}", problem.rule),
            title: problem.title,
            status: problem.status,
            detail: problem.detail,
            rule: problem.rule.to_owned(),
            hint: problem.hint,
            faults: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench;
    use crate::api::documents::calls::CallDocument;
    use crate::api::documents::calls::RecordDocument;
    use crate::api::documents::channels::ChannelDocument;
    use crate::api::documents::dialplan::DialplanDocument;
    use crate::api::documents::incidents::IncidentDocument;
    use crate::api::documents::messages::MessageDocument;
    use crate::api::documents::status::StatusDocument;
    use crate::call::record::LegView;

    /// Fields that are left out where they are empty are no difference.
    fn same<T: Serialize>(written: &impl Serialize, read: &T) {
        let written = serde_json::to_value(written).unwrap();
        assert_eq!(written, serde_json::to_value(read).unwrap());
    }

    #[test]
    fn what_the_rooms_below_write_is_what_stands_here() {
        let mut call = bench::call("call_1");
        let media = bench::record("call_1").legs.remove(0).media;
        call.legs.push(LegView { party: "caller".into(), trunk: None, started: call.started, answered: None, media });
        let document: CallDocument = read(&call);
        same(&call, &document);
        let record = bench::record("call_1");
        let document: RecordDocument = read(&record);
        same(&record, &document);
        let channel = bench::channel("whatsapp");
        let document: ChannelDocument = read(&channel);
        same(&channel, &document);
        let dialplan = bench::dialplan();
        let document: DialplanDocument = read(&dialplan);
        same(&dialplan, &document);
        let incident = bench::incident("inc_1");
        let document: IncidentDocument = read(&incident);
        same(&incident, &document);
        let status = bench::status();
        let document: StatusDocument = read(&status);
        same(&status, &document);
        let message = bench::message("msg_1");
        let document: MessageDocument = read(&message);
        same(&message, &document);
    }

    fn read<T: serde::de::DeserializeOwned>(written: &impl Serialize) -> T {
        serde_json::from_value(serde_json::to_value(written).unwrap()).unwrap()
    }
}
