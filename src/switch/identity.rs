//! Who a call comes from: read from what a trunk or a phone says, and written for a trunk as it wants to be told.
//!
//! Only trunks are believed in what they assert (RFC 3325 §5); a phone is who it signed in as. Nothing here decides
//! whether a call is let in.

use bytes::Bytes;

use crate::call::caller::ANONYMOUS;
use crate::call::caller::CallerId;
use crate::call::caller::Diverted;
use crate::call::caller::Privacy;
use crate::number::dialling::Dialling;
use crate::sip::headers::Headers;
use crate::sip::headers::Name;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;
use crate::switch::trunk::Config;
use crate::switch::trunk::IdentityHeader;
use crate::switch::trunk::IdentitySource;

/// Diversions of one call that are kept.
const MOST_DIVERSIONS: usize = 5;
/// Longer names and numbers are cut: they end up on displays and in records.
const LONGEST: usize = 64;

/// A caller as one header tells.
struct Claim {
    number: Option<String>,
    name: Option<String>,
    privacy: Privacy,
}

/// From a trunk: the number to show, and what else is known.
pub(super) fn of_trunk(headers: &Headers, config: &Config, dialling: &Dialling) -> (String, CallerId) {
    let sources = config.caller_id_from.iter();
    let claims: Vec<Claim> = sources.filter_map(|source| claim(*source, headers, dialling)).collect();
    let number = claims.iter().find_map(|claim| claim.number.clone());
    let withheld = wants_privacy(headers)
        || from_is_anonymous(headers)
        || claims.iter().any(|claim| claim.privacy == Privacy::Withheld);
    let diversions = diversions(headers, dialling);
    if withheld {
        let id = CallerId { name: None, privacy: Privacy::Withheld, asserted: number, diversions };
        return (ANONYMOUS.to_owned(), id);
    }
    let name = claims.into_iter().find_map(|claim| claim.name);
    let shown = number.unwrap_or_else(|| ANONYMOUS.to_owned());
    let name = name.filter(|name| *name != shown);
    (shown, CallerId { name, privacy: Privacy::Shown, asserted: None, diversions })
}

/// From a phone: only whether its owner wants to be shown.
pub(super) fn of_phone(headers: &Headers) -> CallerId {
    let withheld = wants_privacy(headers) || from_is_anonymous(headers);
    let privacy = if withheld { Privacy::Withheld } else { Privacy::Shown };
    CallerId { privacy, ..CallerId::default() }
}

/// RFC 3323 §4.1.1.3: a From that says nothing.
pub(super) fn from_is_anonymous(headers: &Headers) -> bool {
    headers.from_header().is_ok_and(|from| {
        let user = from.uri.user().unwrap_or_default();
        user.eq_ignore_ascii_case(ANONYMOUS) || from.uri.host_text().eq_ignore_ascii_case(ANONYMOUS_HOST)
    })
}

const ANONYMOUS_HOST: &str = "anonymous.invalid";

/// RFC 3323 §4.2, RFC 3325 §9.3.
fn wants_privacy(headers: &Headers) -> bool {
    let values = headers.all(&Name::Privacy).flat_map(|value| value.split([';', ',']));
    values.map(str::trim).any(|value| ["id", "user"].iter().any(|wish| value.eq_ignore_ascii_case(wish)))
}

fn claim(source: IdentitySource, headers: &Headers, dialling: &Dialling) -> Option<Claim> {
    let address = match source {
        IdentitySource::From => headers.from_header().ok(),
        IdentitySource::PAssertedIdentity => best(headers, &Name::PAssertedIdentity, |_| true),
        IdentitySource::RemotePartyId => best(headers, &Name::RemotePartyId, |address| {
            address.params.get("party").is_none_or(|party| party.eq_ignore_ascii_case("calling"))
        }),
    }?;
    let hidden = address.params.get("privacy").is_some_and(|privacy| {
        ["full", "name", "uri"].iter().any(|wish| privacy.to_ascii_lowercase().starts_with(wish))
    });
    Some(Claim {
        number: number(&address.uri, dialling),
        name: address.display.as_deref().map(cut).filter(|name| !name.is_empty()),
        privacy: if hidden { Privacy::Withheld } else { Privacy::Shown },
    })
}

