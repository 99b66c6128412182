//! Why a call went where it went, sentence by sentence, from its record alone.

use serde::Serialize;

use crate::call::record::Direction;
use crate::call::record::Party;
use crate::call::record::Record;
use crate::call::record::StepRecord;

/// One thing that is said of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Since the call began.
    pub after_ms: u64,
    /// `dialplans/loja.kdl:17`; empty where no line of a dialplan is behind it.
    pub place: String,
    pub text: String,
}

/// In the order in which things happened; the last sentences tell how it ended.
pub fn explain(record: &Record) -> Vec<Sentence> {
    let mut sentences = vec![sentence(0, "", beginning(record))];
    if !record.channels_down.is_empty() {
        sentences.push(sentence(0, "", format!("At that moment {} was down.", list(&record.channels_down))));
    }
    if let Some(flow) = &record.flow {
        sentences.push(sentence(0, "", format!("The call began in flow `{flow}`.")));
    }
    let mut flow = record.flow.clone().unwrap_or_default();
    for (at, step) in record.steps.iter().enumerate() {
        if !step.flow.is_empty() && step.flow != flow {
            flow.clone_from(&step.flow);
            sentences.push(sentence(step.after_ms, &step.place, format!("So it came to flow `{flow}`.")));
        }
        let begun = began(&record.steps[..at], step);
        sentences.push(sentence(step.after_ms, &step.place, of_step(step, begun)));
    }
    sentences.extend(ending(record));
    sentences
}

fn sentence(after_ms: u64, place: &str, text: String) -> Sentence {
    Sentence { after_ms, place: place.to_owned(), text }
}

fn beginning(record: &Record) -> String {
    let Record { from, to, started, .. } = record;
    let way = match (&record.trunk, record.direction) {
        (Some(trunk), Direction::Inbound) => format!(" through trunk `{trunk}`"),
        (Some(trunk), _) => format!(", out over trunk `{trunk}`"),
        (None, _) => String::new(),
    };
    let diverted = record.diverted_from.as_ref();
    let diverted = diverted.map_or(String::new(), |first| format!(" The number that was called first is {first}."));
    format!("{from} called {to}{way} on {}.{diverted}", started.strftime("%Y-%m-%d at %H:%M:%S UTC"))
}

/// When the step began that now goes on.
fn began(before: &[StepRecord], step: &StepRecord) -> Option<u64> {
    let earlier = before.iter().rev().filter(|earlier| !earlier.place.is_empty());
    let same = earlier.take_while(|earlier| earlier.place == step.place && said(earlier) == said(step));
    same.map(|earlier| earlier.after_ms).last().filter(|_| !step.reason.is_empty())
}

fn of_step(step: &StepRecord, began: Option<u64>) -> String {
    let said = said(step);
    let reason = step.reason.as_str();
    if step.place.is_empty() {
        return capitalised(said) + ".";
    }
    if let Some(seen) = reason.strip_prefix("yes: ") {
        return format!("`{said}` holds: {seen}.");
    }
    if let Some(seen) = reason.strip_prefix("no: ") {
        return format!("`{said}` does not hold: {seen}.");
    }
    match (reason, began) {
        ("", _) => format!("The dialplan says `{said}`."),
        (reason, Some(began)) if step.after_ms > began => {
            format!("`{said}` came, after {}, to this: {reason}.", seconds(step.after_ms - began))
        }
        (reason, _) => format!("The dialplan says `{said}`: {reason}."),
    }
}

/// The step as the owner wrote it, without what came of it.
fn said(step: &StepRecord) -> &str {
    let with_colon = step.what.strip_suffix(step.reason.as_str()).filter(|_| !step.reason.is_empty());
    with_colon.and_then(|said| said.strip_suffix(": ")).unwrap_or(&step.what)
}

fn ending(record: &Record) -> Vec<Sentence> {
    let since = |at: jiff::Timestamp| {
        let after = at.duration_since(record.started).as_millis();
        u64::try_from(after).unwrap_or(0)
    };
    let mut sentences = Vec::new();
    let end = since(record.ended);
    if record.wait_ms > 0 {
        let queue = record.queue.as_ref().map_or(String::new(), |queue| format!(" in queue `{queue}`"));
        sentences.push(sentence(end, "", format!("The caller waited {}{queue}.", seconds(record.wait_ms))));
    }
    if record.talk_ms > 0 {
        let agent = record.agent.as_ref().map_or(String::new(), |agent| format!(" with {agent}"));
        sentences.push(sentence(end, "", format!("They talked for {}{agent}.", seconds(record.talk_ms))));
    }
    let who = match record.hung_up_by {
        Party::Caller => "The caller",
        Party::Callee => "The called party",
        Party::System => "Desvio",
    };
    let answered = match record.answered {
        Some(answered) => format!("It was answered after {}", seconds(since(answered))),
        None => "It was never answered".to_owned(),
    };
    let status = record.status.as_str();
    let cause = cause(record.cause);
    let text = format!("{who} ended the call after {} ({cause}). {answered}; it counts as `{status}`.", seconds(end));
    sentences.push(sentence(end, "", text));
    sentences
}

