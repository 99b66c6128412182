//! What a SIP request from outside may do: register, call, text. Everything else is refused with the code that the RFC names.

use std::collections::VecDeque;
use std::time::Instant;

use tracing::debug;
use tracing::info;
use tracing::warn;

use crate::call::caller::ANONYMOUS;
use crate::call::caller::CallerId;
use crate::call::clerk::Facts;
use crate::call::machine::Call;
use crate::call::machine::Incoming;
use crate::call::orders::RING_FOR;
use crate::call::record::CallId;
use crate::call::record::Direction;
use crate::call::script::Plain;
use crate::call::script::Script;
use crate::dialplan::program::FlowId;
use crate::dialplan::walk::Caller;
use crate::dialplan::walk::DialTarget;
use crate::dialplan::walk::Order;
use crate::dialplan::walk::Walk;
use crate::number::masked;
use crate::queue;
use crate::registrar;
use crate::registrar::Device;
use crate::sip::agent::Event;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::identity::ALLOW;
use crate::sip::agent::identity::SUPPORTED;
use crate::sip::content::ACCEPTED_FOR_CALLS;
use crate::sip::content::TEXT;
use crate::sip::digest::Question;
use crate::sip::digest::Staleness;
use crate::sip::digest::Verdict;
use crate::sip::hashing::Algorithm;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::nonce::Mark;
use crate::sip::replaces::Replaces;
use crate::sip::subscription::dialog_info::Direction as Side;
use crate::sip::subscription::package::ALLOW_EVENTS;
use crate::sip::subscription::package::Package;
use crate::sip::uri::Uri;
use crate::switch::doorman::Report;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::identity;
use crate::switch::machine::Switch;
use crate::switch::sessions::Over;
use crate::switch::trunks::state::Course;
use crate::switch::trunks::state::Full;

/// Who sent a request, once it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sender {
    Extension(String),
    Trunk(String),
}

/// Where a called number leads.
enum Lead {
    Flow(FlowId),
    Dial(DialTarget, Direction),
}

/// Why a called number leads nowhere.
#[derive(Debug)]
enum NoLead {
    Nowhere,
    /// The device whose name this is is not registered now.
    Away,
    /// A name that these extensions share.
    Ambiguous(Vec<String>),
}

impl NoLead {
    /// 404, 480, or 485 with those who may be meant. RFC 3261 §21.4.23.
    fn refuse(&self, request: &Request, domain: &str) -> Response {
        match self {
            NoLead::Nowhere => request.reply(404),
            NoLead::Away => request.reply(480),
            NoLead::Ambiguous(numbers) => {
                let mut response = request.reply(485).with_reason("Ambiguous: several extensions have this name");
                for number in numbers {
                    let contact = NameAddr::new(Uri::sip(Some(number), domain, None)).to_string();
                    response.headers.push(Name::Contact, contact);
                }
                response
            }
        }
    }
}

