//! A dialplan in time: `cargo bench --bench dialplan`. Wanted: check and load of 1,000 flows in 200 ms, a step in 2 µs.

use desvio::dialplan::config::Config;
use desvio::dialplan::happening::Happening;
use desvio::dialplan::load::load;
use desvio::dialplan::source::SourceFile;
use divan::Bencher;
use divan::counter::ItemsCount;

#[path = "../tests/calm/mod.rs"]
mod calm;

use crate::calm::Calm;

fn main() {
    divan::main();
}

#[divan::bench(args = [100, 1_000, 10_000])]
fn check_and_load(bencher: Bencher<'_, '_>, flows: usize) {
    let (files, names) = ([calm::dialplan(flows)], calm::names());
    bencher.counter(ItemsCount::new(flows)).bench(|| load(&files, &names, &Config::default()).is_ok());
}

/// A tag, a look at a channel and another tag, forty times, and the end: 121 steps, counted one by one.
#[divan::bench]
fn steps(bencher: Bencher<'_, '_>) {
    let round = "    tag \"round\" \"1\"\n    if channel=\"whatsapp\" is=\"up\" { tag \"state\" \"up\" }\n".repeat(40);
    let text = format!("number \"{}\" flow=\"a\"\nflow \"a\" {{\n{round}    hangup\n}}\n", calm::NUMBER);
    let program = calm::program(SourceFile { path: "a.kdl".to_owned(), text });
    #[expect(clippy::disallowed_methods, reason = "where virtual time begins does not matter")]
    let now = std::time::Instant::now();
    bencher.counter(ItemsCount::new(121_usize)).with_inputs(|| calm::walk(&program, 1)).bench_values(|mut walk| {
        walk.handle(Happening::Started, &Calm, now);
        while walk.poll_order().is_some() {}
        walk
    });
}

/// A caller who comes in, is answered, hears the menu and presses a key.
#[divan::bench]
fn a_caller_in_a_menu(bencher: Bencher<'_, '_>) {
    let program = calm::program(calm::dialplan(10));
    #[expect(clippy::disallowed_methods, reason = "where virtual time begins does not matter")]
    let now = std::time::Instant::now();
    bencher.with_inputs(|| calm::walk(&program, 1)).bench_values(|mut walk| {
        let happenings = [Happening::Started, Happening::Answered, Happening::PlayFinished, Happening::Digit('1')];
        for happening in happenings {
            walk.handle(happening, &Calm, now);
            while walk.poll_order().is_some() {}
        }
        walk
    });
}
