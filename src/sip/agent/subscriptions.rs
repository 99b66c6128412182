//! Subscriptions of peers, in dialogs of their own or, for a REFER, inside a call: RFC 6665, RFC 3515.
//!
//! A REFER shares the dialog of its call (RFC 5057). When the call ends first, the dialog lives on here until the sender
//! has heard what became of his REFER.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

use crate::sip::agent::Event;
use crate::sip::agent::Failure;
use crate::sip::agent::Kept;
use crate::sip::agent::SessionId;
use crate::sip::agent::SubscriptionId;
use crate::sip::agent::TransactionId;
use crate::sip::agent::UserAgent;
use crate::sip::agent::core::Core;
use crate::sip::agent::core::User;
use crate::sip::agent::identity::Identity;
use crate::sip::agent::identity::read_number;
use crate::sip::dialog::Dialog;
use crate::sip::dialog::Mismatch;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::refer::Notices;
use crate::sip::session::Session;
use crate::sip::subscription::config::Config;
use crate::sip::subscription::document::Document;
use crate::sip::subscription::notifier::Notice;
use crate::sip::subscription::notifier::Notifier;
use crate::sip::subscription::notifier::Reason;
use crate::sip::subscription::notifier::Verdict;
use crate::sip::subscription::package::EventName;
use crate::sip::subscription::package::Package;
use crate::sip::subscription::wish;
use crate::sip::subscription::wish::Wish;
use crate::sip::transaction::deadlines::Alarms;
use crate::sip::transaction::deadlines::Armed;
use crate::sip::transaction::fingerprint::NumberHashing;
use crate::sip::via::SentBy;

/// All that there are.
#[derive(Debug)]
pub(super) struct Subscriptions {
    by_id: HashMap<SubscriptionId, Subscribed, NumberHashing>,
    by_tag: HashMap<u64, SubscriptionId, NumberHashing>,
    alarms: Alarms<SubscriptionId>,
    config: Config,
    last: u64,
}

#[derive(Debug)]
struct Subscribed {
    notifier: Notifier,
    place: Place,
    armed: Armed,
}

#[derive(Debug)]
enum Place {
    Own(Box<Dialog>),
    /// In the dialog of this call.
    Inside(SessionId),
}

/// RFC 3515 §2.4.4 leaves it to us: longer than any phone rings.
const REFERRAL_LASTS: Duration = Duration::from_secs(180);

impl Subscriptions {
    /// Whether there is a subscription with the tag in this To.
    pub(super) fn knows(&self, request: &Request) -> bool {
        request.headers.to_tag().and_then(read_number).is_some_and(|tag| self.by_tag.contains_key(&tag))
    }

    pub(super) fn new(config: &Config) -> Subscriptions {
        Subscriptions {
            by_id: HashMap::default(),
            by_tag: HashMap::default(),
            alarms: Alarms::new(),
            config: config.clone(),
            last: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.alarms.next()
    }

    fn keep(&mut self, notifier: Notifier, place: Place, tag: u64) -> SubscriptionId {
        self.last += 1;
        let id = SubscriptionId(self.last);
        self.by_id.insert(id, Subscribed { notifier, place, armed: Armed::default() });
        self.by_tag.insert(tag, id);
        id
    }
}

/// What the PBX orders.
impl UserAgent {
    /// Accepts a SUBSCRIBE and tells the state for the first time; with no time to last, also for the last.
    /// [`Event::SubscriptionEnded`] follows, except for a `None`: no dialog can be made of the request, nothing was sent.
    pub fn subscribe(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        hop: Hop,
        wish: Wish,
        document: Arc<Document>,
        now: Instant,
    ) -> Option<SubscriptionId> {
        let sent_by = request.headers.sent_by().ok()?;
        let tag = self.core.number();
        let dialog = Dialog::of_callee(request, sent_by, hop, tag)?;
        let response = accepted(request, &dialog, wish.expires, &self.core.identity);
        self.core.layer.answer(transaction, &response, now);
        let mut notifier = Notifier::new(wish.event, now + wish.expires);
        notifier.tell(document);
        if wish.expires.is_zero() {
            notifier.end(Reason::Timeout);
        }
        let id = self.subscriptions.keep(notifier, Place::Own(Box::new(dialog)), tag);
        self.settle_subscription(id, now);
        Some(id)
    }

