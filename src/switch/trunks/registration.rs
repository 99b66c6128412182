//! Our registration with a trunk that wants one: RFC 3261 §10.2, as a phone would do it.
//!
//! It is refreshed well before it is over, so that two tries fit in. A registrar that does not answer is asked again soon
//! and then less and less often; one that refuses us is left alone for long, because those who hammer get blocked.

use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::hop::Transport;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;
use crate::switch::trunk::Config;

/// What we ask for at first, in seconds.
const REGISTER_FOR: u32 = 300;
/// Whatever a 423 asks for, in seconds.
const REGISTER_FOR_AT_MOST: u32 = 86_400;
/// A registration is not refreshed more often, however short it was granted.
const REFRESHED_AFTER_AT_LEAST: Duration = Duration::from_secs(5);
/// After a first failure; each further one waits twice as long.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
const PAUSE_LONGEST: Duration = Duration::from_secs(300);
/// After a refusal that another try will not change: 403, a wrong password, an unknown account.
const PAUSE_AFTER_REFUSAL: Duration = Duration::from_secs(600);
/// Whatever a 503 asks for.
const RETRY_AFTER_AT_MOST: Duration = Duration::from_secs(3_600);
/// How far the CSeq moves from one REGISTER to the next: the agent's answers to challenges take the numbers between.
const CSEQ_STEP: u32 = 10;
/// Service-Routes that are kept.
const MOST_ROUTES: usize = 8;

#[derive(Debug)]
pub(super) struct Registration {
    stage: Stage,
    standing: Standing,
    /// In seconds.
    asks_for: u32,
    pause: Duration,
    /// RFC 3261 §10.2: all registrations of one client have one Call-ID and rising numbers.
    call_id: String,
    cseq: u32,
    /// The Contact of our last REGISTER.
    contact: Option<Uri>,
    /// RFC 3608: what calls must be routed by, as it was written.
    service_routes: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No address is known yet, or the server is ending.
    Idle,
    Due(Instant),
    /// A REGISTER is on its way.
    Asked,
}

/// How the registrar has us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not answered yet.
    Unknown,
    Registered {
        until: Instant,
    },
    /// Another try will not help.
    Refused(String),
    Failed(String),
}

impl Registration {
    pub(super) fn new(call_id: String) -> Registration {
        Registration {
            stage: Stage::Idle,
            standing: Standing::Unknown,
            asks_for: REGISTER_FOR,
            pause: PAUSE_FIRST,
            call_id,
            cseq: 0,
            contact: None,
            service_routes: Vec::new(),
        }
    }

