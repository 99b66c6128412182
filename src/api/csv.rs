//! Records and incidents as tables for spreadsheets; RFC 4180.

use jiff::Timestamp;

use crate::call::media_record::MediaRecord;
use crate::call::record::Record;
use crate::call::record::Status;
use crate::outage::incident::Incident;

pub(super) const HEADING: &str = "id,started,answered,ended,direction,status,from,to,trunk,flow,queue,agent,ring_ms,wait_ms,talk_ms,hung_up_by,cause,channels_down,tags,mos,loss,round_trip_ms\r\n";

pub(super) fn row(record: &Record) -> String {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let answered = record.answered.as_ref().map(Timestamp::to_string);
    let cells = [
        record.id.0.clone(),
        record.started.to_string(),
        answered.unwrap_or_default(),
        record.ended.to_string(),
        record.direction.as_str().into(),
        Status::as_str(record.status).into(),
        record.from.clone(),
        record.to.clone(),
        optional(&record.trunk),
        optional(&record.flow),
        optional(&record.queue),
        optional(&record.agent),
        record.ring_ms.to_string(),
        record.wait_ms.to_string(),
        record.talk_ms.to_string(),
        format!("{:?}", record.hung_up_by).to_lowercase(),
        record.cause.to_string(),
        record.channels_down.join(" "),
        tags(record),
        worst(record, f64::min, |media| [media.mos, media.far.as_ref().and_then(|far| far.mos)]),
        worst(record, f64::max, |media| [media.loss, media.far.as_ref().and_then(|far| far.loss)]),
        worst(record, f64::max, |media| [media.round_trip_ms, None]),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

pub(super) const INCIDENT_HEADING: &str = "id,channel,drill,started,ended,duration_seconds,state,blame,offered,answered,waited,given_up,voicemails,texted,texts_failed,texts_received,called_back,alarms,alarms_delivered\r\n";

pub(super) fn incident(incident: &Incident) -> String {
    let counts = incident.counts;
    let drill = match &incident.drill {
        Some(drill) if drill.shadow => "shadow",
        Some(_) => "full",
        None => "",
    };
    let ended = incident.ended.map(|ended| ended.to_string());
    let lasted = incident.ended.map(|ended| ended.duration_since(incident.started).as_secs().to_string());
    let delivered = incident.alarms.iter().filter(|alarm| alarm.outcome.reached()).count();
    let cells = [
        incident.id.clone(),
        incident.channel.clone(),
        drill.to_owned(),
        incident.started.to_string(),
        ended.unwrap_or_default(),
        lasted.unwrap_or_default(),
        incident.state.to_string(),
        incident.blame.to_string(),
        counts.offered.to_string(),
        counts.answered.to_string(),
        counts.waited.to_string(),
        counts.given_up.to_string(),
        counts.voicemails.to_string(),
        counts.texted.to_string(),
        counts.texts_failed.to_string(),
        counts.texts_received.to_string(),
        counts.called_back.to_string(),
        incident.alarms.len().to_string(),
        delivered.to_string(),
    ];
    let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// The worst of all legs in both directions; empty where nothing was measured.
fn worst(record: &Record, worse: fn(f64, f64) -> f64, figures: fn(&MediaRecord) -> [Option<f64>; 2]) -> String {
    let all = record.legs.iter().flat_map(|leg| figures(&leg.media)).flatten();
    all.reduce(worse).map_or_else(String::new, |figure| figure.to_string())
}

/// `kind=complaint branch=centro`
fn tags(record: &Record) -> String {
    let pairs = record.tags.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

fn quoted(cell: &str) -> String {
    let cell = harmless(cell);
    if cell.contains(['"', ',', '\r', '\n']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell
}

/// A caller chooses the name in `From`, and a spreadsheet would carry out `=HYPERLINK(…)`: such a cell gets a `'` before
/// it. A plain number with its plus stays as it is.
fn harmless(cell: &str) -> String {
    let is_number = cell.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    match cell.bytes().next() {
        Some(b'+' | b'-') if is_number => cell.to_owned(),
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => format!("'{cell}"),
        _ => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::bench;

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let row = row(&bench::record("call_1"));
        assert_eq!(row.split(',').count(), HEADING.split(',').count());
        assert!(row.starts_with("call_1,2026-11-23T12:00:00Z,"), "{row}");
        assert!(row.ends_with(",4.14,0.02,40.5\r\n"), "the worst of both directions: {row}");
    }

    #[test]
    fn an_incident_has_a_cell_for_each_column() {
        let row = incident(&bench::incident("inc_1"));
        assert_eq!(row.split(',').count(), INCIDENT_HEADING.split(',').count());
        assert!(row.starts_with("inc_1,whatsapp,,2026-11-23T12:39:00Z,2026-11-23T13:39:00Z,3600,up,channel,"), "{row}");
        assert!(row.ends_with(",1,1\r\n"), "{row}");
    }

    #[test]
    fn what_a_caller_writes_is_never_a_formula() {
        let mut record = bench::record("call_1");
        record.from = "=HYPERLINK(\"http://x\",\"y\")".into();
        let row = row(&record);
        assert!(row.contains("\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""), "{row}");
    }

    #[test]
    fn a_number_keeps_its_plus() {
        assert_eq!(quoted("+5511999998888"), "+5511999998888");
        assert_eq!(quoted("+SUM(A1)"), "'+SUM(A1)");
    }
}
