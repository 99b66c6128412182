//! The kinds of events that are published, as webhooks choose among them.

/// All of them, in the order of the alphabet; docs/api.md tells what each means.
pub const EVENT_KINDS: [&str; 58] = [
    "alarm.raised",
    "alarm.settled",
    "call.answered-by",
    "call.beeped",
    "call.busy",
    "call.canceled",
    "call.completed",
    "call.connected",
    "call.failed",
    "call.heard-again",
    "call.in-progress",
    "call.no-answer",
    "call.parked",
    "call.picked-up",
    "call.queued",
    "call.quiet",
    "call.ringing",
    "call.supervised",
    "call.supervision-ended",
    "call.transferred",
    "call.waiting",
    "callback.booked",
    "callback.calling",
    "callback.canceled",
    "callback.completed",
    "callback.failed",
    "callback.hung-up",
    "callback.put-off",
    "channel.changed",
    "conference.ended",
    "conference.joined",
    "conference.left",
    "conference.muted",
    "conference.recorded",
    "conference.unmuted",
    "dialplan.event",
    "dialplan.loaded",
    "dialplan.refused",
    "extension.registered",
    "extension.unregistered",
    "incident.closed",
    "incident.opened",
    "message.delivered",
    "message.failed",
    "message.received",
    "message.sent",
    "recording.completed",
    "recording.deleted",
    "recording.paused",
    "recording.resumed",
    "recording.started",
    "trunk.changed",
    "voicemail.deleted",
    "voicemail.heard",
    "voicemail.left",
    "voicemail.notice-failed",
    "voicemail.notified",
    "voicemail.unheard",
];

/// Whether anything is ever published that this names: a kind, `call.*`, or `call`.
pub fn is_published(wanted: &str) -> bool {
    let family = wanted.strip_suffix(".*").unwrap_or(wanted);
    let fits = |kind: &&str| kind.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    EVENT_KINDS.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one hears who was away: it goes to listeners, and to no webhook.
    const OF_LISTENERS: &str = "events.missed";

    #[test]
    fn every_kind_of_the_docs_can_be_chosen() {
        let docs = include_str!("../../docs/api.md");
        let rows = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" | "));
        let kinds = rows.flat_map(|(kinds, _)| kinds.split("`, `")).map(|kind| kind.trim_end_matches('`'));
        let is_kind = |kind: &&str| kind.split_once('.').is_some_and(|(family, _)| is_published(family));
        for kind in kinds.filter(is_kind).filter(|kind| *kind != OF_LISTENERS) {
            assert!(EVENT_KINDS.contains(&kind), "{kind}");
        }
        for kind in EVENT_KINDS {
            assert!(is_published(kind) && docs.contains(kind), "{kind}");
        }
        for wrong in ["call.complete", "calls.*", "*", "", "call.", "call.completed.*.*"] {
            assert!(!is_published(wrong), "{wrong}");
        }
    }
}
