//! TLS: two ends of ours, with certificates of an authority of the test's own.

use rcgen::SanType;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

use super::authority::Authority;
use super::*;

const LISTEN: &str = "listen = [\"tls:127.0.0.1:0\"]\n";
const NAME: &str = "sip.operadora.example";

/// The carrier: listens, and shows this.
fn carrier(sip: &str, workers: &Handle) -> Sockets {
    open_with(&format!("{LISTEN}{sip}"), &[], workers)
}

/// A customer of the carrier, who knows it by this host.
fn customer(host: &str, trunk: &str, workers: &Handle) -> Sockets {
    open_with("listen = []", &[&format!("name = \"t\"\nhost = \"{host}\"\n{trunk}")], workers)
}

/// The customer asks the carrier something.
fn ask(customer: &mut Sockets, carrier: &Sockets) {
    let remote = address_of(carrier);
    customer.place_trunk("t", [remote].into_iter());
    let hop = customer.hop_towards(Transport::Tls, remote, Instant::now()).unwrap();
    customer.send(Transmit { hop, bytes: Bytes::from_static(ASKED) });
}

/// What comes of it: who the customer found, or nothing.
async fn finds(customer: &mut Sockets, carrier: &mut Sockets) -> Option<Vec<String>> {
    ask(customer, carrier);
    let serving = async {
        loop {
            poll_fn(|context| carrier.poll_ready(context)).await;
            let _ = carrier.receive(Instant::now());
        }
    };
    tokio::select! {
        arrived = arrival(customer) => match arrived {
            Arrival::Proved { names, .. } => Some(names),
            Arrival::Unsent(transmit) => {
                assert_eq!(transmit.bytes, ASKED);
                None
            }
            other => panic!("{other:?}"),
        },
        () = serving => None,
    }
}

fn trust(authority: &Authority) -> String {
    format!("trust = \"{}\"\n", authority.pem())
}

#[test]
fn a_trunk_that_proves_its_name_is_talked_to_both_ways() {
    run(|workers| async move {
        let authority = Authority::new();
        let mut theirs = carrier(&authority.issue("a", NAME), &workers);
        let mut ours = customer(NAME, &trust(&authority), &workers);
        ask(&mut ours, &theirs);
        let (request, heard) = packet_beside(&mut theirs, &mut ours).await;
        assert_eq!((request.hop.transport, request.bytes), (Transport::Tls, Bytes::from_static(ASKED)));
        assert!(matches!(&heard[..], [Arrival::Proved { names, .. }] if names == &[NAME]));
        theirs.send(Transmit { hop: request.hop, bytes: Bytes::from_static(PING) });
        let back = packet(&mut ours).await;
        assert_eq!((back.hop.remote, back.bytes), (address_of(&theirs), Bytes::from_static(PING)));
        drop(theirs);
        assert!(matches!(arrival(&mut ours).await, Arrival::Lost(lost) if Some(lost) == back.hop.connection));
    });
}

#[test]
fn a_wrong_name_an_unknown_authority_and_a_past_date_are_refused() {
    run(|workers| async move {
        let (authority, other) = (Authority::new(), Authority::new());
        let mut named = carrier(&authority.issue("a", "other.example"), &workers);
        assert_eq!(finds(&mut customer(NAME, &trust(&authority), &workers), &mut named).await, None);
        let mut unknown = carrier(&other.issue("a", NAME), &workers);
        assert_eq!(finds(&mut customer(NAME, &trust(&authority), &workers), &mut unknown).await, None);
        let mut public_only = customer(NAME, "", &workers);
        assert_eq!(finds(&mut public_only, &mut unknown).await, None);
        let expired = authority.issue_with("old", |params| {
            params.subject_alt_names.push(SanType::DnsName(NAME.try_into().unwrap()));
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        });
        let mut ours = customer(NAME, &trust(&authority), &workers);
        assert_eq!(finds(&mut ours, &mut carrier(&expired, &workers)).await, None);
        assert_eq!(ours.streams().failed, 0);
        assert!(matches!(arrival(&mut ours).await, Arrival::Lost(_)));
        assert_eq!(ours.streams().failed, 1);
    });
}

#[test]
fn a_domain_may_be_named_by_a_sip_uri() {
    run(|workers| async move {
        let authority = Authority::new();
        let pair = authority.issue_with("a", |params| {
            params.subject_alt_names.push(SanType::URI(format!("sip:{NAME}").try_into().unwrap()));
        });
        let mut ours = customer(NAME, &trust(&authority), &workers);
        assert_eq!(finds(&mut ours, &mut carrier(&pair, &workers)).await, Some(vec![NAME.to_owned()]));
    });
}

