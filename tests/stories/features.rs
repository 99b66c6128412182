//! What a phone can do besides calling: hold a second call, transfer, take another's place, and watch lamps.

use std::time::Instant;

use bytes::Bytes;
use desvio::sip::agent::SessionEvent;
use desvio::sip::agent::SessionId;
use desvio::sip::headers::Name;
use desvio::sip::hop::Packet;
use desvio::sip::hop::Transmit;
use desvio::sip::message::Message;
use desvio::sip::message::Request;
use desvio::sip::method::Method;
use desvio::sip::name_addr::NameAddr;
use desvio::sip::uri::Uri;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::To;
use crate::phone::Phone;

/// A call that waits while its phone makes another.
pub(crate) struct SetAside {
    pub(crate) session: SessionId,
}

/// One NOTIFY as it came.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub(crate) request: Request,
    pub(crate) event: String,
    pub(crate) state: String,
    pub(crate) body: String,
}

impl Notice {
    /// `180` of `SIP/2.0 180 Ringing`.
    pub(crate) fn status(&self) -> u16 {
        let status = self.body.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
        status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status line: {}", self.body))
    }

    /// The value of an attribute of the first `<dialog>` that has it.
    pub(crate) fn attribute(&self, name: &str) -> String {
        let start = format!(" {name}=\"");
        let rest = self.body.split("<dialog id").nth(1).and_then(|dialog| dialog.split_once(&start));
        let value = rest.and_then(|(_, rest)| rest.split('"').next());
        value.unwrap_or_else(|| panic!("no {name}: {}", self.body)).to_owned()
    }

    pub(crate) fn says(&self, what: &str) -> bool {
        self.body.contains(what)
    }
}

impl Phone {
    /// The call goes on hold, and this phone is free for another.
    pub(crate) fn sets_aside(&mut self, now: Instant) {
        self.offers("sendonly", now);
        let session = self.session.take().expect("this phone is in no call");
        self.aside = Some(SetAside { session });
        self.server_port = None;
        self.up = false;
    }

    pub(crate) fn gives_up_what_is_aside(&mut self, now: Instant) {
        if let Some(aside) = self.aside.take() {
            self.agent.hang_up(aside.session, None, now);
        }
    }

    pub(crate) fn on_aside(&mut self, event: &SessionEvent) {
        if matches!(event, SessionEvent::HungUp { .. } | SessionEvent::Lost) {
            self.aside = None;
            self.aside_ended = Some("bye".to_owned());
        }
    }

    /// A blind transfer of the present call. The answer is in `answers`.
    pub(crate) fn refers(&mut self, to: &str, more: &[(Name, &str)], now: Instant) {
        let session = self.session.expect("this phone is in no call");
        self.refers_in(session, to, more, now);
    }

    /// An attended transfer: the call set aside is handed over to the party of the present one.
    pub(crate) fn joins_both(&mut self, now: Instant) {
        let consulted = self.session.expect("this phone is in no call");
        let aside = self.aside.as_ref().expect("no call is set aside").session;
        let names = self.agent.dialog_names(consulted).expect("a call that stands");
        let remote = names.remote_tag.unwrap_or_default();
        let replaces = format!("{}%3Bto-tag%3D{remote}%3Bfrom-tag%3D{}", names.call_id, names.local_tag);
        self.refers_in(aside, &format!("<sip:anybody@desvio.test?Replaces={replaces}>"), &[], now);
    }

    pub(crate) fn refers_in(&mut self, session: SessionId, to: &str, more: &[(Name, &str)], now: Instant) {
        let mut request = Request::new(Method::Refer, Uri::sip(None, "desvio.test", None));
        request.headers.push(Name::ReferTo, to.to_owned());
        more.iter().for_each(|(name, value)| request.headers.push(name.clone(), (*value).to_owned()));
        self.agent.request_inside(session, request, None, now).expect("a call that stands");
    }

    /// As a carrier tells how the REFER fares that it got in the present call.
    pub(crate) fn says_of_refer(&mut self, line: &str, now: Instant) {
        let session = self.session.expect("this phone is in no call");
        let mut request = Request::new(Method::Notify, Uri::sip(None, "desvio.test", None));
        request.headers.push(Name::Event, "refer");
        request.headers.push(Name::SubscriptionState, "active;expires=60");
        request.headers.push(Name::ContentType, "message/sipfrag");
        request.body = Bytes::from(line.to_owned());
        self.agent.request_inside(session, request, None, now).expect("a call that stands");
    }

    pub(crate) fn subscribes(&mut self, event: &str, of: &str, expires: u32, now: Instant) {
        self.subscribes_with(event, of, &[(Name::Expires, expires.to_string())], now);
    }

