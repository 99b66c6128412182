//! What is asked of a trunk, and when: where it is, whether it lets us register, whether it is there.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Instant;

use crate::sip::digest::Credentials;
use crate::sip::headers::Name;
use crate::sip::hop::Hop;
use crate::sip::message::Request;
use crate::sip::method::Method;
use crate::sip::uri::Uri;
use crate::switch::trunks::health::Turn;
use crate::switch::trunks::trunk::Trunk;

/// What a trunk wants done.
#[derive(Debug)]
pub(in crate::switch) enum Errand {
    Resolve {
        trunk: String,
    },
    Ask {
        trunk: String,
        question: Question,
        request: Box<Request>,
        hop: Hop,
        /// Tried where `hop` does not answer.
        alternatives: Vec<Hop>,
        credentials: Option<Credentials>,
    },
}

/// What a request of ours to a trunk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::switch) enum Question {
    Register,
    /// The end: our binding is to go.
    Unregister,
    /// OPTIONS.
    Alive,
}

impl Trunk {
    pub(super) fn is_at(&self, source: IpAddr) -> bool {
        let is_target = || self.targets.iter().any(|target| target.hop.remote.ip().to_canonical() == source);
        self.config.from.iter().any(|network| network.contains(source)) || (self.config.register && is_target())
    }

    pub(super) fn errands(&mut self, us: &impl Fn(Hop) -> SocketAddr, now: Instant, errands: &mut Vec<Errand>) {
        let name = self.config.name.clone();
        if self.lookup_at <= now {
            self.on_lookup_begun(now);
            errands.push(Errand::Resolve { trunk: name.clone() });
        }
        if let Some((hop, alternatives)) = self.hops_for_register(now)
            && let Some(registration) = self.registration.as_mut().filter(|it| it.due().is_some_and(|at| at <= now))
        {
            let request = registration.ask(&self.config, &hop, us(hop));
            errands.push(self.ask(Question::Register, request, hop, alternatives));
        }
        let due: Vec<Hop> = self.targets.iter().filter(|it| it.wants_ping(now)).map(|it| it.hop).collect();
        errands.extend(due.into_iter().map(|hop| self.ask(Question::Alive, self.ping(), hop, Vec::new())));
    }

    fn ask(&self, question: Question, request: Request, hop: Hop, alternatives: Vec<Hop>) -> Errand {
        let credentials = match question {
            Question::Register | Question::Unregister => self.credentials(),
            // A challenge is an answer like any other.
            Question::Alive => None,
        };
        let trunk = self.config.name.clone();
        Errand::Ask { trunk, question, request: Box::new(request), hop, alternatives, credentials }
    }

    /// The best target, and those that the same Contact serves.
    fn hops_for_register(&self, now: Instant) -> Option<(Hop, Vec<Hop>)> {
        let mut hops = self.hops_by_fitness(now).into_iter();
        let first = hops.next()?;
        Some((first, hops.filter(|hop| (hop.transport, hop.local) == (first.transport, first.local)).collect()))
    }

    /// RFC 3261 §11.1.
    fn ping(&self) -> Request {
        let mut request = Request::new(Method::Options, Uri::sip(None, &self.config.host, self.config.port));
        request.headers.push(Name::Accept, "application/sdp");
        request
    }

    pub(super) fn expire_pings(&mut self, now: Instant, turns: &mut Vec<(String, Hop, Turn)>) {
        let every = self.config.options_every;
        for target in &mut self.targets {
            if let Some(turn) = target.handle_timeout(every, now) {
                turns.push((self.config.name.clone(), target.hop, turn));
            }
        }
    }

    pub(super) fn leave(&mut self, us: &impl Fn(Hop) -> SocketAddr, now: Instant) -> Option<Errand> {
        let (hop, alternatives) = self.hops_for_register(now)?;
        let request = self.registration.as_mut()?.leave(&self.config, &hop, us(hop))?;
        Some(self.ask(Question::Unregister, request, hop, alternatives))
    }
}
