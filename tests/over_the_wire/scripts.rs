//! Carriers and peers that do what few phones do, by scripts of sipp.

use std::net::SocketAddr;

use serde_json::Value;
use serde_json::json;

use crate::customer::WHATSAPP;
use crate::server::Server;
use crate::server::TRUNK;
use crate::server::config;
use crate::sipp::EMPTY;
use crate::sipp::Script;
use crate::sipp::Sipp;
use crate::sipp::WITH_SDP;
use crate::softphone::free_port;

/// A server whose calls to the outside go to the first of these carriers, then to the next.
fn server_with(carriers: &[SocketAddr], more: &str) -> Server {
    let trunks: String = carriers.iter().enumerate().map(|(index, address)| trunk(index, *address, more)).collect();
    let lines: Vec<String> = (0..carriers.len()).map(|index| format!("then \"t{index}\"")).collect();
    let route = format!("route \"+*\" {{ {} }}\n", lines.join("; ").replacen("then", "trunk", 1));
    let plan = include_str!("../data/wire.kdl").replace("route \"+*\" trunk=\"operadora\"\n", &route);
    Server::start(&config(&format!("{trunks}{WHATSAPP}")), &plan).with_its_trunks()
}

fn trunk(index: usize, address: SocketAddr, more: &str) -> String {
    let (ip, port) = (address.ip(), address.port());
    format!(
        "[[trunk]]\nname = \"t{index}\"\nhost = \"{ip}\"\nport = {port}\nfrom = [\"{ip}\"]\noptions_every = \"0s\"\n{more}\n"
    )
}

/// The server calls a customer and says something; the call is over when it has been said.
fn place_a_call(server: &Server) {
    let wish = json!({ "to": "+5511999998888", "from": "+551140031234", "play": "thank-you" });
    server.send("POST", "/v1/calls", &wish);
}

fn answers_and_is_hung_up_on() -> Script {
    Script::new()
        .hears("INVITE")
        .answers("180 Ringing", "one", "", EMPTY)
        .answers("200 OK", "one", "", WITH_SDP)
        .hears("ACK")
        .hears("BYE")
        .answers("200 OK", "", "", EMPTY)
}

fn refuses(status: &str, more: &str) -> Script {
    Script::new().hears("INVITE").answers(status, "no", more, EMPTY).hears("ACK")
}

#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_carrier_that_refuses_with_503_is_followed_by_the_next() {
    let first = Sipp::is_called("127.0.0.2", &refuses("503 Service Unavailable", ""));
    let second = Sipp::is_called("127.0.0.3", &answers_and_is_hung_up_on());
    let server = server_with(&[first.address, second.address], "");
    let mut events = server.events();
    place_a_call(&server);
    first.went_as_written();
    events.wait_for("call.in-progress", |_| true);
    second.went_as_written();
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!(record["trunk"], "t1", "{record}");
}

#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_carrier_that_is_dead_is_followed_by_the_next() {
    let nobody = SocketAddr::new([127, 0, 0, 2].into(), free_port("127.0.0.2"));
    let second = Sipp::is_called("127.0.0.3", &answers_and_is_hung_up_on());
    let server = server_with(&[nobody, second.address], "");
    let mut events = server.events();
    place_a_call(&server);
    events.wait_for("call.in-progress", |_| true);
    second.went_as_written();
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!(record["trunk"], "t1", "{record}");
}

/// A server with a trunk for each of these beginnings of a number, and a flow that calls `+5521…`.
fn server_by_number(carriers: &[(&str, SocketAddr)], more: &str) -> Server {
    let each = carriers.iter().enumerate();
    let trunks: String = each.clone().map(|(index, (_, address))| trunk(index, *address, more)).collect();
    let routes: String = each.map(|(index, (prefix, _))| format!("route \"{prefix}*\" trunk=\"t{index}\"\n")).collect();
    let plan = include_str!("../data/wire.kdl").replace("route \"+*\" trunk=\"operadora\"\n", &routes);
    let plan = format!("{plan}\nflow \"ponte\" {{ dial \"+5521988887777\" }}\n");
    Server::start(&config(&format!("{trunks}{WHATSAPP}")), &plan).with_its_trunks()
}