    /// An address is known for the first time.
    pub(super) fn begin(&mut self, now: Instant) {
        if self.stage == Stage::Idle {
            self.stage = Stage::Due(now);
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self.stage {
            Stage::Due(at) => Some(at),
            Stage::Idle | Stage::Asked => None,
        }
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// RFC 3608 §6: in the order of the Route header that they become.
    pub(super) fn service_routes(&self) -> &[String] {
        &self.service_routes
    }

    /// The REGISTER that is due; `us`: the address at which the trunk reaches us.
    pub(super) fn ask(&mut self, config: &Config, hop: &Hop, us: SocketAddr) -> Request {
        self.stage = Stage::Asked;
        self.request(config, hop, us, self.asks_for)
    }

    /// The end: takes our binding out of the registrar, where there is one. RFC 3261 §10.2.2.
    pub(super) fn leave(&mut self, config: &Config, hop: &Hop, us: SocketAddr) -> Option<Request> {
        let registered = matches!(self.standing, Standing::Registered { .. });
        self.stage = Stage::Idle;
        self.standing = Standing::Unknown;
        registered.then(|| self.request(config, hop, us, 0))
    }

    fn request(&mut self, config: &Config, hop: &Hop, us: SocketAddr, expires: u32) -> Request {
        self.cseq += CSEQ_STEP;
        let user = config.username.as_deref().unwrap_or("desvio");
        let address = NameAddr::new(Uri::sip(Some(user), &config.host, None)).to_string();
        let mut request = Request::new(Method::Register, Uri::sip(None, &config.host, config.port));
        request.headers.push(Name::From, address.clone());
        request.headers.push(Name::To, address);
        request.headers.push(Name::CallId, self.call_id.clone());
        request.headers.push(Name::CSeq, format!("{} REGISTER", self.cseq));
        let contact = contact(user, hop.transport, us);
        request.headers.push(Name::Contact, NameAddr::new(contact.clone()).to_string());
        self.contact = Some(contact);
        request.headers.push(Name::Expires, expires.to_string());
        request
    }

    /// The final answer to our REGISTER; none: there was none. `dice`: any number, for the jitter.
    pub(super) fn on_answer(&mut self, response: Option<&Response>, dice: u64, now: Instant) {
        if self.stage != Stage::Asked {
            return;
        }
        let Some(response) = response else {
            return self.fail("register unanswered".to_owned(), dice, now);
        };
        match response.status {
            200..300 => self.on_registered(response, dice, now),
            423 => self.on_too_brief(response, dice, now),
            503 if response.headers.contains(&Name::RetryAfter) => self.on_unavailable(response, dice, now),
            401 | 403 | 404 | 407 | 410 | 603 => self.refuse(response, now),
            _ => self.fail(refusal(response), dice, now),
        }
    }

    fn on_registered(&mut self, response: &Response, dice: u64, now: Instant) {
        let granted = granted_expires(response, self.contact.as_ref()).unwrap_or(self.asks_for);
        let lasts = Duration::from_secs(u64::from(granted));
        // RFC 3261 §10.2.4 leaves the time open. RFC 5626 §4.4.1 is where the spread comes from: not all of a carrier's
        // customers must come in the same second.
        let refresh = lasts.mul_f64(0.8 + 0.1 * fraction(dice));
        self.standing = Standing::Registered { until: now + lasts };
        self.stage = Stage::Due(now + refresh.max(REFRESHED_AFTER_AT_LEAST));
        self.pause = PAUSE_FIRST;
        let routes = response.headers.list(&Name::ServiceRoute).take(MOST_ROUTES);
        self.service_routes = routes.map(str::to_owned).collect();
    }

    /// RFC 3261 §10.2.8: we ask for as long as the registrar wants, once.
    fn on_too_brief(&mut self, response: &Response, dice: u64, now: Instant) {
        let wanted = response.headers.min_expires().map(|wanted| wanted.min(REGISTER_FOR_AT_MOST));
        match wanted.filter(|wanted| *wanted > self.asks_for) {
            Some(wanted) => {
                self.asks_for = wanted;
                self.stage = Stage::Due(now);
            }
            None => self.fail(refusal(response), dice, now),
        }
    }

    fn on_unavailable(&mut self, response: &Response, dice: u64, now: Instant) {
        let seconds = response.headers.number(&Name::RetryAfter).unwrap_or(0);
        let wish = Duration::from_secs(u64::from(seconds)).clamp(PAUSE_FIRST, RETRY_AFTER_AT_MOST);
        self.miss(refusal(response), now);
        self.stage = Stage::Due(now + wish.mul_f64(1.0 + 0.1 * fraction(dice)));
    }

    fn refuse(&mut self, response: &Response, now: Instant) {
        self.standing = Standing::Refused(refusal(response));
        self.stage = Stage::Due(now + PAUSE_AFTER_REFUSAL);
    }

    fn fail(&mut self, why: String, dice: u64, now: Instant) {
        self.miss(why, now);
        self.stage = Stage::Due(now + self.pause.mul_f64(0.5 + 0.5 * fraction(dice)));
        self.pause = (self.pause * 2).min(PAUSE_LONGEST);
    }

    /// A registration that has not run out yet still stands though its refresh failed.
    fn miss(&mut self, why: String, now: Instant) {
        if !matches!(self.standing, Standing::Registered { until } if now < until) {
            self.standing = Standing::Failed(why);
        }
    }
}

/// From 0 to below 1.
fn fraction(dice: u64) -> f64 {
    fastrand::Rng::with_seed(dice).f64()
}

fn refusal(response: &Response) -> String {
    let reason = String::from_utf8_lossy(&response.reason);
    format!("register refused: {} {}", response.status, reason).trim_end().to_owned()
}

fn contact(user: &str, transport: Transport, us: SocketAddr) -> Uri {
    let uri = Uri::sip(Some(user), &us.ip().to_string(), Some(us.port()));
    match transport {
        Transport::Udp => uri,
        other => uri.with_param("transport", other.uri_text()),
    }
}

/// The registrar may shorten what we asked for: in the Contact that is ours among all of the account, or in Expires. RFC 3261
/// §10.2.4.
fn granted_expires(response: &Response, ours: Option<&Uri>) -> Option<u32> {
    let contacts = response.headers.contacts().ok()?;
    let same = |one: &Uri, other: &Uri| one.user() == other.user() && one.host == other.host && one.port == other.port;
    let found = contacts.iter().find(|contact| ours.is_some_and(|ours| same(ours, &contact.uri)));
    // A registrar that rewrites the one Contact (NAT) still means ours.
    let only = contacts.first().filter(|_| contacts.len() == 1);
    let in_contact = found.or(only).and_then(|contact| contact.params.get("expires")?.parse().ok());
    in_contact.or_else(|| response.headers.expires())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_contact_says_how_long_we_are_registered() {
        let ours = Uri::sip(Some("551140031234"), "192.0.2.1", Some(5060));
        let mut response = Response::new(200);
        response.headers.push(Name::Contact, "<sip:551140031234@198.51.100.7:5060>;expires=3600");
        response.headers.push(Name::Contact, "<sip:551140031234@192.0.2.1:5060>;expires=60");
        assert_eq!(granted_expires(&response, Some(&ours)), Some(60), "another device of the account stands first");
        response.headers.set(Name::Contact, "<sip:551140031234@203.0.113.9:61000>;expires=90");
        assert_eq!(
            granted_expires(&response, Some(&ours)),
            Some(90),
            "the one that there is, rewritten by the registrar"
        );
    }

    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
    fn start() -> Instant {
        Instant::now()
    }

    const US: &str = "203.0.113.7:5060";

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn hop(transport: Transport) -> Hop {
        let (local, remote) = ("10.0.0.1:5060".parse().unwrap(), "198.51.100.9:5060".parse().unwrap());
        Hop { transport, local, remote, connection: None }
    }

    fn config() -> Config {
        toml::from_str(
            "name = \"a\"\nhost = \"sip.example\"\nusername = \"551140031234\"\npassword = \"x\"\nregister = true",
        )
        .unwrap()
    }

    struct Told {
        registration: Registration,
        now: Instant,
        request: Request,
    }

    fn asked() -> Told {
        let now = start();
        let mut registration = Registration::new("call-id".to_owned());
        assert_eq!(registration.due(), None);
        registration.begin(now);
        assert_eq!(registration.due(), Some(now));
        let request = registration.ask(&config(), &hop(Transport::Udp), US.parse().unwrap());
        Told { registration, now, request }
    }

    impl Told {
        fn answered(&mut self, status: u16, headers: &[(Name, &'static str)]) -> Duration {
            if self.registration.stage != Stage::Asked {
                self.request = self.registration.ask(&config(), &hop(Transport::Udp), US.parse().unwrap());
            }
            let mut response = self.request.reply(status);
            headers.iter().for_each(|(name, value)| response.headers.push(name.clone(), *value));
            self.registration.on_answer(Some(&response), 1, self.now);
            self.registration.due().unwrap() - self.now
        }
    }

    #[test]
    fn a_register_says_who_we_are_and_where() {
        let told = asked();
        let text = String::from_utf8(told.request.write().to_vec()).unwrap();
        assert!(text.starts_with("REGISTER sip:sip.example SIP/2.0"), "{text}");
        assert!(text.contains("To: <sip:551140031234@sip.example>"), "{text}");
        assert!(text.contains("Contact: <sip:551140031234@203.0.113.7:5060>"), "{text}");
        assert!(text.contains("Expires: 300"), "{text}");
        let uri = contact("a", Transport::Tcp, US.parse().unwrap()).to_string();
        assert_eq!(uri, "sip:a@203.0.113.7:5060;transport=tcp");
    }

    #[test]
    fn all_of_our_registers_have_one_call_id_and_rising_numbers() {
        let mut told = asked();
        let first = told.request.headers.cseq().unwrap().number;
        told.answered(200, &[(Name::Expires, "60")]);
        told.answered(200, &[(Name::Expires, "60")]);
        assert_eq!(told.request.headers.call_id().unwrap(), "call-id");
        assert!(told.request.headers.cseq().unwrap().number > first + 2, "room for answers to challenges");
    }

    #[test]
    fn a_registration_is_refreshed_before_it_is_over() {
        let mut told = asked();
        let refresh = told.answered(200, &[(Name::Contact, "<sip:551140031234@203.0.113.7:5060>;expires=100")]);
        assert!((secs(80)..secs(90)).contains(&refresh), "{refresh:?}");
        assert_eq!(*told.registration.standing(), Standing::Registered { until: told.now + secs(100) });
        assert!(told.answered(200, &[(Name::Expires, "1")]) >= secs(5));
    }

    #[test]
    fn too_brief_is_answered_with_what_the_registrar_wants_once() {
        let mut told = asked();
        assert_eq!(told.answered(423, &[(Name::MinExpires, "1800")]), Duration::ZERO);
        assert!(told.answered(423, &[(Name::MinExpires, "1800")]) > Duration::ZERO, "it contradicts itself");
        assert_eq!(told.request.headers.expires(), Some(1800));
    }

    #[test]
    fn silence_is_met_with_longer_and_longer_pauses_that_are_not_all_alike() {
        let mut told = asked();
        let mut pauses = Vec::new();
        for dice in 0..10 {
            told.registration.stage = Stage::Asked;
            told.registration.on_answer(None, dice, told.now);
            pauses.push(told.registration.due().unwrap() - told.now);
        }
        assert!((secs(2)..=secs(5)).contains(&pauses[0]), "{pauses:?}");
        assert!((secs(5)..=secs(10)).contains(&pauses[1]), "{pauses:?}");
        assert!((secs(150)..=secs(300)).contains(&pauses[9]), "{pauses:?}");
        assert_ne!(pauses[8], pauses[9]);
        assert_eq!(*told.registration.standing(), Standing::Failed("register unanswered".to_owned()));
    }

    #[test]
    fn who_refuses_us_is_left_alone_for_long() {
        for status in [401, 403, 404, 407] {
            let mut told = asked();
            assert_eq!(told.answered(status, &[]), PAUSE_AFTER_REFUSAL);
            let Standing::Refused(why) = told.registration.standing() else { panic!("{status}") };
            assert!(why.starts_with(&format!("register refused: {status} ")), "{why}");
        }
    }

    #[test]
    fn retry_after_is_obeyed() {
        let mut told = asked();
        let pause = told.answered(503, &[(Name::RetryAfter, "120 (maintenance)")]);
        assert!((secs(120)..=secs(132)).contains(&pause), "{pause:?}");
        let pause = told.answered(503, &[(Name::RetryAfter, "999999")]);
        assert!(pause <= secs(3_960), "{pause:?}");
        assert!(told.answered(503, &[]) <= secs(5), "without a wish of its own it is a failure like others");
    }

    #[test]
    fn a_refresh_that_fails_does_not_end_a_registration_that_still_runs() {
        let mut told = asked();
        told.answered(200, &[(Name::Expires, "300")]);
        told.now += secs(250);
        told.answered(500, &[]);
        assert!(matches!(told.registration.standing(), Standing::Registered { .. }));
        told.now += secs(60);
        told.answered(500, &[]);
        assert!(matches!(told.registration.standing(), Standing::Failed(_)));
    }

    #[test]
    fn service_routes_are_kept_in_order_and_forgotten_with_the_next_answer() {
        let mut told = asked();
        told.answered(200, &[(Name::ServiceRoute, "<sip:p1.example;lr>, <sip:p2.example;lr>")]);
        assert_eq!(told.registration.service_routes(), ["<sip:p1.example;lr>", "<sip:p2.example;lr>"]);
        told.answered(200, &[]);
        assert!(told.registration.service_routes().is_empty());
    }

    #[test]
    fn at_the_end_we_take_ourselves_out_if_we_were_in() {
        let mut told = asked();
        told.answered(200, &[(Name::Expires, "300")]);
        let leaving = told.registration.leave(&config(), &hop(Transport::Udp), US.parse().unwrap()).unwrap();
        assert_eq!(leaving.headers.expires(), Some(0));
        assert_eq!(told.registration.due(), None);
        assert!(told.registration.leave(&config(), &hop(Transport::Udp), US.parse().unwrap()).is_none());
    }
}
