//! A running call as somebody sees who asks for it alone: with its legs, and how each of them goes at this moment.

use std::collections::BTreeMap;

use crate::call::machine::Call;
use crate::call::record::CallView;
use crate::call::script::Script;
use crate::dialplan::walk::Walk;
use crate::media::command::LegId;
use crate::media::figures::Figures;

impl Call {
    /// With how its legs go, as far as that was measured.
    pub fn view_with(&self, figures: &BTreeMap<LegId, Box<Figures>>) -> CallView {
        let open = self.legs.iter().filter(|leg| !leg.is_closing());
        let legs = open.map(|leg| leg.view(figures.get(&leg.id).map(Box::as_ref))).collect();
        CallView { legs, ..self.view() }
    }

    /// The caller's walk through the dialplan; none for a call that follows a plain order.
    pub fn walk(&self) -> Option<&Walk> {
        match &self.script {
            Script::Walk(walk) => Some(walk),
            Script::Plain(_) | Script::Announcing(_) => None,
        }
    }

    /// Legs that the pump has figures of.
    pub fn measurable(&self) -> Vec<LegId> {
        self.legs.iter().filter(|leg| leg.stream.is_some() && !leg.is_closing()).map(|leg| leg.id).collect()
    }
}
