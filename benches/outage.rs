//! What one piece of evidence costs: `cargo bench --bench outage`. The goal is 20 µs with 20 channels of 10 probes.

use std::time::Duration;
use std::time::Instant;

use desvio::outage::Layer;
use desvio::outage::Outcome;
use desvio::outage::Role;
use desvio::outage::config::Config;
use desvio::outage::detector::Detector;
use desvio::outage::fault::Fault;
use desvio::outage::probe::Probe;
use divan::AllocProfiler;
use divan::Bencher;
use jiff::Timestamp;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const CHANNELS: usize = 20;

fn main() {
    divan::main();
}

/// Everything answers: the ordinary case, 20 times a second in a house of 20 channels.
#[divan::bench]
fn evidence_while_all_is_well(bencher: Bencher<'_, '_>) {
    runs(bencher, |_| true);
}

/// Everything of the channel's own fails.
#[divan::bench]
fn evidence_in_an_outage(bencher: Bencher<'_, '_>) {
    runs(bencher, |probe| probe.control);
}

/// A third of all is lost at random: verdicts move all the time.
#[divan::bench]
fn evidence_of_a_bad_line(bencher: Bencher<'_, '_>) {
    let mut rng = fastrand::Rng::with_seed(7);
    runs(bencher, move |_| rng.u8(0..3) > 0);
}

fn runs(bencher: Bencher<'_, '_>, mut answers: impl FnMut(&Probe) -> bool) {
    let probes = probes();
    let mut house: Vec<Detector> = (0..CHANNELS).map(|_| Detector::new(&Config::default()).watching(&probes)).collect();
    let (mut now, mut turn) = (start(), 0);
    bencher.bench_local(|| {
        let probe = &probes[turn / CHANNELS % probes.len()];
        let outcome = match answers(probe) {
            true => Outcome::Answered { took: Duration::from_millis(30) },
            false => Outcome::failed(Fault::Timeout, "no answer within 5s"),
        };
        now += Duration::from_millis(50);
        turn += 1;
        house[turn % CHANNELS].on_evidence(probe.evidence(outcome, Timestamp::UNIX_EPOCH), now)
    });
}

fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    for layer in [Layer::Dns, Layer::Tcp, Layer::Tls, Layer::Http] {
        probes.push(Probe::new(layer, "graph.facebook.com", Role::Channel));
        probes.push(Probe::new(layer, "web.whatsapp.com", Role::Channel));
    }
    probes.push(Probe::new(Layer::Tcp, "1.1.1.1:443", Role::Control));
    probes.push(Probe::new(Layer::Tcp, "registro.br:443", Role::Control));
    probes
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}
