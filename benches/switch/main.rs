//! What a call and a registration cost the switch, without sockets and threads: `cargo bench --bench switch`.
//!
//! Peers play the calls once, on a virtual clock, and everything that reaches the switch is written down. A second switch
//! with the same dice hears it all again, and that is what is measured: time, allocations, and nothing of the peers.
//! For a count of instructions: `valgrind --tool=callgrind --toggle-collect='*replay_measured*' BINARY call`.
#![expect(clippy::disallowed_methods, reason = "a bench has a clock")]

mod peers;
mod world;

use std::time::Duration;
use std::time::Instant;

use stats_alloc::Region;
use stats_alloc::Stats;

use crate::peers::Peers;
use crate::world::Recorded;
use crate::world::World;

#[global_allocator]
static ALLOCATIONS: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

/// Every timer of the first ones has run out before the measured ones begin: 40 calls and 300 registrations a second.
const CALLS: Times = Times { warm_up: 1_600, measured: 2_000 };
const REGISTRATIONS: Times = Times { warm_up: 12_000, measured: 6_000 };

struct Times {
    warm_up: usize,
    measured: usize,
}

fn main() {
    let start = Instant::now();
    let wanted = std::env::args().nth(1).filter(|word| !word.starts_with('-')).unwrap_or_default();
    if "call".starts_with(&wanted) {
        measure("call: two legs, set up and ended", &CALLS, start, Peers::call);
    }
    if "registration".starts_with(&wanted) {
        measure("registration: REGISTER, 401, REGISTER, 200", &REGISTRATIONS, start, Peers::register);
    }
}

fn measure(what: &str, times: &Times, start: Instant, play: fn(&mut Peers, usize, &mut World)) {
    let (mut world, mut peers) = (World::new(start), Peers::default());
    (0..times.warm_up).for_each(|number| play(&mut peers, number, &mut world));
    let warm_up = world.take_tape();
    (0..times.measured).for_each(|number| play(&mut peers, times.warm_up + number, &mut world));
    let measured = world.take_tape();
    let mut again = World::new(start);
    again.replay(&warm_up);
    let (spent, change) = replay_measured(&mut again, &measured);
    let units = times.measured as f64;
    println!(
        "{what}: {:.1} us, {:.0} allocations, {:.0} bytes, {:.1} inputs",
        spent.as_secs_f64() * 1e6 / units,
        (change.allocations + change.reallocations) as f64 / units,
        change.bytes_allocated as f64 / units,
        measured.len() as f64 / units,
    );
}

/// A function of its own, so that a profiler can be told to look at nothing else.
#[inline(never)]
fn replay_measured(world: &mut World, tape: &[(Instant, Recorded)]) -> (Duration, Stats) {
    let region = Region::new(ALLOCATIONS);
    let began = Instant::now();
    world.replay(tape);
    (began.elapsed(), region.change())
}