    pub(crate) fn subscribes_with(&mut self, event: &str, of: &str, more: &[(Name, String)], now: Instant) {
        let target = Uri::sip(Some(of), "desvio.test", None);
        let mut request = Request::new(Method::Subscribe, target.clone());
        let contact = Uri::sip(Some(&self.name), &self.address.ip().to_string(), Some(self.address.port()));
        request.headers.push(Name::From, self.us().to_string());
        request.headers.push(Name::To, NameAddr::new(target).to_string());
        request.headers.push(Name::Contact, NameAddr::new(contact).to_string());
        request.headers.push(Name::Event, event.to_owned());
        more.iter().for_each(|(name, value)| request.headers.push(name.clone(), value.clone()));
        let (hop, credentials) = (self.hop(), self.credentials());
        self.agent.request(request, hop, credentials, now);
    }

    /// Again, in the dialog in which this notice came.
    pub(crate) fn subscribes_again(&mut self, notice: &Notice, expires: u32, cseq: u32, now: Instant) {
        let text = |name: &Name| notice.request.headers.first(name).unwrap_or_default().to_owned();
        let contact = notice.request.headers.contacts().expect("a Contact").remove(0);
        let mut request = Request::new(Method::Subscribe, contact.uri);
        let here = Uri::sip(Some(&self.name), &self.address.ip().to_string(), Some(self.address.port()));
        request.headers.push(Name::From, text(&Name::To));
        request.headers.push(Name::To, text(&Name::From));
        request.headers.push(Name::CallId, text(&Name::CallId));
        request.headers.push(Name::CSeq, format!("{cseq} SUBSCRIBE"));
        request.headers.push(Name::Contact, NameAddr::new(here).to_string());
        request.headers.push(Name::Event, notice.event.clone());
        request.headers.push(Name::Expires, expires.to_string());
        let hop = self.hop();
        self.agent.request(request, hop, None, now);
    }

    pub(crate) fn asks_options(&mut self, now: Instant) {
        let request = Request::new(Method::Options, Uri::sip(None, "desvio.test", None));
        let hop = self.hop();
        self.agent.request(request, hop, None, now);
    }

    pub(crate) fn notice(&self) -> &Notice {
        self.notices.last().unwrap_or_else(|| panic!("{} was told nothing", self.name))
    }

    /// A NOTIFY is taken by the phone itself: its user agent has no subscriptions of its own. The answer, if there is one.
    fn on_notify(&mut self, request: Request) -> Option<Bytes> {
        let status = self.answers_notices?;
        let text = |name: &Name| request.headers.first(name).unwrap_or_default().to_owned();
        let (event, state) = (text(&Name::Event), text(&Name::SubscriptionState));
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let answer = request.reply(status).write();
        self.notices.push(Notice { request, event, state, body });
        Some(answer)
    }
}

impl Bench {
    /// False: it is no NOTIFY.
    pub(crate) fn takes_notice(&mut self, phone: usize, notice: &Packet) -> bool {
        let Ok(Message::Request(request)) = Message::parse(notice.bytes.clone()) else {
            return false;
        };
        if request.method != Method::Notify {
            return false;
        }
        if let Some(bytes) = self.phones[phone].on_notify(request) {
            self.carry(To::Switch, Transmit { hop: notice.hop, bytes });
        }
        true
    }

    /// Lets a phone do something, and everybody react to it.
    pub(crate) fn does(&mut self, phone: PhoneId, what: impl FnOnce(&mut Phone, Instant)) {
        let now = self.now;
        what(&mut self.phones[phone.0], now);
        self.settle();
    }

    /// The answer to the last request of this phone outside of calls, or to its REFER.
    pub(crate) fn answered(&mut self, phone: PhoneId) -> u16 {
        let answer = self.phones[phone.0].answers.pop_back();
        answer.unwrap_or_else(|| panic!("{} got no answer\n{}", self.phones[phone.0].name, self.trace)).1
    }

    /// What the transferor was told, one status after another.
    pub(crate) fn told(&self, phone: PhoneId) -> Vec<u16> {
        self.phones[phone.0].notices.iter().map(|notice| notice.status()).collect()
    }

    /// Four extensions: 200 to 203.
    pub(crate) fn larger() -> Self {
        Self::larger_with("", include_str!("../data/design.kdl"))
    }

    pub(crate) fn larger_with(more: &str, plan: &str) -> Self {
        let extension = |number: &str, name: &str| {
            format!("[[extension]]\nnumber = \"{number}\"\nname = \"{name}\"\npassword = \"segredo\"\n")
        };
        let config = include_str!("../data/bench.toml");
        let (carla, davi) = (extension("202", "Carla"), extension("203", "Davi"));
        Self::build(&format!("{config}\n{carla}{davi}{more}"), plan)
    }
}
