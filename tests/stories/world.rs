//! What the bench's probes meet: a world in which everything answers, but for what a story makes fail.

use std::time::Duration;

use desvio::outage::Outcome;
use desvio::outage::Role;
use desvio::outage::fault::Fault;
use desvio::outage::schedule::Due;
use desvio::switch::input::Input;

use crate::bench::Bench;

/// Probes that `meets` picks fail like this.
#[derive(Clone, Copy)]
pub(crate) struct Ill {
    pub(crate) meets: fn(&Due) -> bool,
    pub(crate) fault: Fault,
    pub(crate) why: &'static str,
}

impl Bench {
    pub(crate) fn probe(&mut self, due: Due) {
        self.probed += u32::from(due.channel == "whatsapp" && due.probe.every.is_none());
        let outcome = match self.failure(&due) {
            Some((fault, why)) => Outcome::failed(fault, why),
            None => Outcome::Answered { took: Duration::from_millis(30) },
        };
        let evidence = due.probe.evidence(outcome, self.wall());
        self.switch.handle(Input::Evidence { channel: due.channel, evidence }, self.now);
    }

    fn failure(&self, due: &Due) -> Option<(Fault, &'static str)> {
        if self.fallen.contains(&due.channel) && due.probe.role() == Role::Channel {
            return Some((Fault::Timeout, "timed out"));
        }
        self.ills.iter().find(|ill| (ill.meets)(due)).map(|ill| (ill.fault, ill.why))
    }
}