/// RFC 3325 §9.1: there may be a `sip:` and a `tel:` URI; the one with a number is wanted.
fn best(headers: &Headers, name: &Name, suits: impl Fn(&NameAddr) -> bool) -> Option<NameAddr> {
    let mut addresses = headers.list_bytes(name).take(MOST_DIVERSIONS).filter_map(|value| NameAddr::parse(value).ok());
    addresses.find(|address| address.uri.user().is_some() && suits(address))
}

/// In E.164 where it can be understood as such, else as it came.
fn number(uri: &Uri, dialling: &Dialling) -> Option<String> {
    let user = uri.user_text()?;
    let bare = user.split(';').next().unwrap_or(&user);
    if bare.is_empty() || bare.eq_ignore_ascii_case(ANONYMOUS) {
        return None;
    }
    Some(dialling.read(&user).map_or_else(|_| cut(bare), |number| number.as_str().to_owned()))
}

fn cut(text: &str) -> String {
    text.trim().chars().take(LONGEST).collect()
}

/// RFC 5806, else RFC 7044: the latest first.
fn diversions(headers: &Headers, dialling: &Dialling) -> Vec<Diverted> {
    let diverted = |address: NameAddr, reason: Option<&str>| {
        let by = number(&address.uri, dialling)?;
        Some(Diverted { by, reason: cut(reason.unwrap_or("unknown")) })
    };
    let read = |value: &[u8]| NameAddr::parse(value).ok();
    let named = headers.list_bytes(&Name::Diversion).take(MOST_DIVERSIONS).filter_map(read);
    let named: Vec<Diverted> = named
        .filter_map(|address| {
            let reason = address.params.get("reason").map(str::to_owned);
            diverted(address, reason.as_deref())
        })
        .collect();
    if !named.is_empty() {
        return named;
    }
    let history: Vec<NameAddr> =
        headers.list_bytes(&Name::HistoryInfo).take(2 * MOST_DIVERSIONS).filter_map(read).collect();
    // The last entry is where the call goes now; each one before it was sent on by the cause of the next.
    let hops = history.windows(2).rev().take(MOST_DIVERSIONS);
    hops.filter_map(|hop| diverted(hop[0].clone(), hop[1].uri.param("cause").map(history_reason))).collect()
}

/// RFC 4458 §2 and RFC 7044 §11, in the words of RFC 5806.
fn history_reason(cause: &str) -> &'static str {
    match cause {
        "302" => "unconditional",
        "486" => "user-busy",
        "408" => "no-answer",
        "480" | "487" => "deflection",
        "404" | "503" => "unavailable",
        _ => "unknown",
    }
}

/// A caller as a trunk is to be told.
pub(super) struct Shown<'a> {
    /// E.164 where it is a telephone number.
    pub(super) number: &'a str,
    pub(super) privacy: Privacy,
    /// The latest first.
    pub(super) diversions: &'a [Diverted],
}

impl Shown<'_> {
    /// RFC 3323 §4.1.1.3: From tells nothing where the caller is not to be shown.
    pub(super) fn from(&self, config: &Config, dialling: &Dialling) -> NameAddr {
        match self.privacy {
            Privacy::Withheld => anonymous(),
            Privacy::Shown => self.address(config, dialling),
        }
    }

    fn address(&self, config: &Config, dialling: &Dialling) -> NameAddr {
        NameAddr::new(Uri::sip(Some(&dialling.write(self.number)), &config.host, None))
    }

    /// P-Asserted-Identity or Remote-Party-ID, Privacy, and Diversion.
    pub(super) fn headers(&self, config: &Config, dialling: &Dialling) -> Vec<(Name, Bytes)> {
        let mut headers = Vec::new();
        let mut push = |name: Name, value: String| headers.push((name, Bytes::from(value)));
        let address = self.address(config, dialling);
        let is_number = self.number.contains(|c: char| c.is_ascii_digit());
        match config.identity {
            // Nobody can be vouched for who has no number, as a call of the API without `from`.
            _ if !is_number => {}
            IdentityHeader::None => {}
            IdentityHeader::PAssertedIdentity => push(Name::PAssertedIdentity, address.text()),
            IdentityHeader::RemotePartyId => {
                let privacy = if self.privacy == Privacy::Withheld { "full" } else { "off" };
                push(Name::RemotePartyId, format!("{address};party=calling;screen=yes;privacy={privacy}"));
            }
        }
        if self.privacy == Privacy::Withheld {
            push(Name::Privacy, "id".to_owned());
        }
        for diverted in self.diversions.iter().take(MOST_DIVERSIONS).filter(|_| config.diversion) {
            let mut by = NameAddr::new(Uri::sip(Some(&dialling.write(&diverted.by)), &config.host, None));
            by.params.set("reason", &diverted.reason);
            push(Name::Diversion, by.text());
        }
        headers
    }
}

