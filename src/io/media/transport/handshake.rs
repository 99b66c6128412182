//! The handshake from which the keys of a leg come. RFC 5764, over `rtc-dtls`.
//!
//! The far side is who the signalling says if its certificate has the fingerprint that stood there; before that is known
//! no key is used. Without ICE anybody may begin one, so each address has an association of its own: what a stranger makes
//! of his is no matter of the far side's.

use std::fmt;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use bytes::BytesMut;
use rtc_dtls::config::ClientAuthType;
use rtc_dtls::config::ConfigBuilder;
use rtc_dtls::config::ExtendedMasterSecretType;
use rtc_dtls::config::HandshakeConfig;
use rtc_dtls::endpoint::Endpoint;
use rtc_dtls::endpoint::EndpointEvent;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use sha1::Digest as _;

use crate::io::media::transport::hello;
use crate::io::media::transport::identity::Identity;
use crate::media::security::Dtls;
use crate::media::security::DtlsRole;
use crate::media::security::Fingerprint;
use crate::media::security::HashKind;
use crate::media::security::MasterKey;
use crate::media::security::Suite;

pub(super) struct Handshake {
    endpoint: Box<Endpoint>,
    role: DtlsRole,
    fingerprint: Fingerprint,
    identity: Arc<Identity>,
    state: State,
    /// Those who shake hands with us, the last heard last.
    peers: Vec<Peer>,
    /// From where [`PEER`] was last heard.
    heard: Option<SocketAddr>,
    destination: Option<SocketAddr>,
    /// Why somebody who came from elsewhere than signalling says was not believed.
    doubt: Option<String>,
}

/// One association.
#[derive(Debug, Clone, Copy)]
struct Peer {
    name: SocketAddr,
    /// What it has made us read.
    octets: usize,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Its address may be forged.
    Unknown,
    /// It has sent back the cookie that went to its address (RFC 6347 §4.2.1), or we have begun.
    Known,
}

/// From where a datagram has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// ICE has proven that it is the far side, whatever address it takes.
    Checked(SocketAddr),
    /// Anybody's.
    Address(SocketAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent and nothing has come.
    Waiting {
        until: Instant,
    },
    Shaking {
        until: Instant,
    },
    Over,
}

/// What a datagram or a timer has led to.
#[derive(Debug)]
pub(super) enum Outcome {
    GoesOn,
    /// The datagram was no part of the handshake.
    Nonsense,
    /// It came from somebody who is not the far side, or does not behave like one.
    Stranger,
    Agreed(Agreed),
    /// The far side is not who the signalling says.
    Failed(String),
    /// It has not come, or has stopped half-way.
    Unfinished(String),
}

#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) suite: Suite,
    pub(super) ours: MasterKey,
    pub(super) theirs: MasterKey,
    /// With whom.
    pub(super) with: SocketAddr,
}

/// The association is one where ICE chooses the address, or where we began it; so its peer has a name of its own.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// RFC 9147 §5.8.2 would wait a second; media waits for this, and the round trips of calls are short.
const REPEAT_AFTER: Duration = Duration::from_millis(250);

/// A far side that has not begun, or not ended, within this is not coming.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many addresses of either [`Standing`] shake hands with one port at a time; of more, the one that was silent the longest
/// is forgotten. A forged address therefore costs nobody the place who has shown that his is none.
const MOST_PEERS: usize = 4;

/// What one peer may make us read: two long certificates with all their repetitions. `rtc-dtls` keeps what it cannot read yet.
const MOST_OCTETS: usize = 64 * 1024;

/// The content type of a record (RFC 5246 §6.2.1), and the type of the message that it begins with (§7.4).
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

/// RFC 5764 §4.2.
const LABEL: &str = "EXTRACTOR-dtls_srtp";

