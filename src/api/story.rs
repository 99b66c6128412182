//! What the command line prints of incidents: the list at a glance, and one of them as a story.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::documents::incidents::AlarmDocument;
use crate::api::documents::incidents::DrillDocument;
use crate::api::documents::incidents::IncidentDocument;
use crate::api::table::aligned;
use crate::api::table::clock;
use crate::api::table::plain;

/// `desvio incidents`
pub fn incidents(incidents: &[IncidentDocument], zone: &TimeZone) -> String {
    if incidents.is_empty() {
        return "no incident is known\n".into();
    }
    let heading = ["INCIDENT", "CHANNEL", "SINCE", "LASTED", "FAULT", "CALLS", "ANSWERED", "GAVE UP", "TEXTED"];
    let rows = incidents.iter().map(|incident| {
        let counts = incident.counts;
        [
            incident.id.clone(),
            name(incident),
            clock(incident.started, zone),
            lasted(incident),
            incident.blame.clone(),
            counts.offered.to_string(),
            counts.answered.to_string(),
            counts.given_up.to_string(),
            counts.texted.to_string(),
        ]
    });
    aligned(&[heading.map(String::from)].into_iter().chain(rows).collect::<Vec<_>>())
}

/// `desvio incidents ID`
pub fn incident(incident: &IncidentDocument, zone: &TimeZone) -> String {
    let counts = incident.counts;
    let mut text = aligned(&[
        ["incident".into(), format!("{}, {}", incident.id, name(incident))],
        ["since".into(), format!("{}, {}", clock(incident.started, zone), lasted(incident))],
        ["state".into(), incident.state.clone()],
        ["fault".into(), incident.blame.clone()],
        [
            "calls".into(),
            format!(
                "{} came, {} answered, {} waited, {} of them gave up, {} voicemails, {} called back",
                counts.offered, counts.answered, counts.waited, counts.given_up, counts.voicemails, counts.called_back
            ),
        ],
        [
            "texts".into(),
            format!("{} sent, {} failed, {} came in", counts.texted, counts.texts_failed, counts.texts_received),
        ],
    ]);
    text.push('\n');
    for moment in &incident.timeline {
        text.push_str(&format!("{}  {}\n", clock(moment.at, zone), plain(&moment.text)));
        for reason in &moment.reasons {
            text.push_str(&format!("{:21}{}\n", "", plain(reason)));
        }
    }
    if incident.left_out > 0 {
        text.push_str(&format!("({} moments and observations between are not kept)\n", incident.left_out));
    }
    if !incident.alarms.is_empty() {
        text.push('\n');
        text.push_str(&alarms(&incident.alarms, zone));
    }
    if let Some(drill) = &incident.drill {
        text.push('\n');
        text.push_str(&findings(drill));
    }
    text
}

/// What a drill found, what does not work first.
pub fn findings(drill: &DrillDocument) -> String {
    let (works, fails): (Vec<_>, Vec<_>) = drill.findings.iter().partition(|finding| finding.works);
    let rows = fails.into_iter().chain(works).map(|finding| {
        let works = if finding.works { "ok" } else { "FAILS" };
        [works.to_owned(), finding.about.clone(), finding.text.clone()]
    });
    aligned(&rows.collect::<Vec<_>>())
}

fn alarms(alarms: &[AlarmDocument], zone: &TimeZone) -> String {
    let rows = alarms.iter().map(|alarm| {
        let outcome = match &alarm.why {
            Some(why) => format!("{} ({why})", alarm.outcome),
            None => alarm.outcome.clone(),
        };
        [clock(alarm.at, zone), format!("{} to {}", alarm.by, alarm.to), outcome, alarm.text.clone()]
    });
    let heading = ["TOLD", "BY", "OUTCOME", "WHAT"].map(String::from);
    aligned(&[heading].into_iter().chain(rows).collect::<Vec<_>>())
}

fn name(incident: &IncidentDocument) -> String {
    match &incident.drill {
        Some(drill) if drill.shadow => format!("{} (shadow drill)", incident.channel),
        Some(_) => format!("{} (drill)", incident.channel),
        None => incident.channel.clone(),
    }
}

/// `1h 5m`, or that it goes on.
fn lasted(incident: &IncidentDocument) -> String {
    match incident.ended {
        None => "goes on".into(),
        Some(ended) => span(incident.started, ended),
    }
}

fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = u64::try_from(to.duration_since(from).as_secs()).unwrap_or_default();
    humantime::format_duration(std::time::Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench;

    fn document() -> IncidentDocument {
        let written = serde_json::to_value(bench::incident("inc_1")).unwrap();
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn a_list_is_read_at_a_glance() {
        let text = incidents(&[document()], &TimeZone::UTC);
        assert!(text.contains("inc_1     whatsapp  2026-11-23 12:39:00  1h      channel  12 "), "{text}");
        assert_eq!(incidents(&[], &TimeZone::UTC), "no incident is known\n");
    }

    #[test]
    fn one_is_told_with_its_reasons_and_who_was_told() {
        let text = incident(&document(), &TimeZone::UTC);
        assert!(text.contains("2026-11-23 12:39:00  whatsapp is down\n"), "{text}");
        assert!(text.contains("                     3 of 4 resolvers fail\n"), "{text}");
        assert!(text.contains("call to +5511999990000  confirmed"), "{text}");
    }

    #[test]
    fn what_targets_and_peers_said_moves_no_cursor() {
        let mut told = document();
        told.timeline[0].text.push_str("\x1b[2J");
        told.timeline[0].reasons.push("503 \x1b[1A".into());
        told.alarms[0].text.push('\x07');
        assert!(incident(&told, &TimeZone::UTC).chars().all(|letter| letter == '\n' || !letter.is_control()));
    }

    #[test]
    fn what_does_not_work_stands_first() {
        use crate::api::documents::incidents::FindingDocument;
        let finding = |works, text: &str| FindingDocument { about: "agents".into(), works, text: text.into() };
        let drill = DrillDocument {
            shadow: false,
            author: "ana".into(),
            until: bench::at("2026-11-23T12:49:00Z"),
            findings: vec![finding(true, "two are signed in"), finding(false, "nobody is")],
        };
        assert_eq!(findings(&drill), "FAILS  agents  nobody is\nok     agents  two are signed in\n");
    }
}