impl Switch {
    pub(super) fn on_agent_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Request { transaction, request, hop } => self.on_request(transaction, request, &hop, now),
            Event::Invite { transaction, request, hop } => self.on_invite(transaction, &request, &hop, now),
            Event::Response { request, response } => {
                if !self.desk.trunks.on_answer(request, Some(&response), now) {
                    self.on_text_answer(request, Some(&response), now);
                }
            }
            Event::RequestFailed { request, .. } => {
                if !self.desk.trunks.on_answer(request, None, now) {
                    self.on_text_answer(request, None, now);
                }
            }
            Event::Session { session, event } => self.on_session_event(session, event, now),
            Event::SubscriptionEnded { subscription } => self.on_subscription_ended(subscription),
        }
    }

    fn on_request(&mut self, transaction: TransactionId, request: Request, hop: &Hop, now: Instant) {
        match request.method {
            Method::Register => self.on_register(transaction, &request, hop, now),
            Method::Message => self.on_message(transaction, request, hop, now),
            Method::Options => self.refuse(transaction, options(&request), now),
            Method::Subscribe => self.on_subscribe(transaction, &request, hop, now),
            Method::Publish => self.refuse(transaction, bad_event(&request), now),
            // RFC 3515 §2.4.2 leaves it to us: outside of a call there is nobody to transfer.
            Method::Refer => {
                self.refuse(transaction, request.reply(403).with_reason("REFER only inside a call"), now);
            }
            _ => {
                let mut response = request.reply(405);
                response.headers.push(Name::Allow, ALLOW);
                self.refuse(transaction, response, now);
            }
        }
    }

    pub(super) fn refuse(&mut self, transaction: TransactionId, response: Response, now: Instant) {
        self.agent.respond(transaction, response, now);
    }

    /// Trusted by certificate, by address, or by a digest; otherwise the request has been answered and there is nobody.
    pub(super) fn sender(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        hop: &Hop,
        now: Instant,
    ) -> Option<Sender> {
        let user =
            request.headers.from_header().ok().and_then(|from| from.uri.user_text().map(|user| user.into_owned()));
        let claims_extension = user.as_deref().is_some_and(|user| self.desk.is_extension(user));
        if let Some(trunk) = self.desk.proven.trunk(hop).filter(|_| !claims_extension) {
            return Some(Sender::Trunk(trunk.to_owned()));
        }
        let called = request.uri.user_text();
        let source = hop.remote.ip().to_canonical();
        if !claims_extension && let Some(trunk) = self.desk.trunks.of_source(source, called.as_deref()) {
            return Some(Sender::Trunk(trunk.to_owned()));
        }
        let (username, _) = self.authenticated(transaction, request, hop, now)?;
        // RFC 3323 §4.1.1.3: who wants to be anonymous says so in From, and signs in all the same.
        if user.as_deref() != Some(username.as_str()) && !identity::from_is_anonymous(&request.headers) {
            self.refuse(transaction, request.reply(403).with_reason("From is not the user that signed in"), now);
            return None;
        }
        Some(Sender::Extension(username))
    }

    /// Digest authentication, RFC 7616. A wrong password and an unknown user get the same answer.
    fn authenticated(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        hop: &Hop,
        now: Instant,
    ) -> Option<(String, Mark)> {
        if self.is_kept_out(request, hop) {
            self.refuse(transaction, request.reply(403), now);
            return None;
        }
        let staleness = match self.guard.verify(request, &Name::Authorization, now) {
            Verdict::Granted { username, mark } => return Some((username, mark)),
            Verdict::Absent => Staleness::Fresh,
            Verdict::Stale => Staleness::Stale,
            Verdict::Denied => {
                self.on_wrong_password(request, hop, now);
                self.refuse(transaction, request.reply(403), now);
                return None;
            }
        };
        let only = knows_md5_only(request).then_some(Algorithm::Md5);
        let is_first = request.method == Method::Register && !request.headers.contains(&Name::Authorization);
        let mark = if is_first { self.desk.registrar.first_look(request, hop) } else { Mark::default() };
        let mut response = request.reply(401);
        for challenge in self.guard.challenge(Question { staleness, only, mark }, now) {
            response.headers.push(Name::WwwAuthenticate, challenge);
        }
        self.refuse(transaction, response, now);
        None
    }

    /// Whether too many wrong passwords came from there. Not meant are our own machine, trunks, and the phones that are
    /// registered from that very address: one forgotten phone must not silence the whole office behind its router.
    fn is_kept_out(&mut self, request: &Request, hop: &Hop) -> bool {
        let source = hop.remote.ip().to_canonical();
        if source.is_loopback() || self.desk.proven.trunk(hop).is_some() || !self.doorman.blocks(source) {
            return false;
        }
        let signed = self.guard.claimed_username(request, &Name::Authorization);
        let from = || request.headers.from_header().ok()?.uri.user_text().map(|user| user.into_owned());
        let claimed = signed.or_else(from);
        let is_known = claimed.is_some_and(|extension| self.desk.registrar.is_registered_from(&extension, source));
        let is_kept_out = !is_known && self.desk.trunks.of_source(source, None).is_none();
        if is_kept_out {
            self.doorman.on_refused(source);
        }
        is_kept_out
    }

    fn on_wrong_password(&mut self, request: &Request, hop: &Hop, now: Instant) {
        self.tally.auth_failures += 1;
        let source = hop.remote.ip().to_canonical();
        let report = self.doorman.on_failure(source, now);
        if let Some(report) = report {
            let name = self.guard.claimed_username(request, &Name::Authorization).unwrap_or_default();
            debug!(%source, %name, method = %request.method, "the name that was tried");
            tell(report);
        }
    }

    pub(super) fn tell_wrong_passwords(&mut self, now: Instant) {
        self.doorman.handle_timeout(now).into_iter().for_each(tell);
    }

    /// RFC 3261 §10.3.
    fn on_register(&mut self, transaction: TransactionId, request: &Request, hop: &Hop, now: Instant) {
        // Whom nobody listens to spends nobody's credit.
        if self.is_kept_out(request, hop) {
            return self.refuse(transaction, request.reply(403), now);
        }
        if let Some(later) = self.desk.registrar.turn_away(request, now) {
            return self.refuse(transaction, later, now);
        }
        let Some((username, mark)) = self.authenticated(transaction, request, hop, now) else {
            return;
        };
        let of = request.headers.to_header().ok().and_then(|to| to.uri.user_text().map(|user| user.into_owned()));
        if of.as_deref() != Some(username.as_str()) {
            return self.refuse(transaction, request.reply(403).with_reason("To is not the user that signed in"), now);
        }
        let wall = self.wall(now);
        let response = self.desk.registrar.register(&username, request, hop, mark, now, wall);
        self.refuse(transaction, response, now);
    }

    /// What the registrar wants kept and told. True: something moved.
    pub(super) fn settle_registrar(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while let Some(effect) = self.desk.registrar.poll_effect() {
            moved = true;
            match effect {
                registrar::Effect::Keep(binding) => self.effects.push_back(Effect::Keep(Keep::Binding(binding))),
                registrar::Effect::Forget { extension, contact } => {
                    self.effects.push_back(Effect::Keep(Keep::ForgetBinding { extension, contact }));
                }
                registrar::Effect::Rewritten { extension, evidence } => {
                    let evidence = evidence.join("; ");
                    warn!(%extension, %evidence, "a SIP ALG writes in this phone's messages: turn it off in its router, or use TLS");
                }
                registrar::Effect::Reachable { extension } => {
                    self.on_reachable(&extension, queue::agent::Reachability::Registered, now)
                }
                registrar::Effect::Unreachable { extension } => {
                    self.on_reachable(&extension, queue::agent::Reachability::Unregistered, now)
                }
            }
        }
        moved
    }

    fn on_reachable(&mut self, extension: &str, reachability: queue::agent::Reachability, now: Instant) {
        info!(%extension, ?reachability, "registration changed");
        self.lamps.touch(Package::Presence, extension);
        self.desk.queues.on_reachable(&queue::agent::AgentId(extension.to_owned()), reachability, now);
        let kind = match reachability {
            queue::agent::Reachability::Registered => "extension.registered",
            queue::agent::Reachability::Unregistered => "extension.unregistered",
        };
        self.publish(kind, serde_json::json!({ "extension": extension }), now);
    }

    fn on_invite(&mut self, transaction: TransactionId, request: &Request, hop: &Hop, now: Instant) {
        if self.draining {
            let mut response = request.reply(503).with_reason("Shutting down");
            response.headers.push(Name::RetryAfter, "30");
            return self.refuse(transaction, response, now);
        }
        let Some(sender) = self.sender(transaction, request, hop, now) else {
            return;
        };
        match Replaces::of(&request.headers) {
            Ok(None) => {}
            Ok(Some(replaces)) => {
                return self.on_replacing_invite(transaction, request, hop, sender, &replaces, now);
            }
            Err(why) => return self.refuse(transaction, request.reply(400).with_reason(&why.to_string()), now),
        }
        let device = self.desk.registrar.device(&request.uri, now);
        let called = match &device {
            Some(Device::Here { extension, .. }) => extension.clone(),
            _ => self.called(&sender, request),
        };
        let lead = match (device, &sender) {
            (Some(device), Sender::Extension(_)) => lead_to_device(device),
            // From outside nobody dials an extension, nor one phone of it.
            (Some(_), Sender::Trunk(_)) => Err(NoLead::Nowhere),
            (None, _) => self.lead(&sender, &called),
        };
        let lead = match lead {
            Ok(lead) => lead,
            Err(why) => {
                info!(to = %masked(&called), ?why, "nothing leads there");
                let refusal = why.refuse(request, &self.desk.domain);
                return self.refuse(transaction, refusal, now);
            }
        };
        if let Sender::Trunk(name) = &sender
            && let Err(full) = self.desk.trunks.admit(name, Course::In, now)
        {
            warn!(trunk = %name, "trunk {full}");
            return self.refuse(transaction, no_room(request, full), now);
        }
        // None: the caller hung up while we looked.
        let Some(session) = self.agent.take(transaction, now) else {
            if let Sender::Trunk(name) = &sender {
                self.desk.trunks.on_call_ended(name, Course::In);
            }
            return;
        };
        self.begin_incoming(session, request, hop, &sender, &called, lead, now);
    }

    #[expect(clippy::too_many_arguments, reason = "all that is known of a call at its beginning")]
    fn begin_incoming(
        &mut self,
        session: SessionId,
        request: &Request,
        hop: &Hop,
        sender: &Sender,
        called: &str,
        lead: Lead,
        now: Instant,
    ) {
        let number = self.calls.next_number();
        let id = CallId(self.fresh_id("call_"));
        let (from, caller) = self.calling(sender, request);
        let to = called.to_owned();
        let (trunk, extension) = match sender {
            Sender::Trunk(name) => (Some(name.clone()), None),
            Sender::Extension(number) => (None, Some(number.clone())),
        };
        let direction = match &lead {
            Lead::Dial(_, direction) => *direction,
            Lead::Flow(_) if trunk.is_some() => Direction::Inbound,
            Lead::Flow(_) => Direction::Internal,
        };
        let flow = match &lead {
            Lead::Flow(flow) => Some(self.desk.program.name_of(*flow).to_owned()),
            Lead::Dial(..) => None,
        };
        info!(call = %id, from = %masked(&from), to = %masked(&to), flow = flow.as_deref().unwrap_or("-"), "call begins");
        let script = match lead {
            Lead::Flow(flow) => self.walk(flow, &from, &to, trunk.as_deref()),
            Lead::Dial(target, _) => Script::Plain(Plain::new(Order::Dial { target, ring_for: RING_FOR })),
        };
        let incoming = self.incoming(session, request, hop, trunk.as_deref(), extension.clone());
        let channels_down = self.desk.channels_down.clone();
        let facts = Facts { direction, from, to, trunk: trunk.clone(), flow, channels_down, caller };
        let call = Call::incoming(id, number, incoming, facts, script, &self.desk, now);
        if let Some(leg) = call.caller_leg() {
            let over = trunk.map(|trunk| Over { trunk, course: Course::In, hops: VecDeque::new() });
            self.bind(session, leg, over, extension, Side::Initiator);
        }
        self.admit(number, call, now);
    }

    fn incoming(
        &self,
        session: SessionId,
        request: &Request,
        hop: &Hop,
        trunk: Option<&str>,
        extension: Option<String>,
    ) -> Incoming {
        let offer = request.session_description().unwrap_or_default();
        let codecs = trunk.and_then(|name| self.desk.trunks.find(name)).and_then(|trunk| trunk.config.codecs.clone());
        let media_address = self.desk.media_address(hop);
        let (trunk, max_forwards) = (trunk.map(str::to_owned), request.headers.max_forwards().ok().flatten());
        Incoming { session, offer, trunk, extension, max_forwards, media_address, codecs }
    }

    /// The number that is called. A carrier with which we registered may call our account, and say in To which number was
    /// meant.
    fn called(&self, sender: &Sender, request: &Request) -> String {
        let user = |uri: &Uri| uri.user_text().map(|user| user.into_owned());
        let called = user(&request.uri).unwrap_or_default();
        let Sender::Trunk(name) = sender else {
            return if self.desk.is_extension(&called) { called } else { self.desk.normal(&called) };
        };
        let Some(trunk) = self.desk.trunks.find(name) else {
            return self.desk.normal(&called);
        };
        let meant = request.headers.to_header().ok().and_then(|to| user(&to.uri));
        let candidates = [Some(called.clone()), meant.filter(|_| trunk.config.register)];
        let normal = |called: &String| {
            trunk.dialling.read(called).map_or_else(|_| called.clone(), |number| number.as_str().to_owned())
        };
        let program = &self.desk.program;
        let mut leading = candidates.iter().flatten().flat_map(|called| [normal(called), called.clone()]);
        leading.find(|called| program.flow_for(called).is_some()).unwrap_or_else(|| normal(&called))
    }

    pub(super) fn walk(&mut self, flow: FlowId, from: &str, to: &str, trunk: Option<&str>) -> Script {
        let caller = Caller { from: from.to_owned(), to: to.to_owned(), trunk: trunk.map(str::to_owned) };
        let seed = self.rng.u64(..);
        let walk = Walk::new(self.desk.program.clone(), flow, caller, &self.desk.language, seed);
        Script::Walk(Box::new(walk))
    }

    /// A trunk may call the business's numbers; an extension also other extensions, and out by a route.
    fn lead(&self, sender: &Sender, called: &str) -> Result<Lead, NoLead> {
        let program = &self.desk.program;
        if let Some(flow) = program.flow_for(called) {
            return Ok(Lead::Flow(flow));
        }
        if matches!(sender, Sender::Trunk(_)) {
            return Err(NoLead::Nowhere);
        }
        if self.desk.is_extension(called) {
            return Ok(Lead::Dial(DialTarget::Extension(called.to_owned()), Direction::Internal));
        }
        if program.route_for(called).is_some() {
            return Ok(Lead::Dial(DialTarget::Number(called.to_owned()), Direction::Outbound));
        }
        match self.desk.extensions_named(called).as_slice() {
            [] => Err(NoLead::Nowhere),
            [one] => Ok(Lead::Dial(DialTarget::Extension((*one).to_owned()), Direction::Internal)),
            several => Err(NoLead::Ambiguous(several.iter().map(|number| (*number).to_owned()).collect())),
        }
    }

    /// Whoever comes from outside is none of our extensions, whatever the headers say: those sign in.
    fn as_stranger(&self, from: String, caller: CallerId) -> (String, CallerId) {
        match self.desk.is_extension(&from) {
            true => (ANONYMOUS.to_owned(), CallerId { diversions: caller.diversions, ..CallerId::default() }),
            false => (from, caller),
        }
    }

    /// The number that the call shows, and what else is known of the caller.
    pub(super) fn calling(&self, sender: &Sender, request: &Request) -> (String, CallerId) {
        match sender {
            Sender::Extension(number) => (number.clone(), identity::of_phone(&request.headers)),
            Sender::Trunk(name) => match self.desk.trunks.find(name) {
                Some(trunk) => {
                    let (from, caller) = identity::of_trunk(&request.headers, &trunk.config, &trunk.dialling);
                    self.as_stranger(from, caller)
                }
                None => (ANONYMOUS.to_owned(), CallerId::default()),
            },
        }
    }
}

