//! A phone or a carrier's gateway, made of the same user agent that the server is made of.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use desvio::media::codec::CodecKind;
use desvio::media::command::Stream;
use desvio::media::negotiation;
use desvio::media::negotiation::Local;
use desvio::media::sdp::Session;
use desvio::sip::agent::Event;
use desvio::sip::agent::HangUpReason;
use desvio::sip::agent::Invitation;
use desvio::sip::agent::RequestId;
use desvio::sip::agent::SessionEvent;
use desvio::sip::agent::SessionId;
use desvio::sip::agent::TransactionId;
use desvio::sip::agent::UserAgent;
use desvio::sip::digest::Credentials;
use desvio::sip::digest::Secret;
use desvio::sip::headers::Name;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Transport;
use desvio::sip::message::Request;
use desvio::sip::message::Response;
use desvio::sip::method::Method;
use desvio::sip::name_addr::NameAddr;
use desvio::sip::uri::Uri;

use crate::features::Notice;
use crate::features::SetAside;

pub(crate) struct Phone {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) agent: UserAgent,
    pub(crate) server: SocketAddr,
    pub(crate) transport: Transport,
    password: Option<String>,
    /// What its descriptions say.
    pub(crate) local: Local,
    /// What it agreed on in its present or last call.
    pub(crate) stream: Option<Stream>,
    /// The call that rings, and its offer.
    pub(crate) ringing: Option<(SessionId, Bytes)>,
    pub(crate) session: Option<SessionId>,
    /// The server's RTP port in this phone's present or last call.
    pub(crate) server_port: Option<u16>,
    pub(crate) up: bool,
    /// How the last call ended, or the last refusal of one.
    pub(crate) ended: Option<String>,
    pub(crate) texts: Vec<String>,
    pub(crate) answers: VecDeque<(RequestId, u16)>,
    /// Further headers of the calls that it makes.
    pub(crate) headers: Vec<(Name, Bytes)>,
    /// The INVITE of the last call that it got.
    pub(crate) invited: Option<Request>,
    /// The cause of Q.850 that the last call ended with.
    pub(crate) cause: Option<u16>,
    /// Its battery is empty: it neither sends nor hears anything.
    pub(crate) vanished: bool,
    pub(crate) last_answer: Option<Response>,
    /// A call on hold while this phone makes another.
    pub(crate) aside: Option<SetAside>,
    /// How the last call ended that was set aside.
    pub(crate) aside_ended: Option<String>,
    /// Headers of its next INVITE only.
    pub(crate) next_headers: Vec<(Name, Bytes)>,
    pub(crate) notices: Vec<Notice>,
    /// What this phone answers to NOTIFY; none: nothing at all.
    pub(crate) answers_notices: Option<u16>,
    /// Requests that reached it, in their order.
    pub(crate) requests: Vec<Request>,
    /// What it answers to the next requests of a method; then it is a phone like any other.
    pub(crate) script: VecDeque<Reply>,
}

/// An answer that is not left to the phone.
pub(crate) struct Reply {
    pub(crate) method: Method,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(Name, String)>,
}

