//! `application/dialog-info+xml`: the calls of one extension, as a busy lamp shows them. RFC 4235 §4.
//!
//! Always the full state, so a NOTIFY that is lost costs nothing. Tags and Call-ID are those of the watched phone's own
//! dialog with us, so that who sees the lamp can pick the call up with an INVITE that has Replaces.

use std::fmt::Write;

use crate::sip::subscription::xml::Escaped;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogInfo {
    /// The URI of the extension.
    pub entity: String,
    pub dialogs: Vec<DialogEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogEntry {
    /// The same for all the life of the dialog, and for no other.
    pub id: String,
    pub call_id: String,
    /// The watched phone's tag; none before it has answered anything.
    pub local_tag: Option<String>,
    pub remote_tag: Option<String>,
    pub direction: Direction,
    pub state: State,
    pub remote: Remote,
}

/// Seen from the watched phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Initiator,
    Recipient,
}

/// RFC 4235 §3.7.1, as far as a lamp needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Trying,
    Early,
    Confirmed,
}

/// The other end of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    pub uri: String,
    pub display: Option<String>,
}

impl DialogInfo {
    pub(super) fn write(&self, version: u32) -> String {
        let entity = Escaped(&self.entity);
        let mut out = String::with_capacity(256 + self.dialogs.len() * 512);
        // A String takes all that is written.
        let _ = write!(
            out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" \
             version=\"{version}\" state=\"full\" entity=\"{entity}\">\n"
        );
        for dialog in &self.dialogs {
            dialog.write(&self.entity, &mut out);
        }
        if self.dialogs.is_empty() {
            // Not as RFC 4235 §4.1: a full state without dialogs says it all, but Yealink and Grandstream let the lamp
            // burn until they have seen one that is terminated.
            let _ = writeln!(out, "<dialog id=\"none\"><state>terminated</state></dialog>");
        }
        out.push_str("</dialog-info>\n");
        out
    }
}

impl DialogEntry {
    fn write(&self, entity: &str, out: &mut String) {
        let (id, call_id) = (Escaped(&self.id), Escaped(&self.call_id));
        let _ = write!(out, "<dialog id=\"{id}\" call-id=\"{call_id}\"");
        for (name, tag) in [("local-tag", &self.local_tag), ("remote-tag", &self.remote_tag)] {
            if let Some(tag) = tag {
                let _ = write!(out, " {name}=\"{}\"", Escaped(tag));
            }
        }
        let direction = match self.direction {
            Direction::Initiator => "initiator",
            Direction::Recipient => "recipient",
        };
        let state = match self.state {
            State::Trying => "trying",
            State::Early => "early",
            State::Confirmed => "confirmed",
        };
        let _ = writeln!(out, " direction=\"{direction}\">\n<state>{state}</state>");
        let local = Escaped(entity);
        let _ = writeln!(out, "<local><identity>{local}</identity><target uri=\"{local}\"/></local>");
        let uri = Escaped(&self.remote.uri);
        let display = self.remote.display.as_deref().unwrap_or_default();
        let display = if display.is_empty() { String::new() } else { format!(" display=\"{}\"", Escaped(display)) };
        let _ = writeln!(out, "<remote><identity{display}>{uri}</identity><target uri=\"{uri}\"/></remote>");
        out.push_str("</dialog>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: State) -> DialogEntry {
        DialogEntry {
            id: "7".to_owned(),
            call_id: "a84b4c76e66710".to_owned(),
            local_tag: Some("hers".to_owned()),
            remote_tag: Some("ours".to_owned()),
            direction: Direction::Recipient,
            state,
            remote: Remote {
                uri: "sip:+5511999998888@desvio.test".to_owned(),
                display: Some("Zé & Filhos".to_owned()),
            },
        }
    }

    #[test]
    fn a_ringing_phone_names_the_dialog_that_can_be_picked_up() {
        let info = DialogInfo { entity: "sip:201@desvio.test".to_owned(), dialogs: vec![entry(State::Early)] };
        let text = info.write(4);
        assert!(text.contains("version=\"4\" state=\"full\" entity=\"sip:201@desvio.test\""), "{text}");
        let dialog = "<dialog id=\"7\" call-id=\"a84b4c76e66710\" local-tag=\"hers\" remote-tag=\"ours\" \
                      direction=\"recipient\">\n<state>early</state>";
        assert!(text.contains(dialog), "{text}");
        assert!(text.contains("display=\"Zé &amp; Filhos\">sip:+5511999998888@desvio.test<"), "{text}");
    }

    #[test]
    fn nobody_in_a_call_is_said_too() {
        let info = DialogInfo { entity: "sip:201@desvio.test".to_owned(), dialogs: Vec::new() };
        assert!(info.write(0).contains("<state>terminated</state>"));
    }
}
