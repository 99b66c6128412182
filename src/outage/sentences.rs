//! The reasons of a verdict, in sentences that an owner can read out.

use std::time::Instant;

use jiff::Timestamp;

use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::assessment::Elsewhere;
use crate::outage::blame::Blame;
use crate::outage::cause::Cause;
use crate::outage::detector::Detector;
use crate::outage::detector::State;
use crate::outage::fault::Fault;
use crate::outage::line::OBSERVED;
use crate::outage::line::Why;
use crate::outage::line::of_our_line;
use crate::outage::overriding::Override;
use crate::outage::resolving::Lookups;
use crate::outage::resolving::Resolving;
use crate::outage::target::Target;
use crate::outage::vantage::Resolver;

/// More would not be read.
const AT_MOST: usize = 12;

impl Detector {
    /// Sentences, the weightiest first; never empty.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        reasons.extend(self.overriding.as_ref().map(Override::sentence));
        reasons.extend(self.line_sentence());
        reasons.extend(self.recovery_sentence());
        let bad: Vec<&Target> = self.targets.iter().filter(|target| is_bad(target)).collect();
        reasons.extend(self.blame_sentence(&bad));
        reasons.extend(self.lookup_sentences());
        reasons.extend(bad.iter().filter(|target| !self.is_told_by_resolvers(target)).map(|target| self.tell(target)));
        reasons.extend(self.control_sentence(&bad));
        reasons.truncate(AT_MOST);
        if reasons.is_empty() {
            reasons.push(self.calm_sentence());
        }
        reasons
    }

    fn calm_sentence(&self) -> String {
        let asked = || self.targets.iter().filter(|target| target.role == Role::Channel && target.was_asked());
        let (all, failed) = (asked().count(), asked().filter(|target| target.failed_last()).count());
        match (failed, self.state) {
            (1.., _) => format!("{failed} of {all} targets failed at the last probe, not yet often enough to count"),
            (0, _) if !self.targets.iter().any(Target::was_asked) => "no probe has answered yet".to_owned(),
            (0, State::Degraded) => "all probes answer again".to_owned(),
            (0, _) => "all probes answer".to_owned(),
        }
    }

    fn line_sentence(&self) -> Option<String> {
        let Some(doubt) = self.line.doubt() else {
            let lossy = self.line.is_lossy() && self.blame == Blame::OurLine;
            return lossy.then(|| {
                let losses = self.line.losses();
                format!("our line loses packets: {losses} of the last {OBSERVED} probes of control targets failed")
            });
        };
        let asked: Vec<&Target> = of_our_line(&self.targets).filter(|target| target.was_asked()).collect();
        let failing = asked.iter().filter(|target| target.failed_last());
        let causes: Vec<String> = failing.map(|target| format!("{}: {}", target.name, why(target))).collect();
        let what = match doubt.why {
            Why::NoAnswers => "fail",
            Why::Stranger => "are answered by somebody on the way (a login page?)",
        };
        Some(format!(
            "our line: {} of {} control targets {what} since {}, so nothing is said of the channel ({})",
            causes.len(),
            asked.len(),
            clock(doubt.since),
            causes.join("; "),
        ))
    }

    fn recovery_sentence(&self) -> Option<String> {
        let State::Recovering { since, wait } = self.state else {
            return None;
        };
        Some(format!(
            "every layer answers again since {}; up is believed after {} without relapse",
            clock(since.wall),
            humantime::format_duration(wait),
        ))
    }

    /// What the bare failures do not tell.
    fn blame_sentence(&self, bad: &[&Target]) -> Option<String> {
        let cause = |wanted: Cause| bad.iter().find(|target| target.cause(&self.config) == Some(wanted));
        match self.blame {
            Blame::BlockedHere => Some(self.blocked_sentence(bad)),
            Blame::OurResolver => Some(match Lookups::count(&self.targets).judge(of_our_line(&self.targets)) {
                Resolving::Lost => "our resolver: no name is found, whoever is asked, and addresses answer".to_owned(),
                _ => "our resolver: it fails where others answer".to_owned(),
            }),
            Blame::OurCredential => cause(Cause::Credential)
                .map(|target| format!("our credential: the service answers, and refuses it since {}", since(target))),
            Blame::OurWebhook => cause(Cause::Webhook).map(|target| {
                format!("our webhook: the service answers, and cannot deliver to us since {}", since(target))
            }),
            Blame::None | Blame::Channel | Blame::OurLine => None,
        }
    }

    fn blocked_sentence(&self, bad: &[&Target]) -> String {
        let began: Option<Instant> = bad.iter().filter_map(|target| target.bad_since()).map(|at| at.now).min();
        let seen = |target: &&Target| {
            let away = !target.vantage.is_here() || matches!(target.layer, Layer::Report | Layer::Person);
            away && target.role == Role::Channel && began.is_some_and(|began| target.answered_after(began))
        };
        let sees_it = began
            .zip(self.heard)
            .is_some_and(|(began, heard)| Elsewhere::since(&self.targets, began, &self.config, heard.now).sees_it_up());
        match self.targets.iter().find(seen).filter(|_| sees_it) {
            Some(target) if target.vantage.is_here() => format!("blocked here: {} sees it up", target.name),
            Some(target) => format!("blocked here: {} sees it up ({} {})", target.vantage, target.layer, target.name),
            None => "blocked here: only this channel's names or pages are answered by somebody else".to_owned(),
        }
    }

    /// `3 of 4 resolvers answer SERVFAIL for graph.facebook.com since 15:53 UTC`
    fn lookup_sentences(&self) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        for target in self.targets.iter().filter(|target| is_bad(target) && self.is_told_by_resolvers(target)) {
            if !names.contains(&target.name.as_str()) {
                names.push(&target.name);
            }
        }
        names.into_iter().filter_map(|name| self.lookup_sentence(name)).collect()
    }

    fn lookup_sentence(&self, name: &str) -> Option<String> {
        let of_name: Vec<&Target> = self.targets.iter().filter(|target| is_lookup_of(target, name)).collect();
        let bad: Vec<&&Target> = of_name.iter().filter(|target| is_bad(target)).collect();
        let since = bad.iter().filter_map(|target| target.bad_since()).map(|at| at.wall).min()?;
        let (count, all, at) = (bad.len(), of_name.len(), clock(since));
        let verb = |many: &str, one: &str| if count == 1 { one.to_owned() } else { many.to_owned() };
        let mut faults: Vec<Fault> = bad.iter().filter_map(|target| target.last_fault()).collect();
        faults.sort_unstable();
        faults.dedup();
        let says = match faults[..] {
            [Fault::ServFail] => format!("{} SERVFAIL for", verb("answer", "answers")),
            [Fault::NxDomain] => format!("{} NXDOMAIN for", verb("answer", "answers")),
            [Fault::LookupRefused] => format!("{} to be asked for", verb("refuse", "refuses")),
            [Fault::ChangedAnswer] => format!("{} other addresses for", verb("tell", "tells")),
            [Fault::LookupTimeout | Fault::Timeout] => format!("{} not answer for", verb("do", "does")),
            _ => format!("{} for", verb("fail", "fails")),
        };
        let ours = bad.iter().all(|target| is_ours(target)) && count < all;
        let who = if ours { " (ours)" } else { "" };
        let told = faults.iter().map(Fault::to_string).collect::<Vec<String>>().join(", ");
        let told = if faults.len() > 1 { format!(" ({told})") } else { String::new() };
        Some(format!("{count} of {all} resolvers{who} {says} {name} since {at}{told}"))
    }

    /// Several resolvers are asked for its name: they are told together.
    fn is_told_by_resolvers(&self, target: &Target) -> bool {
        let same = self.targets.iter().filter(|other| is_lookup_of(other, &target.name));
        is_lookup_of(target, &target.name) && same.count() > 1
    }

    /// `dns: 3 of 5 lookups of graph.facebook.com failed since 15:41 UTC: SERVFAIL`
    pub(super) fn tell(&self, target: &Target) -> String {
        let (layer, name, since) = (target.layer, &target.name, since(target));
        let why = match (target.failed_last(), target.was_asked()) {
            (true, _) => format!(": {}", why(target)),
            (false, true) => ", now it answers".to_owned(),
            // Our line was in doubt meanwhile.
            (false, false) => ", and is asked anew".to_owned(),
        };
        match target.counted(&self.config) {
            _ if !layer.is_probed() => format!("{layer}: {name} since {since}{why}"),
            Some((failed, of)) => {
                format!("{layer}: {failed} of {of} {} {name} failed since {since}{why}", layer.attempts())
            }
            None => format!("{layer}: {} {name} failed since {since}{why}", layer.attempts()),
        }
    }

    /// What clears our own line of suspicion.
    fn control_sentence(&self, bad: &[&Target]) -> Option<String> {
        let asked: Vec<&Target> = of_our_line(&self.targets).filter(|target| target.was_asked()).collect();
        let answering = asked.iter().filter(|target| !target.failed_last()).count();
        let tells = !bad.is_empty() && self.blame() == Blame::Channel && answering > 0;
        tells.then(|| format!("{answering} of {} control targets answer", asked.len()))
    }
}

fn is_bad(target: &Target) -> bool {
    target.role == Role::Channel
        && target.bad_since().is_some()
        && (target.vantage.is_here() || !target.layer.is_probed())
}

fn is_lookup_of(target: &Target, name: &str) -> bool {
    target.layer == Layer::Dns && target.role == Role::Channel && target.vantage.is_here() && target.name == name
}

fn is_ours(target: &Target) -> bool {
    target.resolver.as_ref().is_none_or(Resolver::is_ours)
}

fn since(target: &Target) -> String {
    target.bad_since().map_or_else(|| "a while".to_owned(), |at| clock(at.wall))
}

fn clock(wall: Timestamp) -> String {
    format!("{} UTC", wall.strftime("%H:%M"))
}

fn why(target: &Target) -> &str {
    target.last.as_ref().and_then(|last| last.why.as_deref()).unwrap_or("no answer")
}
