//! Headers as values: each reading checks the grammar of its header, and says which header is at fault.

use std::borrow::Cow;
use std::net::IpAddr;
use std::net::SocketAddr;

use bytes::Bytes;

use super::cseq::CSeq;
use super::headers::HeaderError;
use super::headers::Headers;
use super::headers::Name;
use super::name_addr;
use super::name_addr::NameAddr;
use super::name_addr::NameAddrView;
use super::syntax::SyntaxError;
use super::syntax::is_digits;
use super::syntax::part;
use super::syntax::strict_text;
use super::uri::Uri;
use super::via;
use super::via::SentBy;
use super::via::Via;
use super::via::ViaView;

impl Headers {
    /// The topmost Via: where the message comes from, or, of a response, which of our requests it answers.
    pub fn via(&self) -> Result<Via, HeaderError> {
        self.via_view().map(ViaView::to_via)
    }

    /// The same, borrowed from the row.
    pub(in crate::sip) fn via_view(&self) -> Result<ViaView<'_>, HeaderError> {
        let value = self.list_bytes(&Name::Via).next().ok_or(HeaderError::Missing(Name::Via))?;
        ViaView::parse(value).map_err(|why| malformed(&Name::Via, why))
    }

    pub(in crate::sip) fn sent_by(&self) -> Result<SentBy, HeaderError> {
        self.via_view().map(|via| via.origin())
    }

    /// Where the topmost Via says that the message comes from, if that is an address.
    pub fn via_address(&self) -> Option<IpAddr> {
        self.via_view().ok()?.sent_by.address()
    }

    pub fn vias(&self) -> Result<Vec<Via>, HeaderError> {
        self.read_list(&Name::Via, Via::parse)
    }

    /// The branch of the topmost Via, without reading the rest of it into owned text.
    pub fn branch(&self) -> Option<&str> {
        self.via_view().ok()?.branch()
    }

    pub fn from_header(&self) -> Result<NameAddr, HeaderError> {
        self.address(&Name::From)
    }

    pub fn to_header(&self) -> Result<NameAddr, HeaderError> {
        self.address(&Name::To)
    }

    /// The user part of From with every escape undone.
    pub fn from_user(&self) -> Option<Cow<'_, str>> {
        self.address_view(&Name::From).ok()?.uri.user_text()
    }

    /// The user part of To with every escape undone.
    pub fn to_user(&self) -> Option<Cow<'_, str>> {
        self.address_view(&Name::To).ok()?.uri.user_text()
    }

    /// The host of To, where it is an address.
    pub fn to_address(&self) -> Option<IpAddr> {
        self.address_view(&Name::To).ok()?.uri.address()
    }

    pub fn from_tag(&self) -> Option<&str> {
        name_addr::tag_in(self.single(&Name::From).ok()?)
    }

    pub fn to_tag(&self) -> Option<&str> {
        name_addr::tag_in(self.single(&Name::To).ok()?)
    }

    /// One word without blanks; compared byte by byte. RFC 3261 §20.8.
    pub fn call_id(&self) -> Result<&str, HeaderError> {
        let value = self.single(&Name::CallId)?;
        let text = strict_text(value).map_err(|why| malformed(&Name::CallId, why))?;
        if text.is_empty() || text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(malformed(&Name::CallId, SyntaxError("a Call-ID is one word")));
        }
        Ok(text)
    }

    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        let value = self.single(&Name::CSeq)?;
        strict_text(value).and_then(CSeq::parse).map_err(|why| malformed(&Name::CSeq, why))
    }

    /// Every Contact that is an address. `Contact: *` gives none; [`Headers::is_contact_star`] tells.
    pub fn contacts(&self) -> Result<Vec<NameAddr>, HeaderError> {
        if self.is_contact_star() {
            return Ok(Vec::new());
        }
        self.read_list(&Name::Contact, NameAddr::parse)
    }

    /// Whether the only Contact is `*`: all bindings. RFC 3261 §10.2.2.
    pub fn is_contact_star(&self) -> bool {
        let mut contacts = self.list_bytes(&Name::Contact);
        contacts.next() == Some(b"*") && contacts.next().is_none()
    }

    pub fn routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.read_list(&Name::Route, NameAddr::parse)
    }

    pub fn record_routes(&self) -> Result<Vec<NameAddr>, HeaderError> {
        self.read_list(&Name::RecordRoute, NameAddr::parse)
    }

    /// Any header that holds addresses: `P-Asserted-Identity`, `Diversion`, `Path`, `Service-Route` and the like.
    pub fn addresses(&self, name: &Name) -> Result<Vec<NameAddr>, HeaderError> {
        self.read_list(name, NameAddr::parse)
    }

    /// A header that holds one address, as `Refer-To`.
    pub fn address(&self, name: &Name) -> Result<NameAddr, HeaderError> {
        self.address_view(name).map(NameAddrView::to_name_addr)
    }

    /// The first identity that the neighbour vouches for, if it can be read. RFC 3325 §9.1.
    pub fn asserted_identity(&self) -> Option<Uri> {
        let value = self.list_bytes(&Name::PAssertedIdentity).next()?;
        NameAddr::parse(value).ok().map(|identity| identity.uri)
    }

    /// Seconds; none if absent or not a number. RFC 3261 §20.19 lets a number that is too large be the largest.
    pub fn expires(&self) -> Option<u32> {
        self.number(&Name::Expires)
    }

    pub fn min_expires(&self) -> Option<u32> {
        self.number(&Name::MinExpires)
    }

    /// 0 to 255; none if absent. RFC 3261 §20.22.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        let Some(value) = self.first_bytes(&Name::MaxForwards) else {
            return Ok(None);
        };
        let number = strict_text(value).ok().filter(|text| is_digits(text)).and_then(|text| text.parse().ok());
        number.map(Some).ok_or(malformed(&Name::MaxForwards, SyntaxError("Max-Forwards is a number up to 255")))
    }

    /// `type/subtype` without parameters; compare it with [`str::eq_ignore_ascii_case`].
    pub fn content_type(&self) -> Option<&str> {
        let value = self.first(&Name::ContentType)?;
        Some(value.split(';').next().unwrap_or(value).trim_ascii())
    }

    /// The number that a header begins with, in front of any parameters, as in `Session-Expires: 1800;refresher=uac`.
    pub fn number(&self, name: &Name) -> Option<u32> {
        let text = self.first(name)?;
        let digits = text.split(|letter: char| !letter.is_ascii_digit()).next().filter(|digits| is_digits(digits))?;
        Some(digits.parse().unwrap_or(u32::MAX))
    }

    /// Notes in the topmost Via where the message really came from; see [`via::stamped`].
    pub fn stamp_via(&mut self, remote: SocketAddr) {
        let Some(row) = self.first_mut(&Name::Via) else {
            return;
        };
        let (top, rest) = part(row, b',');
        let Ok(Some(stamped)) = via::stamped(top, remote) else {
            return;
        };
        let mut stamped = stamped.into_bytes();
        if let Some(rest) = rest {
            stamped.push(b',');
            stamped.extend_from_slice(rest);
        }
        *row = Bytes::from(stamped);
    }

    /// The only row of that name.
    pub(super) fn single(&self, name: &Name) -> Result<&Bytes, HeaderError> {
        let mut rows = self.all_bytes(name);
        let first = rows.next().ok_or_else(|| HeaderError::Missing(name.clone()))?;
        match rows.next() {
            None => Ok(first),
            Some(_) => Err(HeaderError::Repeated(name.clone())),
        }
    }

    pub(super) fn address_view(&self, name: &Name) -> Result<NameAddrView<'_>, HeaderError> {
        NameAddrView::parse(self.single(name)?).map_err(|why| malformed(name, why))
    }

    fn read_list<T>(&self, name: &Name, read: fn(&[u8]) -> Result<T, SyntaxError>) -> Result<Vec<T>, HeaderError> {
        self.list_bytes(name).map(|value| read(value).map_err(|why| malformed(name, why))).collect()
    }
}

