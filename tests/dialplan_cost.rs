//! What a dialplan costs in memory and allocations: to load it, and a step. What callers in it cost stands in `memory.rs`.
//!
//! A program of its own, because it counts every allocation of the process; its tests take turns.

mod calm;

use std::alloc::System;
use std::time::Instant;

use desvio::dialplan::happening::Happening;
use desvio::dialplan::source::SourceFile;
use desvio::dialplan::walk::Walk;
use stats_alloc::INSTRUMENTED_SYSTEM;
use stats_alloc::Region;
use stats_alloc::StatsAlloc;

use crate::calm::Calm;
use crate::calm::dialplan;
use crate::calm::program;
use crate::calm::walk;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[expect(clippy::disallowed_types, reason = "the tests of this program take turns")]
static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}

fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated.saturating_sub(change.bytes_deallocated)
}

/// Of allocator calls for a step, in a flow of a tag, a look at a channel and another tag, round after round.
const MOST_FOR_A_STEP: f64 = 3.0;

#[test]
fn a_step_takes_few_allocations() {
    let _turn = turn();
    let round = "    tag \"round\" \"1\"\n    if channel=\"whatsapp\" is=\"up\" { tag \"state\" \"up\" }\n".repeat(40);
    let text = format!("number \"{}\" flow=\"a\"\nflow \"a\" {{\n{round}    hangup\n}}\n", calm::NUMBER);
    let (program, now) = (program(SourceFile { path: "a.kdl".to_owned(), text }), start());
    // The harness allocates as well when another test ends beside us, but not in each of five rounds.
    let least = (0..5).map(|seed| allocations_of_a_walk(&mut walk(&program, seed), now)).min().expect("five rounds");
    let each = least as f64 / 120.0;
    assert!(each <= MOST_FOR_A_STEP, "{each} allocations for each of 120 steps");
}

fn allocations_of_a_walk(walk: &mut Walk, now: Instant) -> usize {
    let region = Region::new(ALLOCATOR);
    walk.handle(Happening::Started, &Calm, now);
    while walk.poll_order().is_some() {}
    let change = region.change();
    assert!(walk.is_over());
    change.allocations + change.reallocations
}

/// Allocator calls for each of a thousand flows of a dozen lines: read, checked and kept.
const MOST_FOR_A_FLOW: usize = 500;

#[test]
fn a_thousand_flows_are_loaded_with_few_allocations_and_little_memory() {
    let _turn = turn();
    let file = dialplan(1_000);
    let octets = file.text.len();
    let region = Region::new(ALLOCATOR);
    let program = program(file);
    let change = region.change();
    let each = (change.allocations + change.reallocations) / 1_000;
    assert!(each <= MOST_FOR_A_FLOW, "{each} allocations for a flow");
    let kept = held(&region);
    assert!(kept < 20 * octets, "{kept} bytes are kept of a file of {octets}");
    drop(program);
}

#[test]
fn a_file_of_ten_megabytes_that_nobody_can_read_leaves_no_memory_behind() {
    let _turn = turn();
    let region = Region::new(ALLOCATOR);
    for part in ["{", "\"", "#\"", "a=1 ", "flow a{b}\n"] {
        let text = part.repeat((10 << 20) / part.len());
        let file = SourceFile { path: "a.kdl".to_owned(), text };
        let faults = desvio::dialplan::load::load(&[file], &calm::names(), &Default::default());
        assert!(faults.is_err(), "{part}");
    }
    assert!(held(&region) < 64 << 10, "{} bytes are left", held(&region));
}
