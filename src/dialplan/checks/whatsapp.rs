//! Calls of WhatsApp that could meet the telephone network: Meta forbids it on any leg of a WhatsApp call.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::dialplan::address;
use crate::dialplan::checks::Graph;
use crate::dialplan::checks::seen::Fork;
use crate::dialplan::checks::seen::Said;
use crate::dialplan::checks::seen::SeenValue;
use crate::dialplan::compile::Compiler;
use crate::dialplan::kind::Kind;
use crate::dialplan::names::Names;
use crate::dialplan::names::TrunkNetwork;
use crate::dialplan::program::StepId;
use crate::dialplan::rule::Rule;

/// The trunks by which a call at a step may have come.
type Origins<'n> = BTreeSet<&'n str>;

/// The condition that asks by which trunk a call came.
const TRUNK: &str = "trunk";

pub(super) fn check(graph: Graph<'_>, compiler: &mut Compiler<'_>) {
    let names = compiler.names;
    if !names.networks.values().any(|network| *network == TrunkNetwork::Whatsapp) {
        return;
    }
    let all: Origins<'_> = names.trunks.iter().map(String::as_str).collect();
    for (step, origins) in origins(graph, &all) {
        let notes = graph.notes(step);
        for value in &notes.seen.values {
            let forbidden = trunks(value, graph, names).into_iter().find_map(|to| {
                let from = origins.iter().find(|from| !names.network_of(from).may_meet(names.network_of(&to)))?;
                Some(((*from).to_owned(), to))
            });
            if let Some((from, to)) = forbidden {
                let message = format!(
                    "a call that came by trunk `{from}` could leave by trunk `{to}`: Meta forbids the telephone network on any leg of a WhatsApp call"
                );
                let help = format!(
                    "Let `if trunk=\"{from}\" …` lead such calls to extensions and queues; trunks of your own exchanges have `network = \"private\"`."
                );
                compiler.faults.fault(Rule::WhatsappToTelephone, value.span, message, Some(help));
            }
        }
    }
}

/// The trunks over which a call to this value would go.
fn trunks(value: &SeenValue, graph: Graph<'_>, names: &Names) -> Vec<String> {
    match (value.kind, address::host_of(&value.text)) {
        (Kind::Trunk, _) => vec![value.text.clone()],
        (Kind::Target, Some(host)) => names.trunks_to(host),
        (Kind::Target, None) => {
            let route = graph.program.route_for(&value.text);
            route.map(|route| route.trunks(0).into_iter().map(str::to_owned).collect()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// For every step that calls to our numbers come to.
fn origins<'n>(graph: Graph<'_>, all: &Origins<'n>) -> BTreeMap<StepId, Origins<'n>> {
    let mut known: BTreeMap<StepId, Origins<'n>> = BTreeMap::new();
    // Nobody outside comes to a code.
    let numbers = graph.program.flow_by_number.iter().filter(|(number, _)| number.starts_with('+'));
    let entries = numbers.map(|(_, flow)| (graph.program.entry(*flow), all.clone()));
    let mut open: Vec<(StepId, Origins<'n>)> = entries.collect();
    while let Some((step, arriving)) = open.pop() {
        if step == StepId::END {
            continue;
        }
        let here = known.entry(step).or_default();
        let before = here.len();
        here.extend(&arriving);
        if here.len() > before {
            let here = here.clone();
            open.extend(leaving(graph, step, &here));
        }
    }
    known
}

fn leaving<'n>(graph: Graph<'_>, step: StepId, here: &Origins<'n>) -> Vec<(StepId, Origins<'n>)> {
    let by_trunk = |fork: &&Fork| fork.cases.iter().flat_map(|case| &case.said).all(|said| trunk_of(said).is_some());
    let Some(fork) = graph.notes(step).seen.fork.as_ref().filter(by_trunk) else {
        return graph.after(step).map(|next| (next, here.clone())).collect();
    };
    let mut left = here.clone();
    let mut ways = Vec::new();
    for case in &fork.cases {
        let takes = |from: &&str| case.said.iter().any(|said| (trunk_of(said) == Some(*from)) == said.holds);
        let (taken, others) = left.into_iter().partition(takes);
        ways.push((case.entry, taken));
        left = others;
    }
    ways.push((fork.otherwise.entry, left));
    ways
}

/// The trunk by which a call is said to have come.
fn trunk_of(said: &Said) -> Option<&str> {
    let (subject, trunk) = said.subject.as_ref()?;
    (subject == TRUNK && said.state.is_empty()).then_some(trunk)
}
