//! REFER and INVITE with Replaces: who may hand a call over to whom, and which two calls become one.
//!
//! Whoever is transferred keeps his session and his media leg as they are; only the call that they belong to changes, so
//! a transfer needs no new offer and cannot fail halfway.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tracing::info;

use crate::call::clerk::Facts;
use crate::call::effect::Around;
use crate::call::effect::Destination;
use crate::call::effect::Input as CallInput;
use crate::call::effect::NoWay;
use crate::call::machine::Incoming;
use crate::call::script::Script;
use crate::call::transfer::Target;
use crate::call::transfer::Transfer;
use crate::dialplan::walk::Caller;
use crate::media::command::LegId;
use crate::number::masked;
use crate::sip::agent::RequestId;
use crate::sip::agent::SessionId;
use crate::sip::agent::SubscriptionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::dialogs::Named;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::refer::Referral;
use crate::sip::replaces::Flags;
use crate::sip::replaces::Replaces;
use crate::sip::subscription::dialog_info::Direction;
use crate::sip::subscription::document::Document;
use crate::sip::uri::Scheme;
use crate::sip::uri::Uri;
use crate::switch::desk::Desk;
use crate::switch::machine::Switch;
use crate::switch::senders::Sender;
use crate::switch::trunks::trunk::Trunk;

/// A status and what it means here.
type Refusal = (u16, String);

/// A leg and the number of the call that it is in.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: u64,
    leg: LegId,
}

fn refusal(status: u16, why: &str) -> Refusal {
    (status, why.to_owned())
}

/// REFER.
impl Switch {
    pub(super) fn on_refer(&mut self, session: SessionId, transaction: TransactionId, request: &Request, now: Instant) {
        if let Err((status, why)) = self.refer(session, transaction, request, now) {
            info!(status, why, "a transfer is refused");
            self.refuse(transaction, request.reply(status).with_reason(&why), now);
        }
    }

    fn refer(
        &mut self,
        session: SessionId,
        transaction: TransactionId,
        request: &Request,
        now: Instant,
    ) -> Result<(), Refusal> {
        let by = self.transferor(session)?;
        let referral = Referral::read(request).map_err(|why| (why.status(), why.to_string()))?;
        let call = self.calls.call(by.number).ok_or_else(|| refusal(481, "No such call"))?;
        call.can_transfer(by.leg).map_err(|status| match status {
            491 => refusal(491, "Another transfer of this call is under way"),
            other => refusal(other, "Nobody to transfer"),
        })?;
        match &referral.replaces {
            Some(replaces) => {
                let other = self.other_call(session, by, replaces)?;
                let told = self.agent.accept_referral(session, transaction, request, referral.notices, now);
                self.transfer_attended(by, other, told, now);
            }
            None => {
                let order = self.blind(session, by, &referral, now)?;
                let referral = self.agent.accept_referral(session, transaction, request, referral.notices, now);
                let order = Box::new(Transfer { referral, ..order });
                self.tell_call(by.number, CallInput::Transfer(order), now);
            }
        }
        Ok(())
    }

    /// Extensions may; parties behind a trunk only where its configuration says so: they could send us calling at our cost.
    fn transferor(&self, session: SessionId) -> Result<Place, Refusal> {
        let known = self.calls.sessions.get(session).ok_or_else(|| refusal(481, "No such call"))?;
        let may = known.trunk().is_none_or(|trunk| self.desk.trunks.may_transfer(trunk));
        if !may {
            return Err(refusal(403, "This trunk may not transfer calls"));
        }
        if self.draining {
            return Err(refusal(503, "Shutting down"));
        }
        Ok(self.place(known.leg))
    }

    fn place(&self, leg: LegId) -> Place {
        Place { number: self.calls.sessions.owner(leg), leg }
    }

    fn blind(&mut self, session: SessionId, by: Place, referral: &Referral, now: Instant) -> Result<Transfer, Refusal> {
        if !self.is_here(&referral.to, session) {
            return Err(refusal(403, "Refer-To leads to a foreign host"));
        }
        let Some(call) = self.calls.call(by.number) else {
            return Err(refusal(481, "No such call"));
        };
        let (transferee, transferor) = (call.remote_of(by.leg), call.name_of(by.leg));
        let stays = call.partner(by.leg);
        let to = referral.to.user_text().unwrap_or_default().into_owned();
        let is_outside = self.calls.sessions.get(session).is_some_and(|known| known.trunk().is_some());
        if is_outside && self.desk.program.is_code(&to) {
            return Err(refusal(404, "Nothing leads there"));
        }
        let (facts, dice) = (call.facts_of(&transferee, stays).into_owned(), call.dice());
        let of = (call.id().to_string(), by.number);
        let target = self.target(&to, &facts, of, dice, now).ok_or_else(|| {
            info!(to = %masked(&to), "a transfer leads nowhere");
            refusal(404, "Nothing leads there")
        })?;
        let referred_by = referral.referred_by.clone().unwrap_or_else(|| self.referrer(&transferor));
        Ok(Transfer { by: by.leg, to, target, referred_by, referral: None })
    }

