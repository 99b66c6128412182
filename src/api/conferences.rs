//! What the API says of conferences and supervisors, field by field.

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// A conference that somebody is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Conference)]
#[serde(deny_unknown_fields)]
pub struct ConferenceDocument {
    /// As the dialplan names it.
    pub name: String,
    /// When the first member came.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// The file that is being written, relative to `recordings/` in the data folder; null while nothing is recorded.
    pub recording: Option<String>,
    /// In the order in which they came.
    pub members: Vec<MemberDocument>,
}

/// Somebody in a conference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConferenceMember)]
#[serde(deny_unknown_fields)]
pub struct MemberDocument {
    /// `call_…`
    pub call: String,
    /// E.164, an extension, or `anonymous`.
    pub party: String,
    /// Whether others may wait for this one, and leave with the last such.
    pub moderator: bool,
    /// Whether nobody hears this one.
    pub muted: bool,
    /// Whether this one hears music until a moderator comes.
    pub waiting: bool,
    /// When this one came.
    #[schema(value_type = String, format = DateTime)]
    pub joined: Timestamp,
}

/// Who hears a talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Supervisor)]
#[serde(deny_unknown_fields)]
pub struct SupervisorDocument {
    /// Whose phone it is.
    pub extension: String,
    /// `listen`, `whisper` or `barge`.
    pub mode: String,
    /// False while the phone rings.
    pub listens: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench::at;
    use crate::call::record::CallId;
    use crate::call::record::SupervisorMode;
    use crate::call::record::SupervisorView;
    use crate::switch::command::ConferenceView;
    use crate::switch::command::MemberView;

    #[test]
    fn what_the_switch_writes_is_what_stands_here() {
        let joined = at("2026-11-23T12:39:00Z");
        let member = MemberView {
            call: CallId("call_1".to_owned()),
            party: "+5511999998888".to_owned(),
            moderator: true,
            muted: false,
            waiting: false,
            joined,
        };
        let recording = Some("conferences/equipe-1.wav".to_owned());
        let view = ConferenceView { name: "equipe".to_owned(), started: joined, recording, members: vec![member] };
        let written = serde_json::to_value(&view).unwrap();
        let read: ConferenceDocument = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), written);
        let view = SupervisorView { extension: "200".to_owned(), mode: SupervisorMode::Whisper, listens: true };
        let written = serde_json::to_value(&view).unwrap();
        let read: SupervisorDocument = serde_json::from_value(written.clone()).unwrap();
        assert_eq!((read.mode.as_str(), serde_json::to_value(&read).unwrap()), ("whisper", written));
    }
}
