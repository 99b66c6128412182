//! `Replaces`: the call whose place a new one takes. RFC 3891.

use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::params::Params;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    pub call_id: String,
    pub to_tag: String,
    pub from_tag: String,
    pub flags: Flags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    None,
    /// Only a call that nobody has answered.
    EarlyOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplacesError {
    #[error("more than one Replaces")]
    Repeated,
    #[error("Replaces cannot be read")]
    Malformed,
}

impl Replaces {
    /// RFC 3891 §3: one INVITE replaces one call.
    pub fn of(headers: &Headers) -> Result<Option<Replaces>, ReplacesError> {
        let mut values = headers.list(&Name::Replaces);
        let Some(value) = values.next() else {
            return if headers.contains(&Name::Replaces) { Err(ReplacesError::Malformed) } else { Ok(None) };
        };
        if values.next().is_some() {
            return Err(ReplacesError::Repeated);
        }
        Replaces::parse(value).map(Some)
    }

    /// `call-id;to-tag=…;from-tag=…`
    pub fn parse(value: &str) -> Result<Replaces, ReplacesError> {
        let (call_id, params) = value.split_once(';').ok_or(ReplacesError::Malformed)?;
        let params = Params::parse(&format!(";{params}")).map_err(|_| ReplacesError::Malformed)?;
        let tag = |name| params.get(name).map(str::to_owned).ok_or(ReplacesError::Malformed);
        let flags = if params.has("early-only") { Flags::EarlyOnly } else { Flags::None };
        let call_id = call_id.trim();
        if call_id.is_empty() {
            return Err(ReplacesError::Malformed);
        }
        Ok(Replaces { call_id: call_id.to_owned(), to_tag: tag("to-tag")?, from_tag: tag("from-tag")?, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Result<Option<Replaces>, ReplacesError> {
        let mut headers = Headers::new();
        values.iter().for_each(|value| headers.push(Name::Replaces, *value));
        Replaces::of(&headers)
    }

    #[test]
    fn a_call_is_named_by_its_id_and_both_tags() {
        let replaces = of(&["98732@sip.example.com ; from-tag=r33th4x0r;to-tag=ff87ff;early-only"]).unwrap().unwrap();
        assert_eq!((replaces.call_id.as_str(), replaces.to_tag.as_str()), ("98732@sip.example.com", "ff87ff"));
        assert_eq!((replaces.from_tag.as_str(), replaces.flags), ("r33th4x0r", Flags::EarlyOnly));
        assert_eq!(of(&[]), Ok(None));
    }

    #[test]
    fn two_of_them_or_half_of_one_are_faults() {
        let one = "1;to-tag=a;from-tag=b";
        assert_eq!(of(&[one, one]), Err(ReplacesError::Repeated));
        assert_eq!(of(&["1;to-tag=a;from-tag=b, 2;to-tag=a;from-tag=b"]), Err(ReplacesError::Repeated));
        assert_eq!(of(&["1;to-tag=a"]), Err(ReplacesError::Malformed));
        assert_eq!(of(&[""]), Err(ReplacesError::Malformed));
    }
}