impl Handshake {
    pub(super) fn new(terms: &Dtls, identity: Arc<Identity>, now: Instant) -> Handshake {
        Handshake {
            endpoint: Box::new(Endpoint::new(PEER, TransportProtocol::UDP, None)),
            role: terms.role,
            fingerprint: terms.fingerprint,
            identity,
            state: State::Waiting { until: now + PATIENCE },
            peers: Vec::new(),
            heard: None,
            destination: None,
            doubt: None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.state != State::Over
    }

    pub(super) fn on_datagram(&mut self, datagram: &[u8], origin: Origin, now: Instant) -> Outcome {
        let (Origin::Checked(from) | Origin::Address(from)) = origin;
        let Some(name) = self.name(origin).filter(|name| self.admits(*name, datagram.len(), now)) else {
            return Outcome::Stranger;
        };
        if name == PEER {
            self.heard = Some(from);
        }
        if let State::Waiting { until } = self.state {
            self.state = State::Shaking { until };
        }
        if self.role == DtlsRole::Passive && !self.endpoint.get_connections_keys().any(|begun| *begun == name) {
            let Some(hello) = hello::client_hello(datagram) else { return Outcome::Nonsense };
            self.endpoint.set_server_config(config(&self.identity, self.role, &choice(hello)).ok());
        }
        match self.endpoint.read(now, name, None, BytesMut::from(datagram)) {
            Ok(events) if events.iter().any(|event| matches!(event, EndpointEvent::HandshakeComplete)) => {
                self.finish(name, from, now)
            }
            Ok(_) => Outcome::GoesOn,
            Err(fault) => {
                tracing::debug!(%fault, %from, "a datagram of no handshake");
                Outcome::Nonsense
            }
        }
    }

    /// Whose association it belongs to. What we have begun is answered from where we sent it.
    fn name(&self, origin: Origin) -> Option<SocketAddr> {
        match (self.role, origin) {
            (DtlsRole::Active, _) if matches!(self.state, State::Waiting { .. }) => None,
            (DtlsRole::Active, Origin::Address(from)) => (self.destination == Some(from)).then_some(PEER),
            (DtlsRole::Passive, Origin::Address(from)) => Some(from),
            (_, Origin::Checked(_)) => Some(PEER),
        }
    }

    /// Whether so many octets of a peer are read; if so, they are counted.
    fn admits(&mut self, name: SocketAddr, octets: usize, now: Instant) -> bool {
        let known = self.peers.iter().position(|peer| peer.name == name).map(|at| self.peers.remove(at));
        if known.is_none() && !self.is_open() {
            return false;
        }
        let peer = known.unwrap_or(Peer { name, octets: 0, standing: Standing::Unknown });
        let fits = peer.octets + octets <= MOST_OCTETS;
        self.peers.push(Peer { octets: peer.octets + if fits { octets } else { 0 }, ..peer });
        self.forget_the_most_silent(now);
        fits
    }

    /// Whoever comes from where signalling says keeps its place.
    fn forget_the_most_silent(&mut self, now: Instant) {
        for standing in [Standing::Unknown, Standing::Known] {
            let is_alike = |peer: &Peer| peer.standing == standing;
            while self.peers.iter().filter(|peer| is_alike(peer)).count() > MOST_PEERS {
                let at = self.peers.iter().position(|peer| is_alike(peer) && !self.is_named(peer.name));
                let Some(at) = at else { break };
                let forgotten = self.peers.remove(at);
                self.endpoint.stop(now, forgotten.name);
            }
        }
    }

    /// A server says hello to who has sent back its cookie.
    fn note_hello(&mut self, name: SocketAddr, message: &[u8]) {
        let is_hello = message.first() == Some(&HANDSHAKE) && message.get(13) == Some(&SERVER_HELLO);
        if let Some(peer) = self.peers.iter_mut().find(|peer| is_hello && peer.name == name) {
            peer.standing = Standing::Known;
        }
    }

    /// Whether it is the far side, or comes from where that should be.
    fn is_named(&self, name: SocketAddr) -> bool {
        name == PEER || self.destination == Some(name)
    }

    /// Begins where it is ours to begin, as soon as it is known where the far side is; repeats what was lost.
    pub(super) fn handle_timeout(&mut self, destination: Option<SocketAddr>, now: Instant) -> Outcome {
        self.destination = destination;
        match self.state {
            State::Over => Outcome::GoesOn,
            State::Waiting { until } | State::Shaking { until } if now >= until => {
                self.state = State::Over;
                let why = self.doubt.take();
                Outcome::Unfinished(why.unwrap_or_else(|| "the far side did not finish the DTLS handshake".to_owned()))
            }
            State::Waiting { until } if self.role == DtlsRole::Active && destination.is_some() => {
                self.state = State::Shaking { until };
                self.begin(now)
            }
            State::Waiting { .. } => Outcome::GoesOn,
            State::Shaking { .. } => {
                for peer in &self.peers {
                    // Who has repeated itself often enough says so; the patience above says when that is a failure.
                    let _ = self.endpoint.handle_timeout(peer.name, now);
                }
                Outcome::GoesOn
            }
        }
    }

    pub(super) fn poll_transmit(&mut self, path: Option<SocketAddr>) -> Option<(SocketAddr, Vec<u8>)> {
        let far = path.or(self.heard).or(self.destination);
        // What has nowhere to go is repeated when it has.
        loop {
            let transmit = self.endpoint.poll_transmit()?;
            let name = transmit.transport.peer_addr;
            self.note_hello(name, &transmit.message);
            if let Some(to) = if name == PEER { far } else { Some(name) } {
                return Some((to, transmit.message.to_vec()));
            }
        }
    }

    fn begin(&mut self, now: Instant) -> Outcome {
        self.peers.push(Peer { name: PEER, octets: 0, standing: Standing::Known });
        let began = config(&self.identity, self.role, &PROFILES.map(|(profile, _)| profile))
            .and_then(|config| self.endpoint.connect(now, PEER, config, None).map_err(|fault| fault.to_string()));
        match began {
            Ok(()) => Outcome::GoesOn,
            Err(why) => self.fail(why),
        }
    }

    fn finish(&mut self, name: SocketAddr, with: SocketAddr, now: Instant) -> Outcome {
        match self.agreed(name, with) {
            Ok(agreed) => {
                self.state = State::Over;
                self.peers.retain(|peer| peer.name == name);
                Outcome::Agreed(agreed)
            }
            Err(why) if self.is_named(name) => self.fail(why),
            Err(why) => {
                self.peers.retain(|peer| peer.name != name);
                self.endpoint.stop(now, name);
                self.doubt = Some(why);
                Outcome::Stranger
            }
        }
    }

    fn agreed(&self, name: SocketAddr, with: SocketAddr) -> Result<Agreed, String> {
        let state = self.endpoint.get_connection_state(name).ok_or("the association is gone")?;
        let certificate = state.peer_certificates.first().ok_or("the far side showed no certificate")?;
        if !bears(certificate, &self.fingerprint) {
            return Err("the far side's certificate has another fingerprint than its SDP says".to_owned());
        }
        let suite = suite(state.srtp_protection_profile()).ok_or("the far side cannot do SRTP")?;
        let (key, salt) = (suite.key_octets(), suite.salt_octets());
        let exported = state.export_keying_material(LABEL, &[], 2 * (key + salt)).map_err(|fault| fault.to_string())?;
        let (keys, salts) = exported.as_ref().split_at(2 * key);
        let client = MasterKey::new(suite, &[&keys[..key], &salts[..salt]].concat());
        let server = MasterKey::new(suite, &[&keys[key..], &salts[salt..]].concat());
        let (client, server) = client.zip(server).ok_or("keys of another length")?;
        Ok(match self.role {
            DtlsRole::Active => Agreed { suite, ours: client, theirs: server, with },
            DtlsRole::Passive => Agreed { suite, ours: server, theirs: client, with },
        })
    }

    fn fail(&mut self, why: String) -> Outcome {
        self.state = State::Over;
        Outcome::Failed(why)
    }
}

/// What a server is to take. `rtc-dtls` would take the first of the client's list that it knows, so it is told the safest of
/// that list alone; of a list that does not come with the beginning of the message, any.
fn choice(hello: &[u8]) -> Vec<SrtpProtectionProfile> {
    let theirs = hello::srtp_profiles(hello).unwrap_or_default();
    let ours = PROFILES.map(|(profile, _)| profile);
    match ours.iter().find(|profile| theirs.contains(&(**profile as u16))) {
        Some(safest) => vec![*safest],
        None => ours.to_vec(),
    }
}

fn config(
    identity: &Identity,
    role: DtlsRole,
    profiles: &[SrtpProtectionProfile],
) -> Result<Arc<HandshakeConfig>, String> {
    let config = ConfigBuilder::default()
        .with_crypto_provider(Arc::clone(&identity.provider))
        .with_certificates(vec![identity.certificate.clone()])
        .with_srtp_protection_profiles(profiles.to_vec())
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_flight_interval(REPEAT_AFTER)
        // No authority signs these certificates: the fingerprint is what is checked.
        .with_insecure_skip_verify(true)
        .build(role == DtlsRole::Active, Some(PEER));
    config.map(Arc::new).map_err(|fault| fault.to_string())
}

/// The safest first. RFC 5764 §4.1.2, RFC 7714 §14.2.
const PROFILES: [(SrtpProtectionProfile, Suite); 4] = [
    (SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm, Suite::AeadAes256Gcm),
    (SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm, Suite::AeadAes128Gcm),
    (SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80, Suite::AesCm128HmacSha1Tag80),
    (SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_32, Suite::AesCm128HmacSha1Tag32),
];

fn suite(profile: SrtpProtectionProfile) -> Option<Suite> {
    PROFILES.iter().find(|(known, _)| *known == profile).map(|(_, suite)| *suite)
}

/// RFC 8122 §5.
fn bears(certificate: &[u8], fingerprint: &Fingerprint) -> bool {
    let digest = match fingerprint.hash {
        HashKind::Sha1 => sha1::Sha1::digest(certificate).to_vec(),
        HashKind::Sha256 => sha2::Sha256::digest(certificate).to_vec(),
        HashKind::Sha384 => sha2::Sha384::digest(certificate).to_vec(),
        HashKind::Sha512 => sha2::Sha512::digest(certificate).to_vec(),
    };
    digest == fingerprint.octets()
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handshake({:?}, {:?})", self.role, self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peer_makes_us_keep_more_than_a_handshake_needs() {
        let identity = Arc::new(Identity::generate().unwrap());
        let fingerprint = identity.fingerprint();
        let now = Instant::now();
        let mut handshake = Handshake::new(&Dtls { role: DtlsRole::Passive, fingerprint }, Arc::clone(&identity), now);
        // A record of the epoch that follows cannot be read yet.
        let mut record = vec![23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0xd3];
        record.resize(13 + 0x1d3, 0);
        let hello = client(&identity, &PROFILES.map(|(profile, _)| profile), now).poll_transmit().unwrap().message;
        let mut taken = |port| {
            let from = Origin::Address(SocketAddr::from(([192, 0, 2, 1], port)));
            assert!(matches!(handshake.on_datagram(&record, from, now), Outcome::Nonsense), "it begins nothing");
            handshake.on_datagram(&hello, from, now);
            (0..200).filter(|_| !matches!(handshake.on_datagram(&record, from, now), Outcome::Stranger)).count()
        };
        assert_eq!(taken(4000) * record.len() / 1024, MOST_OCTETS / 1024 - 1);
        (4001..4100).for_each(|port| assert!(taken(port) > 0, "and keeps nobody else out"));
        assert_eq!((handshake.peers.len(), handshake.endpoint.get_connections_keys().len()), (MOST_PEERS, MOST_PEERS));
    }