impl Phone {
    pub(crate) fn new(name: &str, address: SocketAddr, server: SocketAddr, password: Option<&str>, seed: u64) -> Self {
        let config = toml::from_str(r#"domain = "desvio.test""#).expect("a minimal [sip] section");
        Self {
            name: name.to_owned(),
            address,
            agent: UserAgent::new(&config, fastrand::Rng::with_seed(seed)),
            server,
            transport: Transport::Udp,
            password: password.map(str::to_owned),
            local: Local::plain(
                SocketAddr::new(address.ip(), 40_000 + (seed % 1000) as u16 * 2),
                vec![CodecKind::Pcma, CodecKind::Pcmu],
            ),
            stream: None,
            ringing: None,
            session: None,
            server_port: None,
            up: false,
            ended: None,
            texts: Vec::new(),
            answers: VecDeque::new(),
            headers: Vec::new(),
            invited: None,
            cause: None,
            vanished: false,
            last_answer: None,
            aside: None,
            aside_ended: None,
            next_headers: Vec::new(),
            notices: Vec::new(),
            answers_notices: Some(200),
            requests: Vec::new(),
            script: VecDeque::new(),
        }
    }

    pub(crate) fn will_answer(&mut self, method: Method, status: u16, headers: &[(Name, &str)]) {
        let headers = headers.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect();
        self.script.push_back(Reply { method, status, headers });
    }

    fn scripted(&mut self, request: &Request) -> Option<Response> {
        let at = self.script.iter().position(|reply| reply.method == request.method)?;
        let reply = self.script.remove(at)?;
        let mut response = request.reply(reply.status);
        reply.headers.into_iter().for_each(|(name, value)| response.headers.push(name, value));
        Some(response)
    }

    /// The last request of this method.
    pub(crate) fn last(&self, method: &Method) -> &Request {
        let mut requests = self.requests.iter().rev();
        requests.find(|request| request.method == *method).unwrap_or_else(|| panic!("{} got no {method}", self.name))
    }

    pub(crate) fn hop(&self) -> Hop {
        Hop { transport: self.transport, local: self.address, remote: self.server, connection: None }
    }

    pub(crate) fn credentials(&self) -> Option<Credentials> {
        let password = self.password.clone()?;
        Some(Credentials { username: self.name.clone(), secret: Secret::Password(password) })
    }

    pub(crate) fn us(&self) -> NameAddr {
        NameAddr::new(Uri::sip(Some(&self.name), "desvio.test", None))
    }

    pub(crate) fn register(&mut self, expires: u32, now: Instant) {
        self.register_at("desvio.test", expires, now);
    }

    /// With the name under which its owner knows the server.
    pub(crate) fn register_at(&mut self, host: &str, expires: u32, now: Instant) {
        let mut request = Request::new(Method::Register, Uri::sip(None, host, None));
        let contact = Uri::sip(Some(&self.name), &self.address.ip().to_string(), Some(self.address.port()));
        request.headers.push(Name::From, self.us().to_string());
        request.headers.push(Name::To, self.us().to_string());
        request.headers.push(Name::Contact, NameAddr::new(contact).to_string());
        request.headers.push(Name::Expires, expires.to_string());
        let (hop, credentials) = (self.hop(), self.credentials());
        self.agent.request(request, hop, credentials, now);
    }

    pub(crate) fn call(&mut self, number: &str, from: Option<&str>, now: Instant) {
        let user = from.unwrap_or(&self.name).to_owned();
        let target = Uri::sip(Some(number), "desvio.test", None);
        let invitation = Invitation {
            to: NameAddr::new(target.clone()),
            target,
            hop: self.hop(),
            alternatives: Vec::new(),
            from: NameAddr::new(Uri::sip(Some(&user), "desvio.test", None)),
            sdp: negotiation::offer(&self.local),
            headers: self.headers.iter().cloned().chain(std::mem::take(&mut self.next_headers)).collect(),
            credentials: self.credentials(),
        };
        self.up = false;
        self.ended = None;
        self.session = Some(self.agent.invite(invitation, now));
    }

    pub(crate) fn text(&mut self, to: &str, text: &str, now: Instant) {
        let target = Uri::sip(Some(to), "desvio.test", None);
        let mut request = Request::new(Method::Message, target.clone());
        request.headers.push(Name::From, self.us().to_string());
        request.headers.push(Name::To, NameAddr::new(target).to_string());
        request.headers.push(Name::ContentType, "text/plain");
        request.body = Bytes::copy_from_slice(text.as_bytes());
        let (hop, credentials) = (self.hop(), self.credentials());
        self.agent.request(request, hop, credentials, now);
    }

    pub(crate) fn picks_up(&mut self, now: Instant) {
        let (session, offer) = self.ringing.take().expect("this phone does not ring");
        let (answer, stream) = answered(&self.local, &offer);
        self.server_port = Some(stream.remote.port());
        self.stream = Some(stream);
        self.agent.accept(session, answer, now);
        self.session = Some(session);
        self.up = true;
        self.ended = None;
    }

    /// A re-INVITE with this direction: `sendonly` is hold, `sendrecv` the end of it.
    pub(crate) fn offers(&mut self, direction: &str, now: Instant) {
        let session = self.session.expect("this phone is in no call");
        let local = Local { version: 2, ..self.local.clone() };
        let sdp = String::from_utf8_lossy(&negotiation::offer(&local)).replace("a=sendrecv", &format!("a={direction}"));
        self.agent.offer(session, Bytes::from(sdp.into_bytes()), now);
    }

    /// A re-INVITE that is written otherwise than this phone usually does.
    pub(crate) fn offers_as(&mut self, codecs: Vec<CodecKind>, change: impl Fn(String) -> String, now: Instant) {
        let session = self.session.expect("this phone is in no call");
        let local = Local { version: 2, codecs, ..self.local.clone() };
        let sdp = change(String::from_utf8_lossy(&negotiation::offer(&local)).into_owned());
        self.agent.offer(session, Bytes::from(sdp.into_bytes()), now);
    }

    /// Early media: this phone rings with a sound of its own.
    pub(crate) fn rings_aloud(&mut self, now: Instant) {
        let (session, offer) = self.ringing.clone().expect("this phone does not ring");
        let (answer, stream) = answered(&self.local, &offer);
        self.server_port = Some(stream.remote.port());
        self.agent.progress(session, 183, Some(answer), now);
    }

    pub(crate) fn declines(&mut self, status: u16, now: Instant) {
        let (session, _) = self.ringing.take().expect("this phone does not ring");
        self.agent.reject(session, status, None, now);
    }

    pub(crate) fn hangs_up(&mut self, now: Instant) {
        let session = self.session.take().expect("this phone is in no call");
        self.agent.hang_up(session, None, now);
        self.up = false;
    }

    pub(crate) fn declines_because(&mut self, status: u16, cause: u16, now: Instant) {
        let (session, _) = self.ringing.take().expect("this phone does not ring");
        self.agent.refuse(session, status, HangUpReason::q850(cause), now);
    }

    pub(crate) fn hangs_up_because(&mut self, cause: u16, now: Instant) {
        let session = self.session.take().expect("this phone is in no call");
        self.agent.hang_up(session, Some(HangUpReason::q850(cause)), now);
        self.up = false;
    }

    pub(crate) fn work(&mut self, now: Instant) {
        while let Some(event) = self.agent.poll_event() {
            match event {
                Event::Invite { transaction, request, .. } => self.on_invite(transaction, &request, now),
                Event::Request { transaction, request, .. } => self.on_request(transaction, &request, now),
                Event::Response { request, response } => {
                    self.answers.push_back((request, response.status));
                    self.last_answer = Some(response);
                }
                Event::SubscriptionEnded { .. } => {}
                Event::RequestFailed { request, .. } => self.answers.push_back((request, 408)),
                Event::Session { event: SessionEvent::Referred { transaction, request }, .. } => {
                    self.on_request(transaction, &request, now);
                }
                Event::Session { session, event } => self.on_session(session, event),
            }
        }
    }

    fn on_invite(&mut self, transaction: TransactionId, request: &Request, now: Instant) {
        self.requests.push(request.clone());
        if let Some(response) = self.scripted(request) {
            return self.agent.respond(transaction, response, now);
        }
        if self.session.is_some() || self.ringing.is_some() {
            return self.agent.respond(transaction, request.reply(486), now);
        }
        let Some(session) = self.agent.take(transaction, now) else {
            return;
        };
        self.agent.progress(session, 180, None, now);
        self.invited = Some(request.clone());
        self.ringing = Some((session, request.body.clone()));
    }

    fn on_request(&mut self, transaction: TransactionId, request: &Request, now: Instant) {
        if request.method == Method::Message {
            self.texts.push(String::from_utf8_lossy(&request.body).into_owned());
        }
        self.requests.push(request.clone());
        let response = self.scripted(request).unwrap_or_else(|| request.reply(200));
        self.agent.respond(transaction, response, now);
    }

    fn on_session(&mut self, session: SessionId, event: SessionEvent) {
        if self.ringing.as_ref().is_some_and(|(rings, _)| *rings == session) {
            if matches!(event, SessionEvent::Cancelled { .. } | SessionEvent::HungUp { .. } | SessionEvent::Lost) {
                self.ringing = None;
            }
            return;
        }
        if self.aside.as_ref().is_some_and(|aside| aside.session == session) {
            return self.on_aside(&event);
        }
        let ours = self.session == Some(session);
        match event {
            SessionEvent::Accepted { sdp } if ours => {
                self.learn_port(&sdp);
                self.up = true;
            }
            SessionEvent::Progress { sdp: Some(sdp), .. } if ours => self.learn_port(&sdp),
            SessionEvent::Refused { status, cause, .. } if ours => {
                self.cause = cause;
                self.end(status.to_string());
            }
            SessionEvent::HungUp { cause } if ours => {
                self.cause = cause;
                self.end("bye".to_owned());
            }
            SessionEvent::Lost if ours => self.end("lost".to_owned()),
            _ => {}
        }
    }

    fn learn_port(&mut self, sdp: &[u8]) {
        let stream = negotiation::accept_answer(&self.local, sdp).expect("an answer that we can take");
        self.server_port = Some(stream.remote.port());
        self.stream = Some(stream);
    }

    fn end(&mut self, how: String) {
        self.ended = Some(how);
        self.session = None;
        self.up = false;
    }
}

fn answered(local: &Local, offer: &[u8]) -> (Bytes, Stream) {
    let offer = Session::read(offer).expect("a description that we can read");
    negotiation::answer(local, &offer, None).expect("an offer that we can take")
}