/// RFC 3261 §21.5.4: a carrier that is told for how long keeps its other calls coming.
fn no_room(request: &Request, why: Full) -> Response {
    let mut response = request.reply(503);
    if why == Full::Rate {
        response.headers.push(Name::RetryAfter, "1");
    }
    response
}

/// RFC 5627 §5.4: 404 for a name that is not ours, 480 for a device that is not there.
fn lead_to_device(device: Device) -> Result<Lead, NoLead> {
    match device {
        Device::Unknown => Err(NoLead::Nowhere),
        Device::Away => Err(NoLead::Away),
        Device::Here { extension, instance } => {
            Ok(Lead::Dial(DialTarget::Device { extension, instance }, Direction::Internal))
        }
    }
}

/// These lines are a promise to fail2ban and its kin: see docs/operations.md.
fn tell(report: Report) {
    match report {
        Report::Failed { source } => warn!(%source, failures = 1, "authentication failed"),
        Report::Total { source, failures, refused } => {
            warn!(%source, failures, refused, "authentication failed");
        }
        Report::Blocked { source, failures } => {
            warn!(%source, failures, "authentication failed too often: the source is not listened to for a minute");
        }
    }
}

// Not as RFC 8760 §2.4: baresip up to 2 (libre) does not skip a challenge whose algorithm it does not know, it gives up.
fn knows_md5_only(request: &Request) -> bool {
    let agent = request.headers.first(&Name::UserAgent).unwrap_or_default();
    let version = agent.strip_prefix("baresip v").and_then(|rest| rest.split('.').next()?.parse().ok());
    version.is_some_and(|major: u32| major <= 2)
}

/// RFC 6665 §8.3.2.
fn bad_event(request: &Request) -> Response {
    let mut response = request.reply(489);
    response.headers.push(Name::AllowEvents, ALLOW_EVENTS);
    response
}

/// RFC 3261 §11.2.
fn options(request: &Request) -> Response {
    let mut response = request.reply(200);
    response.headers.push(Name::Allow, ALLOW);
    response.headers.push(Name::AllowEvents, ALLOW_EVENTS);
    response.headers.push(Name::Accept, format!("{ACCEPTED_FOR_CALLS}, {TEXT}"));
    response.headers.push(Name::AcceptEncoding, "identity");
    response.headers.push(Name::Supported, SUPPORTED);
    response
}