/// ITU-T Q.850, the causes that we give or meet.
fn cause(cause: u16) -> String {
    let words = match cause {
        1 => "unallocated number",
        16 => "normal clearing",
        17 => "busy",
        18 | 19 => "no answer",
        20 => "subscriber absent",
        21 => "rejected",
        27 => "out of order",
        31 => "normal",
        34 => "no circuit",
        38 => "network out of order",
        41 => "temporary failure",
        _ => return format!("cause {cause}"),
    };
    format!("cause {cause}, {words}")
}

/// `93.0 s`
fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// But for an address, whose scheme is written small.
fn capitalised(text: &str) -> String {
    if text.starts_with("sip:") {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(steps: &serde_json::Value) -> Record {
        let record = json!({
            "id": "call_1", "direction": "inbound", "from": "+5511999998888", "to": "+551140031234",
            "status": "completed", "started": "2026-11-23T15:39:00Z", "answered": "2026-11-23T15:39:00.500Z",
            "ended": "2026-11-23T15:41:00Z", "ring_ms": 500, "wait_ms": 90_000, "talk_ms": 0,
            "trunk": "operadora", "flow": "entrada", "queue": "vendas", "agent": null,
            "hung_up_by": "system", "cause": 16, "channels_down": ["whatsapp"], "tags": {}, "legs": [],
            "steps": steps,
        });
        serde_json::from_value(record).unwrap()
    }

    fn texts(steps: &serde_json::Value) -> Vec<String> {
        explain(&record(steps)).into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn each_step_is_told_with_its_reason_and_how_long_it_took() {
        let queue = "queue \"vendas\" up-to=\"90s\"";
        let steps = json!([
            { "after_ms": 0, "place": "a.kdl:12", "flow": "entrada", "what": "if channel=\"whatsapp\" is=\"down\": yes: it is down", "reason": "yes: it is down" },
            { "after_ms": 0, "place": "a.kdl:13", "flow": "entrada", "what": "play \"whatsapp-down\"", "reason": "" },
            { "after_ms": 3_000, "place": "a.kdl:16", "flow": "entrada", "what": "if hours=\"comercial\" is=\"closed\": no: it is open", "reason": "no: it is open" },
            { "after_ms": 4_000, "place": "a.kdl:17", "flow": "entrada", "what": "menu \"main-menu\": the caller pressed 1", "reason": "the caller pressed 1" },
            { "after_ms": 4_000, "place": "a.kdl:18", "flow": "entrada", "what": queue, "reason": "" },
            { "after_ms": 9_000, "place": "", "what": "rings 200" },
            { "after_ms": 10_000, "place": "", "what": "sip:maria@pbx.example rings (180)" },
            { "after_ms": 94_000, "place": "a.kdl:18", "flow": "entrada", "what": format!("{queue}: the wait was too long"), "reason": "the wait was too long" },
            { "after_ms": 94_000, "place": "a.kdl:25", "flow": "recado", "what": "voicemail \"geral\"", "reason": "" },
        ]);
        assert_eq!(
            texts(&steps),
            [
                "+5511999998888 called +551140031234 through trunk `operadora` on 2026-11-23 at 15:39:00 UTC.",
                "At that moment `whatsapp` was down.",
                "The call began in flow `entrada`.",
                "`if channel=\"whatsapp\" is=\"down\"` holds: it is down.",
                "The dialplan says `play \"whatsapp-down\"`.",
                "`if hours=\"comercial\" is=\"closed\"` does not hold: it is open.",
                "The dialplan says `menu \"main-menu\"`: the caller pressed 1.",
                "The dialplan says `queue \"vendas\" up-to=\"90s\"`.",
                "Rings 200.",
                "sip:maria@pbx.example rings (180).",
                "`queue \"vendas\" up-to=\"90s\"` came, after 90.0 s, to this: the wait was too long.",
                "So it came to flow `recado`.",
                "The dialplan says `voicemail \"geral\"`.",
                "The caller waited 90.0 s in queue `vendas`.",
                "Desvio ended the call after 120.0 s (cause 16, normal clearing). It was answered after 0.5 s; it counts as `completed`.",
            ]
        );
    }

    #[test]
    fn a_record_of_an_older_version_is_told_as_far_as_it_goes() {
        let told = texts(&json!([{ "after_ms": 0, "place": "a.kdl:12", "what": "menu \"m\": the caller pressed 1" }]));
        assert_eq!(told[3], "The dialplan says `menu \"m\": the caller pressed 1`.");
    }
}
