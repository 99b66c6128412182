//! Two exchanges that meet over TLS: each shows a certificate, and believes the other's and no other.

use std::time::Duration;
use std::time::Instant;

use serde_json::json;

use crate::server::Server;
use crate::server::certificate;
use crate::server::config;
use crate::server::with_tls;
use crate::softphone::PATIENCE;

const NUMBER: &str = "+551140031234";
const CARRIER: &str = "number \"+551140031234\" flow=\"entrada\"\nflow \"entrada\" {\n    answer\n    hangup\n}\n";
const CUSTOMER: &str = "route \"+*\" trunk=\"operadora\"\nflow \"entrada\" {\n    answer\n    hangup\n}\n";

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn a_trunk_with_certificates_on_both_sides_is_known_by_its_name() {
    let (theirs, ours) = (certificate("sip.operadora.example"), certificate("pbx.example"));
    let customer_of_theirs = "[[trunk]]\nname = \"cliente\"\nhost = \"192.0.2.1\"\ntls_name = \"pbx.example\"\n";
    let believing = format!("client_certificates = \"require\"\nclient_trust = \"{}\"\n{}", ours.pem, theirs.keys());
    let carrier = Server::start(&with_tls(&config(customer_of_theirs), &believing), CARRIER);
    let trunk = format!(
        "[[trunk]]\nname = \"operadora\"\nhost = \"127.0.0.1\"\nport = {}\ntransport = \"tls\"\ntrust = \"{}\"\n{}",
        carrier.tls.expect("it listens").port(),
        theirs.pem,
        ours.keys(),
    );
    let mut heard = carrier.events();
    let customer = Server::start(&config(&trunk), CUSTOMER).with_its_trunks();
    let mut events = customer.events();
    customer.send("POST", "/v1/calls", &json!({ "to": NUMBER, "play": "whatsapp-down" }));
    let record = heard.wait_for("call.completed", |_| true);
    assert_eq!((&record["trunk"], &record["status"]), (&json!("cliente"), &json!("completed")), "{record}");
    events.wait_for("call.completed", |record| record["trunk"] == "operadora");
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn a_renewed_certificate_is_taken_up_on_sighup() {
    let first = certificate("desvio.test");
    let server = Server::start(&with_tls(&config(""), &first.keys()), CARRIER);
    let second = certificate("desvio.test");
    std::fs::copy(&second.pem, &first.pem).expect("a copy");
    std::fs::copy(&second.key, &first.key).expect("a copy");
    server.is_told("HUP");
    let until = Instant::now() + PATIENCE;
    while !server.log().contains("certificates were read again") {
        assert!(Instant::now() < until, "{}", server.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.get("/v1/registrations")["data"], json!([]), "it goes on");
}
