//! Carries out what the trunks want asked, and tells what became of them.

use std::net::SocketAddr;
use std::time::Instant;

use serde_json::json;
use tracing::info;
use tracing::warn;

use crate::sip::hop::Hop;
use crate::switch::desk::Desk;
use crate::switch::effect::Effect;
use crate::switch::machine::Switch;
use crate::switch::trunks::Change;
use crate::switch::trunks::errands::Errand;
use crate::switch::trunks::health::Turn;
use crate::switch::trunks::state::TrunkState;

impl Switch {
    pub(super) fn run_trunk_errands(&mut self, now: Instant) {
        let us = us(&self.desk);
        for errand in self.desk.trunks.handle_timeout(us, now) {
            self.run_errand(errand, now);
        }
    }

    /// The server ends: registrars are told that we are gone.
    pub(super) fn leave_trunks(&mut self, now: Instant) {
        let us = us(&self.desk);
        for errand in self.desk.trunks.leave(us, now) {
            self.run_errand(errand, now);
        }
    }

    fn run_errand(&mut self, errand: Errand, now: Instant) {
        match errand {
            Errand::Resolve { trunk } => {
                let Some(config) = self.desk.trunks.find(&trunk).map(|trunk| &trunk.config) else {
                    return;
                };
                let (host, port, transport) = (config.host.clone(), config.port, config.transport);
                let dice = self.rng.u64(..);
                self.effects.push_back(Effect::Resolve { trunk, host, port, transport, dice });
            }
            Errand::Ask { trunk, question, request, hop, alternatives, credentials } => {
                let asked = self.agent.request_of_any(*request, hop, alternatives, credentials, now);
                self.desk.trunks.on_asked(asked, trunk, question, hop, now);
            }
        }
    }

    /// What became of the trunks. True: something moved.
    pub(super) fn settle_trunks(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while let Some(change) = self.desk.trunks.poll_change() {
            moved = true;
            match change {
                Change::Trunk { name, state, why } => self.on_trunk_changed(&name, state, why.as_deref(), now),
                Change::Target { name, hop, turn } => log_turn(&name, &hop, turn),
            }
        }
        moved
    }

    fn on_trunk_changed(&mut self, name: &str, state: TrunkState, why: Option<&str>, now: Instant) {
        let word = state.word();
        match state {
            TrunkState::Ready | TrunkState::Resolving | TrunkState::Registering => {
                info!(trunk = name, state = word, "trunk changed");
            }
            TrunkState::Refused | TrunkState::Unreachable => {
                warn!(trunk = name, state = word, why = why.unwrap_or("-"), "trunk changed");
            }
        }
        self.publish("trunk.changed", json!({ "trunk": name, "state": word, "why": why }), now);
    }
}

/// Where a peer reaches us.
fn us(desk: &Desk) -> impl Fn(Hop) -> SocketAddr + use<> {
    let advertising = desk.advertising.clone();
    move |hop| SocketAddr::new(advertising.address(hop), advertising.port(hop))
}

fn log_turn(trunk: &str, hop: &Hop, turn: Turn) {
    match turn {
        Turn::WentDown => {
            warn!(trunk, address = %hop.remote, "a target of the trunk does not answer: calls pass it over")
        }
        Turn::CameUp => info!(trunk, address = %hop.remote, "a target of the trunk answers again"),
    }
}