/// `"Anonymous" <sip:anonymous@anonymous.invalid>`.
pub(super) fn anonymous() -> NameAddr {
    NameAddr::new(Uri::sip(Some(ANONYMOUS), ANONYMOUS_HOST, None)).with_display("Anonymous")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Config {
        toml::from_str(&format!("name = \"a\"\nhost = \"sip.example\"\n{more}")).unwrap()
    }

    fn dialling(config: &Config) -> Dialling {
        config.dialling(&crate::number::Region::default())
    }

    fn headers(rows: &[(Name, &'static str)]) -> Headers {
        let mut headers = Headers::new();
        rows.iter().for_each(|(name, value)| headers.push(name.clone(), *value));
        headers
    }

    fn read(more: &str, rows: &[(Name, &'static str)]) -> (String, CallerId) {
        let config = config(more);
        of_trunk(&headers(rows), &config, &dialling(&config))
    }

    const FROM: (Name, &str) = (Name::From, "\"João\" <sip:11999998888@sip.example>;tag=1");

    #[test]
    fn what_the_network_asserts_goes_before_what_the_caller_claims() {
        let asserted = (Name::PAssertedIdentity, "<sip:sip.example>, \"Padaria\" <tel:+55-11-3123-4567>");
        let (number, id) = read("", &[FROM, asserted.clone()]);
        assert_eq!((number.as_str(), id.name.as_deref()), ("+551131234567", Some("Padaria")));
        let (number, id) = read("caller_id_from = [\"from\", \"p-asserted-identity\"]", &[FROM, asserted]);
        assert_eq!((number.as_str(), id.name.as_deref()), ("+5511999998888", Some("João")));
    }

    #[test]
    fn the_name_of_the_from_is_taken_where_the_asserted_identity_has_none() {
        let (number, id) = read("", &[FROM, (Name::PAssertedIdentity, "<sip:+551131234567@x>")]);
        assert_eq!((number.as_str(), id.name.as_deref()), ("+551131234567", Some("João")));
        let number_as_name = (Name::From, "\"+5511999998888\" <sip:+5511999998888@x>;tag=1");
        assert_eq!(read("", &[number_as_name]).1.name, None);
    }

    #[test]
    fn remote_party_id_counts_for_the_calling_party_alone() {
        let called = (Name::RemotePartyId, "<sip:+551100000000@x>;party=called");
        assert_eq!(read("", &[FROM, called]).0, "+5511999998888");
        let calling = (Name::RemotePartyId, "\"Ana\" <sip:+551131234567@x>;party=calling;privacy=off");
        assert_eq!(read("", &[FROM, calling]).0, "+551131234567");
    }

    #[test]
    fn who_withholds_the_number_is_anonymous_and_the_number_is_kept_for_trunks() {
        let asserted = (Name::PAssertedIdentity, "<sip:+551131234567@x>");
        let hidden = (Name::From, "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1");
        let cases = [
            vec![FROM, asserted.clone(), (Name::Privacy, "id")],
            vec![FROM, asserted.clone(), (Name::Privacy, "critical;id")],
            vec![hidden.clone(), asserted],
            vec![FROM, (Name::RemotePartyId, "<sip:+551131234567@x>;party=calling;privacy=full")],
        ];
        for rows in cases {
            let (number, id) = read("", &rows);
            assert_eq!(number, ANONYMOUS, "{rows:?}");
            assert_eq!(id.asserted.as_deref(), Some("+551131234567"), "{rows:?}");
            assert!(id.is_withheld() && id.name.is_none());
        }
        let (number, id) = read("", &[hidden]);
        assert_eq!((number.as_str(), id.asserted), (ANONYMOUS, None));
        assert_eq!(read("", &[FROM, (Name::Privacy, "none")]).0, "+5511999998888");
    }

    #[test]
    fn a_diverted_call_knows_where_it_was_sent_first() {
        let rows = [
            FROM,
            (Name::Diversion, "<sip:1131234567@x>;reason=user-busy, \"B\" <sip:+551140031234@x>;reason=unconditional"),
        ];
        let (_, id) = read("", &rows);
        assert_eq!(id.diverted_from(), Some("+551140031234"));
        assert_eq!(id.diversions[0], Diverted { by: "+551131234567".to_owned(), reason: "user-busy".to_owned() });
    }

    #[test]
    fn history_info_is_read_where_there_is_no_diversion() {
        let history = "<sip:+551140031234@x>;index=1, <sip:+551131234567@x;cause=486>;index=1.1, \
                       <sip:+5511988887777@x;cause=408>;index=1.1.1";
        let (_, id) = read("", &[FROM, (Name::HistoryInfo, history)]);
        let told: Vec<(&str, &str)> = id.diversions.iter().map(|it| (it.by.as_str(), it.reason.as_str())).collect();
        assert_eq!(told, [("+551131234567", "no-answer"), ("+551140031234", "user-busy")]);
        let (_, id) = read("", &[FROM, (Name::HistoryInfo, "<sip:+551140031234@x>;index=1")]);
        assert_eq!(id.diverted_from(), None, "a call that nobody sent on");
    }

    fn written(more: &str, privacy: Privacy, diversions: &[Diverted]) -> (String, Vec<String>) {
        let config = config(more);
        let shown = Shown { number: "+551140031234", privacy, diversions };
        let headers = shown.headers(&config, &dialling(&config));
        let lines = headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)));
        (shown.from(&config, &dialling(&config)).to_string(), lines.collect())
    }

    #[test]
    fn a_trunk_is_told_the_caller_in_its_own_form() {
        let (from, headers) = written("number_format = \"e164-without-plus\"", Privacy::Shown, &[]);
        assert_eq!(from, "<sip:551140031234@sip.example>");
        assert_eq!(headers, ["P-Asserted-Identity: <sip:551140031234@sip.example>"]);
        let (_, headers) = written("identity = \"remote-party-id\"", Privacy::Shown, &[]);
        let party = "Remote-Party-ID: <sip:+551140031234@sip.example>;party=calling;screen=yes;privacy=off";
        assert_eq!(headers, [party]);
        assert_eq!(written("identity = \"none\"", Privacy::Shown, &[]).1, [""; 0]);
    }

    #[test]
    fn a_withheld_number_stands_in_the_asserted_identity_alone() {
        let (from, headers) = written("", Privacy::Withheld, &[]);
        assert_eq!(from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        assert_eq!(headers, ["P-Asserted-Identity: <sip:+551140031234@sip.example>", "Privacy: id"]);
        assert_eq!(written("identity = \"none\"", Privacy::Withheld, &[]).1, ["Privacy: id"]);
    }

    #[test]
    fn who_has_no_number_is_not_vouched_for() {
        let config = config("");
        let shown = Shown { number: "desvio", privacy: Privacy::Shown, diversions: &[] };
        assert!(shown.headers(&config, &dialling(&config)).is_empty());
    }

    #[test]
    fn diversions_are_told_unless_the_trunk_must_not_see_them() {
        let diverted = [Diverted { by: "+551131234567".to_owned(), reason: "user-busy".to_owned() }];
        let line = "Diversion: <sip:+551131234567@sip.example>;reason=user-busy";
        assert_eq!(written("identity = \"none\"", Privacy::Shown, &diverted).1, [line]);
        assert_eq!(written("identity = \"none\"\ndiversion = false", Privacy::Shown, &diverted).1, [""; 0]);
    }
}