#[test]
fn a_certificate_that_the_trunk_names_itself_is_believed_whatever_it_says() {
    run(|workers| async move {
        let authority = Authority::new();
        let pair = authority.self_signed("own", "asterisk");
        let pinned = format!("trust = \"{}\"\n", authority.path("own.pem"));
        let mut ours = customer("192.0.2.10", &pinned, &workers);
        assert_eq!(finds(&mut ours, &mut carrier(&pair, &workers)).await, Some(vec!["asterisk".to_owned()]));
        let imposter = authority.self_signed("imposter", "asterisk");
        let mut ours = customer("192.0.2.10", &pinned, &workers);
        assert_eq!(finds(&mut ours, &mut carrier(&imposter, &workers)).await, None);
    });
}

#[test]
fn the_name_that_is_asked_for_chooses_among_our_certificates() {
    run(|workers| async move {
        let authority = Authority::new();
        let first = authority.issue("a", "a.example");
        let second = authority.issue("b", "*.b.example");
        let mut theirs = carrier(&format!("{first}[[certificates]]\n{second}"), &workers);
        let mut asks_b = customer("sip.b.example", &trust(&authority), &workers);
        assert_eq!(finds(&mut asks_b, &mut theirs).await, Some(vec!["*.b.example".to_owned()]));
        let mut asks_a = customer("a.example", &trust(&authority), &workers);
        assert_eq!(finds(&mut asks_a, &mut theirs).await, Some(vec!["a.example".to_owned()]));
    });
}

#[test]
fn where_a_client_certificate_is_required_one_without_is_not_heard() {
    run(|workers| async move {
        let authority = Authority::new();
        let pair = authority.issue("a", NAME);
        let required = format!("{pair}client_certificates = \"require\"\nclient_trust = \"{}\"\n", authority.pem());
        let mut theirs = carrier(&required, &workers);
        let mut ours = customer(NAME, &trust(&authority), &workers);
        ask(&mut ours, &theirs);
        until(&mut theirs, |theirs| theirs.streams().failed == 1).await;
        let shown = authority.issue("client", "pbx.example");
        let mut ours = customer(NAME, &format!("{}{shown}", trust(&authority)), &workers);
        ask(&mut ours, &theirs);
        assert!(matches!(arrival(&mut theirs).await, Arrival::Proved { names, .. } if names == ["pbx.example"]));
        assert_eq!(packet_beside(&mut theirs, &mut ours).await.0.bytes, ASKED);
        let (stranger, foreign) = (Authority::new(), "pbx.example");
        let mut theirs_not =
            customer(NAME, &format!("{}{}", trust(&authority), stranger.issue("x", foreign)), &workers);
        ask(&mut theirs_not, &theirs);
        until(&mut theirs, |theirs| theirs.streams().failed == 2).await;
    });
}

#[test]
fn where_a_client_certificate_is_only_asked_for_one_without_is_heard_and_has_no_name() {
    run(|workers| async move {
        let authority = Authority::new();
        let pair = authority.issue("a", NAME);
        let asked = format!("{pair}client_certificates = \"ask\"\nclient_trust = \"{}\"\n", authority.pem());
        let mut theirs = carrier(&asked, &workers);
        let mut ours = customer(NAME, &trust(&authority), &workers);
        ask(&mut ours, &theirs);
        assert_eq!(packet_beside(&mut theirs, &mut ours).await.0.bytes, ASKED);
    });
}

#[test]
fn a_renewed_certificate_is_shown_to_new_connections_while_old_ones_go_on() {
    run(|workers| async move {
        let (before, after) = (Authority::new(), Authority::new());
        let pair = before.issue("a", NAME);
        let mut theirs = carrier(&pair, &workers);
        let mut old = customer(NAME, &trust(&before), &workers);
        ask(&mut old, &theirs);
        let hop = packet_beside(&mut theirs, &mut old).await.0.hop;

        std::fs::write(before.path("a.key"), "no key").unwrap();
        theirs.read_certificates_again();
        // A broken file changes nothing.
        assert!(finds(&mut customer(NAME, &trust(&before), &workers), &mut theirs).await.is_some());

        after.issue("a", NAME);
        std::fs::copy(after.path("a.pem"), before.path("a.pem")).unwrap();
        std::fs::copy(after.path("a.key"), before.path("a.key")).unwrap();
        let ended = theirs.expiries();
        theirs.read_certificates_again();
        let mut tries = 0;
        while finds(&mut customer(NAME, &trust(&after), &workers), &mut theirs).await.is_none() {
            tries += 1;
            assert!(tries < 100, "the renewed certificate is never shown");
        }
        assert_eq!(theirs.expiries().len(), ended.len());
        theirs.send(Transmit { hop, bytes: Bytes::from_static(PING) });
        assert_eq!(packet(&mut old).await.bytes, PING);
    });
}