    /// Accepts a REFER inside a call with 202; `None` if its sender wants to hear nothing more.
    pub fn accept_referral(
        &mut self,
        session: SessionId,
        transaction: TransactionId,
        request: &Request,
        notices: Notices,
        now: Instant,
    ) -> Option<SubscriptionId> {
        let kept = self.sessions.get_mut(&session)?;
        let mut response = kept.session.reply(request, 202, &self.core);
        if notices == Notices::NotWanted {
            response.headers.push(Name::ReferSub, "false");
            self.core.layer.answer(transaction, &response, now);
            return None;
        }
        self.core.layer.answer(transaction, &response, now);
        // RFC 3515 §2.4.6: the first REFER of a dialog may go without, and old phones expect that.
        let id = (kept.referrals_taken > 0).then(|| request.headers.cseq().ok()).flatten();
        kept.referrals_taken += 1;
        let event = EventName { package: Package::Refer, id: id.map(|cseq| cseq.number.to_string()) };
        let notifier = Notifier::new(event, now + REFERRAL_LASTS);
        let tag = kept.session.local_tag();
        let id = self.subscriptions.keep(notifier, Place::Inside(session), tag);
        kept.referrals.push(id);
        self.settle_subscription(id, now);
        Some(id)
    }

    /// The newest state: told as soon as the phone has answered what it was told before.
    pub fn notify(&mut self, id: SubscriptionId, document: Arc<Document>, now: Instant) {
        if let Some(subscribed) = self.subscriptions.by_id.get_mut(&id) {
            subscribed.notifier.tell(document);
            self.settle_subscription(id, now);
        }
    }

    /// The last state, after which there is nothing more to tell.
    pub fn conclude(&mut self, id: SubscriptionId, document: Arc<Document>, now: Instant) {
        if let Some(subscribed) = self.subscriptions.by_id.get_mut(&id) {
            subscribed.notifier.tell(document);
            subscribed.notifier.end(Reason::NoResource);
            self.settle_subscription(id, now);
        }
    }
}

/// What comes from outside.
impl UserAgent {
    /// A SUBSCRIBE inside a dialog of ours: again, or no more.
    pub(super) fn on_subscribe_inside(
        &mut self,
        transaction: TransactionId,
        request: &Request,
        sent_by: SentBy,
        hop: Hop,
        now: Instant,
    ) {
        let known = request.headers.to_tag().and_then(read_number);
        let known = known.and_then(|tag| self.subscriptions.by_tag.get(&tag).copied());
        let response = match known {
            Some(id) => self.renewed(id, request, sent_by, hop, now),
            None => request.reply(481),
        };
        self.core.layer.answer(transaction, &response, now);
        if let Some(id) = known.filter(|_| response.is_success()) {
            self.settle_subscription(id, now);
        }
    }

    fn renewed(&mut self, id: SubscriptionId, request: &Request, sent_by: SentBy, hop: Hop, now: Instant) -> Response {
        // Whoever is about to hear that it is over subscribes anew.
        let known = self.subscriptions.by_id.get_mut(&id).filter(|known| known.notifier.is_active());
        let Some(subscribed) = known else {
            return request.reply(481);
        };
        let Some(dialog) = dialog_of(&mut subscribed.place, &mut self.sessions) else {
            return request.reply(481);
        };
        match dialog.admit(request, sent_by, hop) {
            Err(Mismatch::OtherDialog) => return request.reply(481),
            Err(Mismatch::OutOfOrder) => return request.reply(500),
            Ok(()) => {}
        }
        if EventName::of(&request.headers).as_ref() != Some(&subscribed.notifier.event) {
            return request.reply(481);
        }
        let expires = match wish::expires(request, &self.subscriptions.config) {
            Ok(expires) => expires,
            Err(refusal) => return refusal.response(request),
        };
        dialog.refresh_target(&request.headers);
        match expires.is_zero() {
            true => subscribed.notifier.end(Reason::Timeout),
            false => subscribed.notifier.refresh(now + expires),
        }
        accepted(request, dialog, expires, &self.core.identity)
    }

    pub(super) fn on_notify_response(&mut self, id: SubscriptionId, response: &Response, now: Instant) {
        if response.is_final() {
            self.on_notify_verdict(id, verdict(response), now);
        }
    }

    pub(super) fn on_notify_failed(&mut self, id: SubscriptionId, why: Failure, now: Instant) {
        if let Some(Subscribed { place: Place::Own(dialog), .. }) = self.subscriptions.by_id.get_mut(&id)
            && why == Failure::ConnectionLost
        {
            dialog.on_connection_lost();
        }
        self.on_notify_verdict(id, Verdict::Gone, now);
    }

    fn on_notify_verdict(&mut self, id: SubscriptionId, verdict: Verdict, now: Instant) {
        if let Some(subscribed) = self.subscriptions.by_id.get_mut(&id) {
            subscribed.notifier.on_answer(verdict, now);
            self.settle_subscription(id, now);
        }
    }

