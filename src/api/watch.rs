//! `desvio channels` for people at a terminal: each channel with its reasons, each target with its last answers as a line of
//! bars. What targets said is quoted without what a terminal would obey.

use jiff::tz::TimeZone;

use crate::api::documents::channels::ChannelDocument;
use crate::api::documents::channels::EvidenceDocument;
use crate::api::table::clock;
use crate::api::table::plain;

/// Everything that is known, in colours.
pub fn channels(channels: &[ChannelDocument], zone: &TimeZone) -> String {
    if channels.is_empty() {
        return "no channel is watched; add a [[channel]] to config/desvio.toml\n".into();
    }
    channels.iter().map(|channel| one(channel, zone)).collect::<Vec<_>>().join("\n")
}

fn one(channel: &ChannelDocument, zone: &TimeZone) -> String {
    let state = paint(colour(&channel.state), &channel.state);
    let since = channel.since.map_or_else(|| "the start".to_owned(), |since| clock(since, zone));
    let mut text = format!("{} {state} since {since}", paint(BOLD, &plain(&channel.name)));
    if channel.blame != "none" {
        text.push_str(&format!(", fault: {}", plain(&channel.blame)));
    }
    if let Some(drill) = &channel.drill {
        text.push_str(&paint(YELLOW, &format!(" ({drill} drill)")));
    }
    text.push('\n');
    for reason in &channel.reasons {
        text.push_str(&format!("  {}\n", plain(reason)));
    }
    let widths = widths(&channel.evidence);
    for target in &channel.evidence {
        text.push_str(&line(target, widths));
    }
    text
}

fn widths(targets: &[EvidenceDocument]) -> (usize, usize) {
    let widest = |of: fn(&EvidenceDocument) -> usize| targets.iter().map(of).max().unwrap_or_default();
    (widest(|target| target.layer.chars().count()), widest(|target| name(target).chars().count()).min(WIDEST_NAME))
}

fn line(target: &EvidenceDocument, (layer, width): (usize, usize)) -> String {
    let name: String = name(target).chars().take(WIDEST_NAME).collect();
    let word = match (&target.why, target.took_seconds) {
        (Some(why), _) => paint(RED, &plain(why)),
        (None, Some(took)) if took > 0.0 => format!("{:.0} ms", took * 1_000.0),
        (None, _) => target.verdict.clone(),
    };
    let bars: String = target.recent.iter().map(|seen| bar(*seen)).collect();
    let mark = if target.role == "control" { "control" } else { "" };
    let bars = paint(if target.verdict == "bad" { RED } else { GREEN }, &format!("{bars:>MOST_BARS$}"));
    format!("  {:<layer$}  {name:<width$}  {mark:7}  {bars}  {word}\n", plain(&target.layer))
}

fn name(target: &EvidenceDocument) -> String {
    let by = target.resolver.as_ref().map_or_else(String::new, |resolver| format!(" ({resolver})"));
    plain(&format!("{}{by}", target.target))
}

/// Each is twice as long as the one before; `×` did not answer.
fn bar(seconds: Option<f64>) -> char {
    let Some(seconds) = seconds else { return '×' };
    let limits = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];
    let bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    bars[limits.iter().take_while(|limit| seconds >= **limit).count()]
}

fn colour(state: &str) -> &'static str {
    match state {
        "up" => GREEN,
        "down" => RED,
        _ => YELLOW,
    }
}

fn paint(code: &str, text: &str) -> String {
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// As many as the server keeps.
const MOST_BARS: usize = 30;
const WIDEST_NAME: usize = 44;
const BOLD: &str = "1";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_for_each_answer_and_a_cross_for_none() {
        let bars: String = [Some(0.01), Some(0.06), Some(0.3), Some(9.0), None].into_iter().map(bar).collect();
        assert_eq!(bars, "▁▂▄█×");
    }
}
