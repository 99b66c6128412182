//! `application/pidf+xml`: whether somebody can be reached, and whether they are on the phone. RFC 3863, RFC 4480.

use std::fmt;

use crate::sip::subscription::xml::Escaped;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The URI of whom it is about.
    pub entity: String,
    pub reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// No phone is registered.
    Away,
    Free,
    OnThePhone,
}

impl fmt::Display for Presence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entity = Escaped(&self.entity);
        let (basic, note, activity) = match self.reach {
            Reach::Away => ("closed", "Offline", "<rpid:away/>"),
            Reach::Free => ("open", "Ready", ""),
            Reach::OnThePhone => ("open", "On the phone", "<rpid:on-the-phone/>"),
        };
        out.write_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        write!(out, "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\"")?;
        write!(out, " xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\"")?;
        writeln!(out, " xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"{entity}\">")?;
        writeln!(out, "<tuple id=\"phone\"><status><basic>{basic}</basic></status>")?;
        writeln!(out, "<contact>{entity}</contact><note>{note}</note></tuple>")?;
        // RFC 3863 §4.4: tuples, then notes, then what others have added.
        writeln!(out, "<note>{note}</note>")?;
        if !activity.is_empty() {
            writeln!(out, "<dm:person id=\"person\"><rpid:activities>{activity}</rpid:activities></dm:person>")?;
        }
        out.write_str("</presence>\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_closed_and_on_the_phone() {
        let told = |reach| Presence { entity: "sip:200@desvio.test".to_owned(), reach }.to_string();
        assert!(told(Reach::Free).contains("<basic>open</basic>") && !told(Reach::Free).contains("activities"));
        assert!(told(Reach::Away).contains("<basic>closed</basic>"));
        let busy = told(Reach::OnThePhone);
        assert!(busy.contains("<basic>open</basic>") && busy.contains("<rpid:on-the-phone/>"), "{busy}");
        assert!(busy.contains("entity=\"sip:200@desvio.test\""), "{busy}");
        assert!(busy.contains("</tuple>\n<note>On the phone</note>\n<dm:person "), "{busy}");
    }
}
