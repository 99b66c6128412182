//! An RTP generator: callers in any number, as punctual as a phone, and a stop-watch for what they get.
//!
//! `relay` and `listen` talk to a server that already has the calls; `direct` drives the media pump alone, in this process.
//! Every run prints one line of JSON. CPU time is that which the scheduler has counted, never sampled.
//!
//! ```text
//! rtpgen relay  --pairs FILE   lines of LOCAL_A REMOTE_A LOCAL_B REMOTE_B: both far sides of each bridged call
//! rtpgen listen --pairs FILE   lines of LOCAL REMOTE; `-` as REMOTE: wherever the first packet comes from
//! rtpgen direct relay|listen --calls N [--threads N] [--codec pcma] [--to CODEC] [--suite NAME]
//! rtpgen floor relay|listen --calls N [--threads N]   the same without our pump: the least that its packets cost here
//! rtpgen codec   [--codec opus] [--calls N]   what 20 ms cost in the codec itself: to encode, to decode
//!        all: [--seconds N] [--pid PID of the server, for its CPU time]
//! ```
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a generator has sockets and a clock")]

#[path = "../measure/arrival.rs"]
mod arrival;
mod codec;
#[path = "../measure/cpu.rs"]
mod cpu;
mod direct;
mod floor;
mod generator;
mod histogram;
mod options;

use std::process::ExitCode;
use std::time::Duration;

use crate::cpu::Cpu;
use crate::generator::Generator;
use crate::generator::Line;
use crate::generator::Outcome;
use crate::options::Mode;
use crate::options::Options;

/// Counts every allocation of this process, so that `direct` can show that packets need none.
#[global_allocator]
static ALLOCATIONS: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let outcome = Options::parse(std::env::args().skip(1)).and_then(|options| match options.mode {
        Mode::Relay | Mode::Listen => with_server(&options),
        Mode::DirectRelay | Mode::DirectListen => direct::run(&options),
        Mode::FloorRelay | Mode::FloorListen => floor::run(&options),
        Mode::Codec => codec::run(&options),
    });
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("rtpgen: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Far sides of calls that a running server has.
fn with_server(options: &Options) -> Result<String, String> {
    let lines = read_pairs(options)?;
    let calls = if options.mode == Mode::Relay { lines.len() / 2 } else { lines.len() };
    let mut generator = Generator::new(lines).map_err(|fault| fault.to_string())?;
    generator.run(WARM_UP).map_err(|fault| fault.to_string())?;
    let cpu = options.pid.map(|pid| Cpu::of(&pid.to_string(), ""));
    let outcome = generator.run(options.span).map_err(|fault| fault.to_string())?;
    let spent = cpu.map_or(Duration::ZERO, |cpu| cpu.spent());
    Ok(report(options, calls, outcome, spent, None))
}

/// Until sources are latched and caches are warm.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

fn read_pairs(options: &Options) -> Result<Vec<Line>, String> {
    let file = options.pairs.as_deref().ok_or("--pairs FILE is missing")?;
    let text = std::fs::read_to_string(file).map_err(|fault| format!("{file}: {fault}"))?;
    let mut lines = Vec::new();
    for row in text.lines().filter(|row| !row.trim().is_empty()) {
        for pair in row.split_whitespace().collect::<Vec<_>>().chunks(2) {
            let [local, remote] = pair else {
                return Err(format!("{file}: `{row}` has an odd number of addresses"));
            };
            let local = local.parse().map_err(|_| format!("{file}: `{local}` is not an address and port"))?;
            lines.push(Line::bind(local, remote.parse().ok()).map_err(|fault| format!("{local}: {fault}"))?);
        }
    }
    Ok(lines)
}

/// One line of JSON.
pub(crate) fn report(
    options: &Options,
    calls: usize,
    outcome: &Outcome,
    spent: Duration,
    allocations: Option<usize>,
) -> String {
    let seconds = options.span.as_secs_f64();
    // What the server received beside that is part of the price.
    let carried = outcome.carried(options);
    let spent_us = spent.as_secs_f64() * 1e6;
    format!(
        "{{\"mode\":\"{:?}\",\"calls\":{calls},\"sent\":{},\"received\":{},\"loss_pct\":{:.3},\"us_per_pkt\":{:.2},\
         \"ms_per_call_s\":{:.3},\"lat_ms_p50\":{:.3},\"lat_ms_p99\":{:.3},\"gap_dev_ms_p99\":{:.3},\
         \"gap_dev_ms_max\":{:.3},\"gen_late_ms_p99\":{:.3},\"allocations\":{}}}",
        options.mode,
        outcome.sent,
        carried,
        outcome.loss(options) * 100.0,
        spent_us / (carried.max(1) as f64),
        spent_us / 1000.0 / (calls.max(1) as f64) / seconds,
        outcome.latency.quantile(0.5),
        outcome.latency.quantile(0.99),
        outcome.gaps.quantile(0.99),
        outcome.gaps.longest(),
        outcome.lateness.quantile(0.99),
        allocations.map_or("null".to_owned(), |count| count.to_string()),
    )
}
