//! Evidence as it was recorded: one JSON object a line, in the order of its times.

use crate::outage::Evidence;
use crate::outage::backtest::read::ScenarioFault;

/// So many lines are a month of twenty probes.
const MOST_LINES: usize = 10_000_000;

/// Empty lines and lines that begin with `#` are skipped.
pub fn read(text: &str) -> Result<Vec<Evidence>, ScenarioFault> {
    let lines = text.lines().enumerate().take(MOST_LINES);
    let lines = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let evidence = lines.map(|(number, line)| {
        serde_json::from_str(line)
            .map_err(|error| ScenarioFault { line: number + 1, fault: format!("no evidence: {error}") })
    });
    let mut evidence = evidence.collect::<Result<Vec<Evidence>, ScenarioFault>>()?;
    evidence.sort_by_key(|evidence| evidence.at);
    Ok(evidence)
}

/// Whether a text is a recording rather than a scenario.
pub fn is_one(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| line.starts_with('{'))
}
