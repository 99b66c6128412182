//! ICE in a description (RFC 8839): the far side's terms read, ours written.
//!
//! We are a lite agent: we have one address, name it, and answer checks. Only towards another lite agent somebody must
//! check, and then the pump does.

use std::net::IpAddr;
use std::net::SocketAddr;

use crate::media::negotiation::Local;
use crate::media::sdp::Attribute;
use crate::media::sdp::Media;
use crate::media::sdp::Session;
use crate::media::security::Candidate;
use crate::media::security::CandidateKind;
use crate::media::security::Ice;
use crate::media::security::IceCredentials;
use crate::media::security::IceKind;
use crate::media::security::IceRole;
use crate::media::security::MAX_CANDIDATES;

/// What the far side says of itself; `None` where it does not do ICE as we need it, or we do not.
// Not as RFC 8445 §5.1.1: a far side that will not share one port for RTP and RTCP is met without ICE, at its plain address.
pub(super) fn answering(local: &Local, offer: &Session, theirs: &Media) -> Option<Ice> {
    let (far, credentials) = described(local, offer, theirs)?;
    let secrets = local.secrets.as_ref()?;
    let before = local.before.as_ref().and_then(|stream| stream.ice.as_ref());
    let ours = match before.filter(|before| before.theirs == credentials) {
        Some(before) => before.ours.clone(),
        None => secrets.ice(Some(&credentials)),
    };
    Some(terms(local, offer, theirs, Pair { ours, theirs: credentials }, far))
}

/// As [`answering`], of the answer to our own offer.
pub(super) fn answered(local: &Local, answer: &Session, theirs: &Media) -> Option<Ice> {
    let (far, credentials) = described(local, answer, theirs)?;
    Some(terms(local, answer, theirs, Pair { ours: offered(local)?, theirs: credentials }, far))
}

/// Our credentials in an offer: those that hold, for we never restart.
pub(super) fn offered(local: &Local) -> Option<IceCredentials> {
    let before = local.before.as_ref().and_then(|stream| stream.ice.as_ref());
    match before {
        Some(before) => Some(before.ours.clone()),
        None => local.secrets.as_ref().filter(|_| !local.candidates.is_empty()).map(|secrets| secrets.ice(None)),
    }
}

/// What kind of agent offers this, where checks will find the path to it.
pub(super) fn offerer(local: &Local, offer: &Session, theirs: &Media) -> Option<IceKind> {
    local.secrets.as_ref().and_then(|_| described(local, offer, theirs)).map(|(far, _)| far)
}

fn described(local: &Local, session: &Session, theirs: &Media) -> Option<(IceKind, IceCredentials)> {
    let said = |name: &str| theirs.attribute(name).or_else(|| session.attribute(name));
    let value = |name: &str, least: usize| {
        let text = said(name)?.value.as_deref()?;
        (least..=256).contains(&text.len()).then(|| text.to_owned())
    };
    let mismatch = said("ice-mismatch").is_some();
    if local.candidates.is_empty() || !theirs.shares_rtcp() || mismatch {
        return None;
    }
    let credentials = IceCredentials { ufrag: value("ice-ufrag", 4)?, password: value("ice-pwd", 22)? };
    Some((if said("ice-lite").is_some() { IceKind::Lite } else { IceKind::Full }, credentials))
}

struct Pair {
    ours: IceCredentials,
    theirs: IceCredentials,
}

fn terms(local: &Local, session: &Session, theirs: &Media, pair: Pair, far: IceKind) -> Ice {
    let said = |name: &str| theirs.attribute(name).or_else(|| session.attribute(name));
    let trickles = said("ice-options")
        .and_then(|options| options.value.as_deref())
        .is_some_and(|options| options.split_whitespace().any(|option| option.eq_ignore_ascii_case("trickle")));
    let candidates = theirs.values("candidate").filter_map(read_candidate);
    // RFC 8445 §6.1.1: who checks, chooses; towards a lite agent that is us.
    let role = match far {
        IceKind::Full => IceRole::Controlled,
        IceKind::Lite => IceRole::Controlling,
    };
    Ice {
        ours: pair.ours,
        theirs: pair.theirs,
        role,
        far,
        candidates: candidates
            .filter(|candidate| candidate.address.is_ipv4() == local.address.is_ipv4())
            .take(MAX_CANDIDATES)
            .collect(),
        end_of_candidates: said("end-of-candidates").is_some() || !trickles,
    }
}

/// Our half of a media line that is found by ICE.
pub(super) fn write(local: &Local, ours: &IceCredentials, media: &mut Media) {
    media.attributes.push(Attribute::with_value("ice-ufrag", &ours.ufrag));
    media.attributes.push(Attribute::with_value("ice-pwd", &ours.password));
    for (index, address) in local.candidates.iter().enumerate() {
        let priority = host_priority(index);
        let (ip, port, foundation) = (address.ip(), address.port(), index + 1);
        let line = format_args!("{foundation} 1 UDP {priority} {ip} {port} typ host").to_string();
        media.attributes.push(Attribute::with_value("candidate", line));
    }
    media.attributes.push(Attribute::flag("end-of-candidates"));
}

/// Where packets go until a pair is found: the candidate that the far side likes best.
pub(super) fn default_address(ice: &Ice) -> Option<SocketAddr> {
    ice.candidates.iter().max_by_key(|candidate| candidate.priority).map(|candidate| candidate.address)
}

/// RFC 8445 §5.1.2.1, of a host candidate of the RTP component.
fn host_priority(index: usize) -> u32 {
    let local_preference = 65_535 - u32::try_from(index).unwrap_or(u32::MAX).min(65_535);
    (126 << 24) + (local_preference << 8) + 255
}

/// `1 1 udp 2130706431 192.0.2.1 5000 typ host`. Names (those of mDNS, RFC 8828) are not looked up: their checks show us the address.
fn read_candidate(text: &str) -> Option<Candidate> {
    let words: Vec<&str> = text.split_whitespace().take(8).collect();
    let [_, "1", transport, priority, ip, port, typ, kind] = words[..] else {
        return None;
    };
    if !transport.eq_ignore_ascii_case("udp") || !typ.eq_ignore_ascii_case("typ") {
        return None;
    }
    let kind = match kind.to_ascii_lowercase().as_str() {
        "host" => CandidateKind::Host,
        "srflx" => CandidateKind::ServerReflexive,
        "prflx" => CandidateKind::PeerReflexive,
        "relay" => CandidateKind::Relayed,
        _ => return None,
    };
    let ip: IpAddr = ip.parse().ok()?;
    let port = port.parse().ok().filter(|port| *port != 0)?;
    let usable = !ip.is_unspecified() && !ip.is_multicast();
    usable.then_some(Candidate { address: SocketAddr::new(ip, port), priority: priority.parse().ok()?, kind })
}
