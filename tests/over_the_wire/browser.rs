//! Phones in a browser: SIP over WebSocket. The page's SIP stack is our own user agent, and its host name is one that exists
//! nowhere, as JsSIP and SIP.js make it up (RFC 7118 §5).

use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use desvio::sip::agent::Event;
use desvio::sip::agent::Invitation;
use desvio::sip::agent::SessionEvent;
use desvio::sip::agent::SessionId;
use desvio::sip::agent::UserAgent;
use desvio::sip::config::Config;
use desvio::sip::digest::Credentials;
use desvio::sip::digest::Secret;
use desvio::sip::headers::Name;
use desvio::sip::hop::ConnectionId;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Packet;
use desvio::sip::hop::Transport;
use desvio::sip::message::Request;
use desvio::sip::method::Method;
use desvio::sip::name_addr::NameAddr;
use desvio::sip::uri::Uri;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::WebSocket;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::server::Server;
use crate::server::config;

const PLAN: &str = "flow \"entrada\" {\n    answer\n    hangup\n}\n";

struct Browser {
    socket: WebSocket<TcpStream>,
    agent: UserAgent,
    user: String,
    hop: Hop,
    invites: usize,
}

fn sdp(port: u16) -> Bytes {
    let text = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    );
    Bytes::from(text)
}

impl Browser {
    fn open(server: SocketAddr, user: &str) -> Browser {
        let stream = TcpStream::connect(server).expect("a connection");
        let local = stream.local_addr().expect("an address");
        let mut request = format!("ws://{server}/").into_client_request().expect("a request");
        request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().expect("a word"));
        let (socket, answer) = tungstenite::client(request, stream).expect("a WebSocket");
        assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "sip");
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(20))).expect("a time");
        let hop = Hop { transport: Transport::Ws, local, remote: server, connection: Some(ConnectionId(1)) };
        let config: Config = toml::from_str("domain = \"desvio.test\"").expect("a section");
        let agent = UserAgent::new(&config, fastrand::Rng::with_seed(u64::from(local.port())));
        Browser { socket, agent, user: user.to_owned(), hop, invites: 0 }
    }

    fn us(&self) -> NameAddr {
        NameAddr::new(Uri::sip(Some(&self.user), "desvio.test", None))
    }

    fn credentials(&self) -> Option<Credentials> {
        Some(Credentials { username: self.user.clone(), secret: Secret::Password("segredo".to_owned()) })
    }

    /// Works until this is among the events.
    fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&mut UserAgent, Event) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            self.step();
            while let Some(event) = self.agent.poll_event() {
                if let Some(found) = wanted(&mut self.agent, event) {
                    self.send_all();
                    return found;
                }
            }
        }
        panic!("{} never saw {what}", self.user);
    }

    /// Sends what is to be sent and takes in what comes, if it comes soon.
    fn step(&mut self) {
        self.send_all();
        match self.socket.read() {
            Ok(Message::Text(text)) => self.take(Bytes::from(text)),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{} lost its connection: {error}", self.user),
        }
        self.send_all();
    }

    fn take(&mut self, bytes: Bytes) {
        self.agent.receive(Packet { hop: self.hop, bytes }, Instant::now());
    }

    fn send_all(&mut self) {
        while let Some(transmit) = self.agent.poll_transmit() {
            let text =
                String::from_utf8_lossy(&transmit.bytes).replace(&self.hop.local.to_string(), "df7jal23ls0d.invalid");
            self.invites += usize::from(text.starts_with("INVITE "));
            self.socket.send(Message::text(text)).expect("it is sent");
        }
    }

    fn registers(&mut self) {
        let mut request = Request::new(Method::Register, Uri::sip(None, "desvio.test", None));
        request.headers.push(Name::From, self.us().to_string());
        request.headers.push(Name::To, self.us().to_string());
        request.headers.push(Name::Contact, format!("<sip:{}@df7jal23ls0d.invalid;transport=ws>", self.user));
        self.agent.request(request, self.hop, self.credentials(), Instant::now());
        let status = self.until("an answer to REGISTER", |_, event| match event {
            Event::Response { response, .. } => Some(response.status),
            _ => None,
        });
        assert_eq!(status, 200);
    }

    /// Until the challenge is answered.
    fn calls(&mut self, number: &str) -> SessionId {
        let invitation = Invitation {
            target: Uri::sip(Some(number), "desvio.test", None),
            hop: self.hop,
            alternatives: Vec::new(),
            from: self.us(),
            to: NameAddr::new(Uri::sip(Some(number), "desvio.test", None)),
            sdp: sdp(40_000),
            headers: Vec::new(),
            credentials: self.credentials(),
        };
        let session = self.agent.invite(invitation, Instant::now());
        let end = Instant::now() + Duration::from_secs(10);
        self.invites = 0;
        while self.invites < 2 && Instant::now() < end {
            self.step();
        }
        session
    }

    fn picks_up(&mut self) -> SessionId {
        self.until("a call", |agent, event| match event {
            Event::Invite { transaction, request, .. } => {
                assert_eq!(request.uri.param("transport"), Some("ws"), "{}", request.uri);
                let session = agent.take(transaction, Instant::now()).expect("it is still there");
                agent.accept(session, sdp(40_010), Instant::now());
                Some(session)
            }
            _ => None,
        })
    }

    fn hears(&mut self, what: &str, wanted: impl Fn(&SessionEvent) -> bool) {
        self.until(what, |_, event| match event {
            Event::Session { event, .. } if wanted(&event) => Some(()),
            _ => None,
        });
    }
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn browsers_register_and_call_each_other() {
    let listening = config("").replace("\"tcp:127.0.0.1:0\"]", "\"tcp:127.0.0.1:0\", \"ws:127.0.0.1:0\"]");
    let mut server = Server::start(&listening, PLAN);
    let web = server.address_after(" ws:");
    let (mut ana, mut bruno) = (Browser::open(web, "200"), Browser::open(web, "201"));
    ana.registers();
    bruno.registers();
    let registrations = server.get("/v1/registrations");
    assert_eq!(registrations["data"][0]["transport"], "ws", "{registrations}");

    let call = ana.calls("201");
    bruno.picks_up();
    ana.hears("the answer", |event| matches!(event, SessionEvent::Accepted { .. }));
    bruno.hears("the ACK", |event| matches!(event, SessionEvent::Confirmed { .. }));
    ana.agent.hang_up(call, None, Instant::now());
    ana.hears("the end", |event| matches!(event, SessionEvent::HangUpDone));
    bruno.hears("the end", |event| matches!(event, SessionEvent::HungUp { .. }));

    // Its tab is closed: whoever calls it hears that at once.
    drop(bruno);
    ana.calls("201");
    ana.hears("a refusal", |event| matches!(event, SessionEvent::Refused { .. }));
}