    /// An extension, a number of ours with a flow, or a number that a route leads out.
    fn target(&mut self, to: &str, facts: &Facts, of: (String, u64), dice: u64, now: Instant) -> Option<Target> {
        let normal = self.desk.normal(to);
        let program = &self.desk.program;
        if let Some(flow) = program.flow_for(&normal).or_else(|| program.flow_for(to)) {
            let name = program.name_of(flow).to_owned();
            let mut script = Box::new(self.walk(flow, Caller::new(facts.from.clone(), normal, None)));
            if let (Script::Walk(walk), (id, number)) = (&mut *script, of) {
                walk.belongs_to(id, number);
            }
            return Some(Target::Flow { name, script });
        }
        let whom = match self.desk.is_extension(to) {
            true => Destination::Extension(to.to_owned()),
            false => Destination::Number(normal),
        };
        match self.desk.ways_to(&whom, facts, dice, now) {
            Err(NoWay::Unknown) => None,
            ways => Some(Target::Party(ways)),
        }
    }

    /// Our domain, a name under which phones register with us, or an address of ours as this peer knows it.
    fn is_here(&self, uri: &Uri, session: SessionId) -> bool {
        if uri.scheme == Scheme::Tel || self.desk.registrar.is_known_as(&uri.host_text()) {
            return true;
        }
        let Some(hop) = self.agent.hop(session) else {
            return false;
        };
        let as_known_there = [hop.local.ip(), self.desk.advertising.address(hop)].map(|address| address.to_canonical());
        let ours = |address: IpAddr| as_known_there.contains(&address.to_canonical());
        uri.host.address().is_some_and(ours)
    }

    /// RFC 3892 §2.1: who refers says so himself, or we say it for him.
    fn referrer(&self, transferor: &str) -> Bytes {
        let uri = Uri::sip(Some(transferor), &self.desk.domain, None);
        Bytes::from(NameAddr::new(uri).to_string())
    }

    /// The transferor's other call; `None` if there is none any more, which he is told by NOTIFY.
    fn other_call(&self, session: SessionId, by: Place, replaces: &Replaces) -> Result<Option<Place>, Refusal> {
        let (Named::Confirmed(other) | Named::TheirEarly(other)) = self.agent.named(replaces) else {
            return Ok(None);
        };
        let (Some(known), Some(same)) = (self.calls.sessions.get(other), self.calls.sessions.get(session)) else {
            return Ok(None);
        };
        let other = self.place(known.leg);
        if (&known.extension, known.trunk()) != (&same.extension, same.trunk()) {
            return Err(refusal(403, "Replaces names the call of somebody else"));
        }
        if other.number == by.number {
            return Err(refusal(403, "Replaces names the same call"));
        }
        Ok(Some(other))
    }

    /// Where the other call has somebody to talk to, he comes into this one: its caller began it, its record tells the
    /// whole story. Else the transferee goes where the transferor waits: into a flow, a queue, or to a phone that rings.
    fn transfer_attended(&mut self, by: Place, other: Option<Place>, told: Option<SubscriptionId>, now: Instant) {
        let talks =
            other.filter(|other| self.calls.call(other.number).is_some_and(|it| it.partner(other.leg).is_some()));
        let waits =
            other.filter(|other| self.calls.call(other.number).is_some_and(|it| it.is_waiting_caller(other.leg)));
        let apart = |other: &Place| !self.may_bring_together((by.number, by.leg), (other.number, other.leg));
        if let Some(other) = talks.or(waits).filter(apart) {
            let to = self.calls.name(other.number);
            self.note_kept_apart(by.number, &to, now);
            return self.tell_transferor(told, 403, now);
        }
        if let Some(other) = talks {
            return self.bring_here(by, other, told, now);
        }
        match waits {
            Some(other) => self.send_there(by, other, told, now),
            None => self.tell_transferor(told, 481, now),
        }
    }

    fn bring_here(&mut self, by: Place, other: Place, told: Option<SubscriptionId>, now: Instant) {
        let mut given = None;
        let to = self.calls.name(by.number);
        self.with_call(other.number, now, |call, desk, now| given = call.give_partner(other.leg, &to, desk, now));
        let Some(leg) = given else {
            return self.tell_transferor(told, 481, now);
        };
        self.calls.move_leg(leg.id(), by.number);
        self.with_call(by.number, now, |call, desk, now| call.take_in_place_of(by.leg, leg, told, desk, now));
    }