/// RFC 3261 §8.1.3.4.
#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_carrier_that_says_302_sends_the_call_to_where_a_route_leads() {
    let moved = "SIP/2.0 302 Moved Temporarily\n[last_Via:]\n[last_From:]\n[last_To:];tag=no\n[last_Call-ID:]\n\
        [last_CSeq:]\nContact: <sip:+5521988887777@desvio.test>\n";
    let first = Sipp::is_called("127.0.0.2", &Script::new().hears("INVITE").says(moved, EMPTY).hears("ACK"));
    let second = Sipp::is_called("127.0.0.3", &answers_and_is_hung_up_on());
    let carriers = [("+5511", first.address), ("+5521", second.address)];
    let server = server_by_number(&carriers, "follow_redirects = true");
    let mut events = server.events();
    place_a_call(&server);
    first.went_as_written();
    events.wait_for("call.in-progress", |_| true);
    second.went_as_written();
}

/// RFC 3515, RFC 3420: the one who transfers is told how it goes, then he is released.
#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_customer_behind_a_carrier_sends_his_call_on_with_refer() {
    let refer = "REFER [$contact] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n\
        From: [$to];tag=one\nTo: [$from]\nCall-ID: [call_id]\nCSeq: 1 REFER\n\
        Contact: <sip:carrier@[local_ip]:[local_port]>\nRefer-To: <sip:+5531977776666@desvio.test>\n";
    let bye = "BYE [$contact] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n\
        From: [$to];tag=two\nTo: [$from]\nCall-ID: [call_id]\nCSeq: 1 BYE\n";
    let talks = |tag: &str| Script::new().hears_invite().answers("200 OK", tag, "", WITH_SDP).hears("ACK");
    let sends_on = talks("one")
        .waits(1_000)
        .says(refer, EMPTY)
        .gets(202)
        .hears_with("NOTIFY", "SIP/2.0 100")
        .answers("200 OK", "", "", EMPTY)
        .hears_with("NOTIFY", "SIP/2.0 200")
        .answers("200 OK", "", "", EMPTY)
        .hears("BYE")
        .answers("200 OK", "", "", EMPTY);
    let first = Sipp::is_called("127.0.0.2", &sends_on);
    let stays = Sipp::is_called("127.0.0.3", &talks("one").hears("BYE").answers("200 OK", "", "", EMPTY));
    let target = Sipp::is_called("127.0.0.4", &talks("two").waits(2_000).says(bye, EMPTY).gets(200));
    let carriers = [("+5511", first.address), ("+5521", stays.address), ("+5531", target.address)];
    let server = server_by_number(&carriers, "transfer = true");
    let mut events = server.events();
    let wish = json!({ "to": "+5511999998888", "from": "+551140031234", "flow": "ponte" });
    server.send("POST", "/v1/calls", &wish);
    events.wait_for("call.transferred", |_| true);
    first.went_as_written();
    target.went_as_written();
    stays.went_as_written();
}

#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_busy_customer_is_not_called_again_through_the_next_carrier() {
    let first = Sipp::is_called("127.0.0.2", &refuses("486 Busy Here", ""));
    let second = Sipp::is_called("127.0.0.3", &answers_and_is_hung_up_on());
    let server = server_with(&[first.address, second.address], "");
    let mut events = server.events();
    place_a_call(&server);
    first.went_as_written();
    let record: Value = events.wait_for("call.busy", |_| true);
    assert_eq!(record["to"], "+5511999998888", "{record}");
    drop(second);
}

#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_carrier_that_asks_with_407_is_told_who_we_are() {
    let challenge = "Proxy-Authenticate: Digest realm=&quot;carrier&quot;, nonce=&quot;n1&quot;, algorithm=MD5, qop=&quot;auth&quot;\n";
    let script = Script::new()
        .hears("INVITE")
        .answers("407 Proxy Authentication Required", "no", &challenge.replace("&quot;", "\""), EMPTY)
        .hears("ACK")
        .hears_with("INVITE", "Proxy-Authorization: Digest .*username=.551140031234")
        .answers("200 OK", "one", "", WITH_SDP)
        .hears("ACK")
        .hears("BYE")
        .answers("200 OK", "", "", EMPTY);
    let carrier = Sipp::is_called("127.0.0.2", &script);
    let server = server_with(&[carrier.address], "username = \"551140031234\"\npassword = \"segredo\"\n");
    place_a_call(&server);
    carrier.went_as_written();
}