    #[test]
    fn who_has_sent_back_the_cookie_keeps_its_place_whoever_else_comes() {
        let [near, far] = [(); 2].map(|()| Arc::new(Identity::generate().unwrap()));
        let terms = |role, of: &Identity| Dtls { role, fingerprint: of.fingerprint() };
        let now = Instant::now();
        let mut server = Handshake::new(&terms(DtlsRole::Passive, &far), Arc::clone(&near), now);
        let mut phone = Handshake::new(&terms(DtlsRole::Active, &near), far, now);
        let [here, there] = [1, 2].map(|host| SocketAddr::from(([192, 0, 2, host], 4000)));
        phone.handle_timeout(Some(here), now);
        let stranger = |port| SocketAddr::from(([192, 0, 2, 3], port));
        let (mut ends, mut hello) = (Vec::new(), None);
        while ends.len() < 2 {
            let said: Vec<_> = std::iter::from_fn(|| phone.poll_transmit(None)).collect();
            assert!(!said.is_empty(), "{:?} {ends:?}", server.peers);
            let hello = hello.get_or_insert_with(|| said[0].1.clone());
            for (_, datagram) in &said {
                ends.push(server.on_datagram(datagram, Origin::Address(there), now));
            }
            let said: Vec<_> = std::iter::from_fn(|| server.poll_transmit(None)).collect();
            let known = |server: &Handshake, name| {
                server.peers.iter().any(|peer| peer.name == name && peer.standing == Standing::Known)
            };
            if known(&server, there) {
                for port in 5000..5010 {
                    // From a forged address the hello may come again and again, but no cookie with it.
                    (0..3).for_each(|_| drop(server.on_datagram(hello, Origin::Address(stranger(port)), now)));
                    while server.poll_transmit(None).is_some() {}
                    assert!(!known(&server, stranger(port)));
                }
            }
            for (_, datagram) in said.iter().filter(|(to, _)| *to == there) {
                ends.push(phone.on_datagram(datagram, Origin::Address(here), now));
            }
            ends.retain(|end| matches!(end, Outcome::Agreed(_)));
        }
        assert!(server.peers.iter().all(|peer| peer.name == there));
    }