    pub(super) fn run_due_subscriptions(&mut self, now: Instant) {
        while let Some((at, id)) = self.subscriptions.alarms.pop_due(now) {
            let subscribed = self.subscriptions.by_id.get_mut(&id).filter(|it| it.armed.is_at(at));
            if let Some(subscribed) = subscribed {
                subscribed.armed = Armed::default();
                subscribed.notifier.handle_timeout(now);
                self.settle_subscription(id, now);
            }
        }
    }

    /// A call is over in which a REFER was sent that somebody still works on.
    pub(super) fn on_referring_call_over(&mut self, referrals: &[SubscriptionId], session: Session) {
        let tag = session.local_tag();
        let mut dialog = Some(Box::new(session.into_dialog()));
        for id in referrals {
            let Some(subscribed) = self.subscriptions.by_id.get_mut(id) else {
                continue;
            };
            match dialog.take() {
                Some(dialog) => {
                    subscribed.place = Place::Own(dialog);
                    self.subscriptions.by_tag.insert(tag, *id);
                }
                None => self.forget_subscription(*id),
            }
        }
    }

    /// Sends what may be sent, then sets the alarm, or forgets a subscription that is over.
    fn settle_subscription(&mut self, id: SubscriptionId, now: Instant) {
        let Some(subscribed) = self.subscriptions.by_id.get_mut(&id) else {
            return;
        };
        let Some(dialog) = dialog_of(&mut subscribed.place, &mut self.sessions) else {
            return self.forget_subscription(id);
        };
        if let Some(notice) = subscribed.notifier.poll_notice(now) {
            send(&notice, &subscribed.notifier.event, id, dialog, &mut self.core, now);
        }
        if subscribed.notifier.is_over() {
            return self.forget_subscription(id);
        }
        let deadline = subscribed.notifier.deadline();
        self.subscriptions.alarms.arm(id, &mut subscribed.armed, deadline);
    }

    fn forget_subscription(&mut self, id: SubscriptionId) {
        let Some(Subscribed { place, armed, .. }) = self.subscriptions.by_id.remove(&id) else {
            return;
        };
        self.subscriptions.alarms.disarm(id, armed);
        let tag = match &place {
            Place::Own(dialog) => Some(dialog.local_tag()),
            Place::Inside(session) => self.sessions.get_mut(session).map(|kept| {
                kept.referrals.retain(|other| *other != id);
                kept.session.local_tag()
            }),
        };
        if let Some(tag) = tag.filter(|tag| self.subscriptions.by_tag.get(tag) == Some(&id)) {
            self.subscriptions.by_tag.remove(&tag);
        }
        self.core.events.push_back(Event::SubscriptionEnded { subscription: id });
    }
}

fn dialog_of<'a>(
    place: &'a mut Place,
    sessions: &'a mut HashMap<SessionId, Kept, NumberHashing>,
) -> Option<&'a mut Dialog> {
    match place {
        Place::Own(dialog) => Some(dialog),
        Place::Inside(session) => sessions.get_mut(session).map(|kept| kept.session.dialog_mut()),
    }
}

fn send(notice: &Notice, event: &EventName, id: SubscriptionId, dialog: &mut Dialog, core: &mut Core, now: Instant) {
    let contact = core.identity.contact(dialog.hop(), dialog.contact_user.as_deref());
    let mut request = dialog.request(Method::Notify);
    request.headers.push(Name::Contact, contact);
    request.headers.push(Name::Event, event.to_string());
    request.headers.push(Name::SubscriptionState, notice.state.clone());
    let request = match &notice.document {
        Some(document) => request.with_body(document.package().content_type(), document.write(notice.version)),
        None => request,
    };
    core.send(request, dialog.hop(), User::Subscription(id), now);
}

/// RFC 6665 §4.2.1.1: the 200, whose Expires is ours.
fn accepted(request: &Request, dialog: &Dialog, expires: Duration, identity: &Identity) -> Response {
    let mut response = request.reply(200);
    response.headers.set(Name::To, dialog.local().clone());
    response.headers.copy_from(&request.headers, &Name::RecordRoute);
    let contact = identity.contact(dialog.hop(), dialog.contact_user.as_deref());
    response.headers.push(Name::Contact, contact);
    response.headers.push(Name::Expires, expires.as_secs().to_string());
    response.headers.push(Name::Server, identity.product.clone());
    response
}

/// RFC 6665 §4.2.2.
fn verdict(response: &Response) -> Verdict {
    let pause = response.headers.number(&Name::RetryAfter);
    match (response.status, pause) {
        (200..300, _) => Verdict::Taken,
        (481, _) | (_, None) => Verdict::Gone,
        (_, Some(seconds)) => Verdict::Wait(Duration::from_secs(u64::from(seconds))),
    }
}