    fn send_there(&mut self, by: Place, other: Place, told: Option<SubscriptionId>, now: Instant) {
        let mut given = None;
        let to = self.calls.name(other.number);
        self.tell_transferor(told, 200, now);
        self.with_call(by.number, now, |call, desk, now| given = call.give_partner(by.leg, &to, desk, now));
        let Some(leg) = given else { return };
        self.calls.move_leg(leg.id(), other.number);
        self.with_call(other.number, now, |call, desk, now| call.take_as_caller(other.leg, leg, desk, now));
    }

    /// A trunk is asked to connect its caller with somebody else.
    pub(super) fn refer_caller(&mut self, number: u64, session: SessionId, to: &str, now: Instant) {
        let known = self.calls.sessions.get(session).and_then(|known| known.trunk());
        let trunk = known.and_then(|name| self.desk.trunks.find(name));
        if trunk.is_some_and(|trunk| self.desk.is_kept_from(&trunk.config.name, to)) {
            self.note_kept_apart(number, to, now);
            return self.tell_call_later(number, CallInput::ReferFares { status: 403 }, now);
        }
        let credentials = trunk.and_then(Trunk::credentials);
        let request = trunk.map(|trunk| {
            let host = &trunk.config.host;
            let target = Uri::sip(Some(&trunk.dialling.write(to)), host, trunk.config.port);
            let mut request = Request::new(Method::Refer, target.clone());
            request.headers.push(Name::ReferTo, NameAddr::new(target).to_string());
            request.headers.push(Name::ReferredBy, NameAddr::new(Uri::sip(None, &self.desk.domain, None)).to_string());
            request
        });
        let sent = request.and_then(|request| self.agent.request_inside(session, request, credentials, now));
        match sent {
            Some(refer) => {
                self.calls_by_refer.insert(refer, number);
            }
            None => self.tell_call_later(number, CallInput::ReferFares { status: 481 }, now),
        }
    }

    /// Only a refusal says something: what comes of the rest the trunk tells by NOTIFY. False: this was no REFER.
    pub(super) fn on_refer_answer(&mut self, refer: RequestId, status: u16, now: Instant) -> bool {
        let Some(number) = self.calls_by_refer.remove(&refer) else {
            return false;
        };
        if status >= 300 {
            self.tell_call(number, CallInput::ReferFares { status }, now);
        }
        true
    }

    pub(super) fn tell_transferor(&mut self, referral: Option<SubscriptionId>, status: u16, now: Instant) {
        let Some(referral) = referral else { return };
        let document = Arc::new(Document::Fragment { status });
        match status {
            100..200 => self.agent.notify(referral, document, now),
            _ => self.agent.conclude(referral, document, now),
        }
    }
}

/// INVITE with Replaces.
impl Switch {
    /// RFC 3891 §3. Only a phone of ours may take another's place.
    pub(super) fn on_replacing_invite(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        hop: &Hop,
        sender: Sender,
        replaces: &Replaces,
        now: Instant,
    ) {
        let replaced = self.replaced(&sender, replaces);
        let (Sender::Extension(extension), Ok(old)) = (sender, &replaced) else {
            let (status, why) = replaced.err().unwrap_or_else(|| refusal(403, "Only extensions may replace"));
            return self.refuse(transaction, request.reply(status).with_reason(&why), now);
        };
        let old = *old;
        let Some(session) = self.agent.take(transaction, now) else {
            return;
        };
        info!(call = %self.calls.name(old.number), extension, "a phone takes another's place");
        let media_address = self.desk.media_address(hop);
        let offer = request.session_description().unwrap_or_default();
        let (trunk, max_forwards, codecs) = (None, None, None);
        let (encryption, form) = (self.desk.encryption_of(Some(&extension)), Desk::form(hop, None));
        let whose = Some(extension.clone());
        let incoming = Incoming {
            session,
            offer,
            trunk,
            extension: whose,
            max_forwards,
            media_address,
            codecs,
            encryption,
            form,
            peer: hop.remote.ip(),
        };
        let mut new = None;
        self.with_call(old.number, now, |call, desk, now| {
            new = Some(call.replace(old.leg, &extension, incoming, desk, now));
        });
        if let Some(new) = new {
            self.bind(session, new, None, Some(extension), Direction::Initiator);
        }
    }

    fn replaced(&self, sender: &Sender, replaces: &Replaces) -> Result<Place, Refusal> {
        if matches!(sender, Sender::Trunk(_)) {
            return Err(refusal(403, "Only extensions may replace a call"));
        }
        let early_only = replaces.flags == Flags::EarlyOnly;
        let session = match self.agent.named(replaces) {
            Named::Confirmed(_) if early_only => return Err(refusal(486, "The call is answered already")),
            Named::Confirmed(session) | Named::OurEarly(session) => session,
            Named::Ended => return Err(refusal(603, "The call has ended")),
            Named::Nothing | Named::TheirEarly(_) => return Err(refusal(481, "No such call")),
        };
        let known = self.calls.sessions.get(session).ok_or_else(|| refusal(603, "The call has ended"))?;
        Ok(self.place(known.leg))
    }
}
