//! A call that comes in: where the called number leads, and whether there is room for it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Instant;

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
use crate::dialplan::dial_order::DialOrder;
use crate::dialplan::order::DialTarget;
use crate::dialplan::order::Order;
use crate::dialplan::program::FlowId;
use crate::dialplan::walk::Caller;
use crate::dialplan::walk::Walk;
use crate::number::masked;
use crate::registrar::Device;
use crate::sip::agent::SessionId;
use crate::sip::agent::TransactionId;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::name_addr::NameAddr;
use crate::sip::replaces::Replaces;
use crate::sip::subscription::dialog_info::Direction as Side;
use crate::sip::uri::Uri;
use crate::switch::desk::Desk;
use crate::switch::identity;
use crate::switch::machine::Switch;
use crate::switch::senders::Sender;
use crate::switch::sessions::Over;
use crate::switch::trunks::state::Course;
use crate::switch::trunks::state::Full;

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
    pub(super) fn on_invite(&mut self, transaction: TransactionId, request: &Request, hop: &Hop, now: Instant) {
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
            Lead::Flow(flow) => {
                let shown = Caller::new(from.clone(), to.clone(), trunk.clone());
                let name = caller.name.clone().filter(|_| !caller.is_withheld()).unwrap_or_default();
                self.walk(flow, Caller { name, call_id: id.to_string(), call_number: number, ..shown })
            }
            Lead::Dial(target, _) => {
                Script::Plain(Plain::new(Order::Dial(Box::new(DialOrder::plain(target, RING_FOR)))))
            }
        };
        let incoming = self.incoming(session, request, hop, trunk.as_deref(), extension.clone());
        let channels_down = self.desk.channels_down.clone();
        let facts = Facts { direction, from, to, trunk: trunk.clone(), meets: None, flow, channels_down, caller };
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
        let config = trunk.and_then(|name| self.desk.trunks.find(name)).map(|trunk| &trunk.config);
        let codecs = config.and_then(|config| config.codecs.clone());
        let encryption = match config {
            Some(trunk) => self.desk.encryption_over(trunk),
            None => self.desk.encryption_of(extension.as_deref()),
        };
        let form = Desk::form(hop, config);
        let media_address = self.desk.media_address(hop);
        let (trunk, max_forwards) = (trunk.map(str::to_owned), request.headers.max_forwards().ok().flatten());
        let peer = hop.remote.ip();
        Incoming { session, offer, trunk, extension, max_forwards, media_address, codecs, encryption, form, peer }
    }

    /// The number that is called. A carrier with which we registered may call our account, and say in To which number was
    /// meant.
    fn called(&self, sender: &Sender, request: &Request) -> String {
        let called = request.uri.user_text().map(Cow::into_owned).unwrap_or_default();
        let Sender::Trunk(name) = sender else {
            let is_ours = self.desk.is_extension(&called) || self.desk.program.is_code(&called);
            return if is_ours { called } else { self.desk.normal(&called) };
        };
        let Some(trunk) = self.desk.trunks.find(name) else {
            return self.desk.normal(&called);
        };
        let meant = if trunk.config.register { request.headers.to_user() } else { None };
        let candidates = [Some(called.clone()), meant.map(Cow::into_owned)];
        let normal = |called: &String| {
            trunk.dialling.read(called).map_or_else(|_| called.clone(), |number| number.as_str().to_owned())
        };
        let program = &self.desk.program;
        let mut leading = candidates.iter().flatten().flat_map(|called| [normal(called), called.clone()]);
        leading.find(|called| program.flow_for(called).is_some()).unwrap_or_else(|| normal(&called))
    }

    pub(super) fn walk(&mut self, flow: FlowId, caller: Caller) -> Script {
        let seed = self.rng.u64(..);
        let walk = Walk::new(self.desk.program.clone(), flow, caller, &self.desk.language, seed);
        Script::Walk(Box::new(walk))
    }

    /// A trunk may call the business's numbers; an extension also other extensions, and out by a route.
    fn lead(&self, sender: &Sender, called: &str) -> Result<Lead, NoLead> {
        let program = &self.desk.program;
        let is_outside = matches!(sender, Sender::Trunk(_));
        if let Some(flow) = program.flow_for(called).filter(|_| !is_outside || !program.is_code(called)) {
            return Ok(Lead::Flow(flow));
        }
        if is_outside {
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