#[test]
fn tls_is_not_opened_to_an_address_that_is_no_trunk() {
    run(|workers| async move {
        let authority = Authority::new();
        let theirs = carrier(&authority.issue("a", NAME), &workers);
        let mut ours = customer(NAME, &trust(&authority), &workers);
        let hop = ours.hop_towards(Transport::Tls, address_of(&theirs), Instant::now()).unwrap();
        ours.send(Transmit { hop, bytes: Bytes::from_static(ASKED) });
        assert!(matches!(arrival(&mut ours).await, Arrival::Unsent(_)));
        ours.place_trunk("t", [address_of(&theirs)].into_iter());
        ours.place_trunk("t", std::iter::empty());
        ours.send(Transmit { hop, bytes: Bytes::from_static(ASKED) });
        assert!(matches!(arrival(&mut ours).await, Arrival::Unsent(_)));
    });
}

#[test]
fn a_trunk_that_asks_for_it_is_called_over_its_own_stream() {
    run(|workers| async move {
        let authority = Authority::new();
        let trusted = format!("client_certificates = \"ask\"\nclient_trust = \"{}\"\n", authority.pem());
        let sip = format!("{LISTEN}{}{trusted}", authority.issue("a", "pbx.example"));
        let mut ours = open_with(&sip, &[&format!("name = \"t\"\nhost = \"{NAME}\"\n{}", trust(&authority))], &workers);
        let shown = format!("{}{}", trust(&authority), authority.issue("theirs", NAME));
        let mut theirs = customer("pbx.example", &shown, &workers);
        let (_silent, listens_at) = silent();
        ours.place_trunk("t", [listens_at].into_iter());
        theirs.place_trunk("t", [address_of(&ours)].into_iter());
        let hop = theirs.hop_towards(Transport::Tls, address_of(&ours), Instant::now()).unwrap();
        let via = format!("SIP/2.0/TLS x:{};branch=z9hG4bK1;alias", listens_at.port());
        let asking = format!("OPTIONS sip:a SIP/2.0\r\nVia: {via}\r\nContent-Length: 0\r\n\r\n");
        theirs.send(Transmit { hop, bytes: Bytes::from(asking) });
        assert!(matches!(arrival(&mut ours).await, Arrival::Proved { .. }));
        let request = packet_beside(&mut ours, &mut theirs).await.0;
        let back = ours.hop_towards(Transport::Tls, listens_at, Instant::now()).unwrap();
        ours.send(Transmit { hop: back, bytes: Bytes::from_static(PING) });
        assert_eq!(packet(&mut theirs).await.bytes, PING);
        drop(theirs);
        assert!(matches!(arrival(&mut ours).await, Arrival::Lost(lost) if Some(lost) == request.hop.connection));
        ours.send(Transmit { hop: back, bytes: Bytes::from_static(ASKED) });
        assert!(matches!(arrival(&mut ours).await, Arrival::Unsent(_)), "nobody listens there");
    });
}

#[test]
fn garbage_and_silence_on_a_tls_port_cost_one_connection_each() {
    run(|workers| async move {
        let authority = Authority::new();
        let pair = authority.issue("a", NAME);
        let mut theirs = carrier(&format!("{pair}handshake_timeout = \"1s\"\n"), &workers);
        let mut garbage = tokio::net::TcpStream::connect(address_of(&theirs)).await.unwrap();
        garbage.write_all(ASKED).await.unwrap();
        until(&mut theirs, |theirs| theirs.streams().failed == 1).await;
        let mut rest = Vec::new();
        let _ = garbage.read_to_end(&mut rest).await;
        let _silent = tokio::net::TcpStream::connect(address_of(&theirs)).await.unwrap();
        until(&mut theirs, |theirs| theirs.streams().mute == 1).await;
        assert_eq!(theirs.streams().open, figures::ByTransport::default());
        assert_eq!(theirs.streams().handshakes, 0);
        let mut ours = customer(NAME, &trust(&authority), &workers);
        assert!(finds(&mut ours, &mut theirs).await.is_some());
    });
}

#[test]
fn what_is_wrong_with_a_file_names_the_setting_and_the_mend() {
    run(|workers| async move {
        let authority = Authority::new();
        let (one, two) = (authority.issue("a", NAME), authority.issue("b", NAME));
        let said = |sip: &str| {
            let sip: Config = toml::from_str(sip).unwrap();
            let files = Files::new(&sip, &[], std::path::Path::new(""));
            Sockets::open(&sip, files, &workers).err().unwrap().to_string()
        };
        let crossed = format!("{}\n{}", one.lines().next().unwrap(), two.lines().nth(1).unwrap());
        assert!(said(&crossed).contains("does not belong to the certificate"), "{}", said(&crossed));
        let missing = said("certificate = \"/nowhere/a.pem\"\ncertificate_key = \"/nowhere/a.key\"\n");
        assert!(missing.starts_with("`[sip] certificate`: cannot read `/nowhere/a.pem`"), "{missing}");
        assert!(missing.contains("openssl req -x509"), "{missing}");
        std::fs::write(authority.path("a.key"), "").unwrap();
        assert!(said(&one).contains("there is no private key in"), "{}", said(&one));
    });
}
