//! Two servers of ours: one is the other's carrier, wants a password, and is told where the other is.

use serde_json::json;

use crate::http::Events;
use crate::pjsua::Pjsua;
use crate::server::Server;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::connect;
use crate::softphone::extension;
use crate::softphone::heard_each_other;
use crate::softphone::sound_flows_for;

/// The carrier's customer, by whose number and password the other server registers.
const ACCOUNT: &str = "\n[[extension]]\nnumber = \"551140031234\"\nname = \"Loja\"\npassword = \"senha da loja\"\n";

/// Calls to a number of the telephone network ring the carrier's extension 202.
const CARRIERS_PLAN: &str = r#"
number "+5511999998888" flow="assinante"
flow "assinante" { dial "202" ring-for="20s" }
"#;

const OUR_PLAN: &str = r#"
number "+551140031234" flow="loja"
route "+*" trunk="operadora"
flow "loja" { dial "200" ring-for="20s" }
"#;

/// An address of its own, so that nobody is taken for somebody else by where he calls from.
fn carrier() -> (Server, Events) {
    let config = config(ACCOUNT)
        .replace("p:127.0.0.1:0", "p:127.0.0.3:0")
        .replace("address = \"127.0.0.1\"", "address = \"127.0.0.3\"");
    let server = Server::start(&config, CARRIERS_PLAN);
    let events = server.events();
    (server, events)
}

fn ours(carrier: &Server, transport: Transport) -> Server {
    let port = if transport == Transport::Udp { carrier.sip.port() } else { carrier.tcp.port() };
    let trunk = format!(
        "\n[[trunk]]\nname = \"operadora\"\nhost = \"127.0.0.3\"\nport = {port}\ntransport = \"{}\"\n\
         username = \"551140031234\"\npassword = \"senha da loja\"\nregister = true\nfrom = [\"127.0.0.3\"]\n\
         caller_id = \"+551140031234\"\nnumber_format = \"e164-without-plus\"\n",
        transport.name()
    );
    // Nobody of ours has the number of the carrier's customer: who claims one of ours is asked for a password.
    Server::start(&config(&trunk).replace("number = \"202\"", "number = \"203\""), OUR_PLAN)
}

fn talk(mut caller: Pjsua, number: &str, mut callee: Pjsua, numbers: [&str; 2]) {
    connect(&mut caller, &mut callee, number);
    sound_flows_for(2);
    callee.hangs_up();
    caller.is_released();
    heard_each_other([Box::new(caller).recording(), Box::new(callee).recording()], numbers);
}

fn both_ways(transport: Transport) {
    let (carrier, mut registrations) = carrier();
    let ours = ours(&carrier, transport);
    registrations.wait_for("extension.registered", |who| who["extension"] == "551140031234");
    let phone = |server: &Server, number| Pjsua::start(&extension(server, number, Transport::Udp, Answers::ByHand));

    let mut events = ours.events();
    talk(phone(&ours, "200"), "+5511999998888", phone(&carrier, "202"), ["200", "202"]);
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!((&record["trunk"], &record["hung_up_by"]), (&json!("operadora"), &json!("callee")), "{record}");

    talk(phone(&carrier, "202"), "551140031234", phone(&ours, "200"), ["202", "200"]);
    let record = events.wait_for("call.completed", |_| true);
    assert_eq!((&record["trunk"], &record["direction"]), (&json!("operadora"), &json!("inbound")), "{record}");
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_carrier_that_wants_registration_is_called_and_calls_over_udp() {
    both_ways(Transport::Udp);
}

#[test]
#[ignore = "needs pjsua2: run by tests/all"]
fn a_carrier_that_wants_registration_is_called_and_calls_over_tcp() {
    both_ways(Transport::Tcp);
}