/// RFC 3261 §13.2.2.4: each 2xx of a forked INVITE is confirmed, and all but the first are ended.
#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_second_phone_that_answers_is_confirmed_and_hung_up_on() {
    let script = Script::new()
        .hears_invite()
        .answers("180 Ringing", "one", "", EMPTY)
        .answers("180 Ringing", "two", "", EMPTY)
        .answers("200 OK", "one", "", WITH_SDP)
        .hears_with("ACK", "tag=one")
        .answers_invite("200 OK", "two", "", WITH_SDP)
        .hears_with("ACK", "tag=two")
        .hears_with("BYE", "tag=two")
        .answers("200 OK", "", "", EMPTY)
        .hears_with("BYE", "tag=one")
        .answers("200 OK", "", "", EMPTY);
    let carrier = Sipp::is_called("127.0.0.2", &script);
    let server = server_with(&[carrier.address], "");
    let mut events = server.events();
    place_a_call(&server);
    carrier.went_as_written();
    events.wait_for("call.completed", |_| true);
}

/// RFC 2543 knew no magic cookie: the transaction is told by the whole Request-URI, tags, Call-ID and Via. RFC 3261 §17.2.3.
#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_peer_of_rfc_2543_is_answered_confirmed_and_ended() {
    let via = "Via: SIP/2.0/UDP [local_ip]:[local_port]\n";
    let rest = |to: &str, cseq: &str| {
        format!(
            "{via}From: <sip:+5511999998888@[local_ip]>;tag=old\nTo: <sip:[service]@[remote_ip]:[remote_port]>{to}\n\
             Call-ID: [call_id]\nCSeq: {cseq}\nContact: <sip:old@[local_ip]:[local_port]>\n"
        )
    };
    let uri = "sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n";
    let script = Script::new()
        .says(&format!("INVITE {uri}{}", rest("", "1 INVITE")), WITH_SDP)
        .gets(200)
        .says(&format!("ACK {uri}{}", rest("[peer_tag_param]", "1 ACK")), EMPTY)
        .waits(300)
        .says(&format!("BYE {uri}{}", rest("[peer_tag_param]", "2 BYE")), EMPTY)
        .gets(200);
    let server = Server::start(&config(&format!("{TRUNK}{WHATSAPP}")), include_str!("../data/wire.kdl"));
    let mut events = server.events();
    Sipp::calls("127.0.0.2", server.sip, "+551140031234", &script).went_as_written();
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!(record["hung_up_by"], "caller", "{record}");
}

/// RFC 3262 §3: what was sent reliably is confirmed. RFC 3311: the carrier may ask in between whether all is well.
#[test]
#[ignore = "needs sipp: run by tests/all"]
fn early_media_sent_reliably_are_confirmed_with_prack_and_an_update_is_answered() {
    let update = "UPDATE [$contact] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n\
        From: [$to];tag=one\nTo: [$from]\nCall-ID: [call_id]\nCSeq: 1 UPDATE\n\
        Contact: <sip:carrier@[local_ip]:[local_port]>\n";
    let script = Script::new()
        .hears_invite()
        .answers("183 Session Progress", "one", "Require: 100rel\nRSeq: 7\n", WITH_SDP)
        .hears_with("PRACK", "RAck: *7 +[0-9]+ +INVITE")
        .answers("200 OK", "", "", EMPTY)
        .answers_invite("200 OK", "one", "", EMPTY)
        .hears("ACK")
        .says(update, EMPTY)
        .gets(200)
        .hears("BYE")
        .answers("200 OK", "", "", EMPTY);
    let carrier = Sipp::is_called("127.0.0.2", &script);
    let server = server_with(&[carrier.address], "");
    let mut events = server.events();
    place_a_call(&server);
    events.wait_for("call.in-progress", |_| true);
    carrier.went_as_written();
}