    fn client(identity: &Identity, named: &[SrtpProtectionProfile], now: Instant) -> Endpoint {
        let mut client = Endpoint::new(PEER, TransportProtocol::UDP, None);
        client.connect(now, PEER, config(identity, DtlsRole::Active, named).unwrap(), None).unwrap();
        client
    }

    /// What a server of ours and a client that names these come to, where a datagram has room for so many octets of a message and
    /// later pieces overtake earlier ones: what came before its beginning comes again.
    fn suite_with(named: &[SrtpProtectionProfile], most: usize) -> Suite {
        let [near, far] = [(); 2].map(|()| Arc::new(Identity::generate().unwrap()));
        let (mut now, there) = (Instant::now(), SocketAddr::from(([192, 0, 2, 2], 4000)));
        let end = now + PATIENCE;
        let terms = Dtls { role: DtlsRole::Passive, fingerprint: far.fingerprint() };
        let mut server = Handshake::new(&terms, near, now);
        let mut client = client(&far, named, now);
        loop {
            let said: Vec<_> = std::iter::from_fn(|| client.poll_transmit()).collect();
            if said.is_empty() {
                assert!(now < end, "{server:?}");
                now += REPEAT_AFTER;
                client.handle_timeout(PEER, now).unwrap();
            }
            for datagram in said.iter().flat_map(|said| hello::in_pieces(&said.message, most).into_iter().rev()) {
                if let Outcome::Agreed(agreed) = server.on_datagram(&datagram, Origin::Address(there), now) {
                    return agreed.suite;
                }
            }
            while let Some((_, datagram)) = server.poll_transmit(None) {
                client.read(now, PEER, None, BytesMut::from(&datagram[..])).unwrap();
            }
        }
    }