pub(super) fn malformed(name: &Name, why: SyntaxError) -> HeaderError {
    HeaderError::Malformed { name: name.clone(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(rows: &[(Name, &'static str)]) -> Headers {
        let mut headers = Headers::new();
        rows.iter().for_each(|(name, value)| headers.push(name.clone(), *value));
        headers
    }

    #[test]
    fn vias_in_rows_and_lists_are_one_list() {
        let headers = headers(&[
            (Name::Via, "SIP/2.0/UDP a;branch=z9hG4bK1"),
            (Name::Via, "SIP/2.0/TCP b;branch=z9hG4bK2, SIP/2.0/UDP c"),
        ]);
        assert_eq!(headers.branch(), Some("z9hG4bK1"));
        assert_eq!(headers.via().unwrap().sent_by(), "a");
        let hosts: Vec<_> = headers.vias().unwrap().iter().map(Via::sent_by).collect();
        assert_eq!(hosts, ["a", "b", "c"]);
    }

    #[test]
    fn stamping_leaves_the_vias_below_alone() {
        let mut headers = headers(&[(Name::Via, "SIP/2.0/UDP a;rport;branch=1, SIP/2.0/UDP b")]);
        headers.stamp_via("192.0.2.9:7000".parse().unwrap());
        assert_eq!(
            headers.first(&Name::Via),
            Some("SIP/2.0/UDP a;rport=7000;branch=1;received=192.0.2.9, SIP/2.0/UDP b")
        );
    }

    #[test]
    fn contacts_and_the_star() {
        let some = headers(&[(Name::Contact, "\"A, B\" <sip:a@x>;q=1, sip:b@x;expires=60")]);
        let contacts = some.contacts().unwrap();
        assert_eq!(contacts[1].params.get("expires"), Some("60"));
        assert!(!some.is_contact_star());
        let star = headers(&[(Name::Contact, "*")]);
        assert!(star.is_contact_star() && star.contacts().unwrap().is_empty());
        assert!(headers(&[(Name::Contact, "*, <sip:a@x>")]).contacts().is_err());
    }

    #[test]
    fn users_and_addresses_are_read_where_they_stand() {
        let named = headers(&[
            (Name::Via, "SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bK1;received=192.0.2.1, SIP/2.0/UDP b"),
            (Name::From, "\"Ana\" <sip:j%40s0n@a.example>;tag=1"),
            (Name::To, "<sip:200@192.0.2.7:5070>"),
        ]);
        assert_eq!(named.from_user().as_deref(), Some("j@s0n"));
        assert_eq!(named.to_user().as_deref(), Some("200"));
        assert_eq!(named.to_address(), "192.0.2.7".parse().ok());
        assert_eq!(named.via_address(), "2001:db8::9".parse().ok());
        let nameless =
            headers(&[(Name::Via, "SIP/2.0/UDP a"), (Name::From, "<sip:b.example>"), (Name::To, "<tel:+55>")]);
        assert_eq!((nameless.from_user(), nameless.via_address(), nameless.to_address()), (None, None, None));
        assert_eq!(nameless.to_user().as_deref(), Some("+55"));
    }

    #[test]
    fn what_is_missing_or_doubled_is_named() {
        let empty = headers(&[]);
        assert_eq!(empty.via(), Err(HeaderError::Missing(Name::Via)));
        let twice = headers(&[(Name::CallId, "a"), (Name::CallId, "b"), (Name::CSeq, "x")]);
        assert_eq!(twice.call_id(), Err(HeaderError::Repeated(Name::CallId)));
        assert_eq!(twice.cseq().unwrap_err().to_string(), "CSeq cannot be read: a CSeq is a number and a method");
    }

    #[test]
    fn numbers_are_clamped_or_refused() {
        let headers = headers(&[
            (Name::Expires, "36893488147419103232"),
            (Name::SessionExpires, "1800;refresher=uac"),
            (Name::MaxForwards, "0068"),
            (Name::MinExpires, "soon"),
        ]);
        assert_eq!(headers.expires(), Some(u32::MAX));
        assert_eq!(headers.number(&Name::SessionExpires), Some(1800));
        assert_eq!(headers.max_forwards(), Ok(Some(68)));
        assert_eq!(headers.min_expires(), None);
    }
}