    #[test]
    fn a_server_takes_the_safest_suite_wherever_it_stands_in_the_clients_list() {
        let [gcm_256, gcm_128, tag_80, tag_32] = PROFILES.map(|(profile, _)| profile);
        assert_eq!(suite_with(&[tag_80, gcm_128, gcm_256], WHOLE), Suite::AeadAes256Gcm);
        assert_eq!(suite_with(&[tag_32, tag_80, gcm_128], WHOLE), Suite::AeadAes128Gcm);
        assert_eq!(suite_with(&[tag_32, tag_80], WHOLE), Suite::AesCm128HmacSha1Tag80);
        assert_eq!(suite_with(&[tag_32], WHOLE), Suite::AesCm128HmacSha1Tag32);
    }

    #[test]
    fn of_a_list_that_does_not_come_with_the_first_piece_a_server_takes_the_first() {
        let [_, gcm_128, tag_80, _] = PROFILES.map(|(profile, _)| profile);
        let (identity, named) = (Identity::generate().unwrap(), [tag_80, gcm_128]);
        let hello = client(&identity, &named, Instant::now()).poll_transmit().unwrap().message;
        let hello = hello::client_hello(&hello).unwrap();
        let has_list = |octets: &usize| hello::srtp_profiles(&hello[..*octets]).is_some();
        let list = (0..hello.len()).find(has_list).expect("something follows the list");
        assert_eq!(suite_with(&named, list), Suite::AeadAes128Gcm);
        assert_eq!(suite_with(&named, list - 1), Suite::AesCm128HmacSha1Tag80);
        assert_eq!(suite_with(&[gcm_128, tag_80], list - 1), Suite::AeadAes128Gcm);
    }

    /// Octets: more than any of these hellos has.
    const WHOLE: usize = 1_000;
}
