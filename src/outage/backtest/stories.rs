//! The shipped days are run and measured; their text is read with its faults.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use crate::outage::ChannelState;
use crate::outage::backtest::measure::Measured;
use crate::outage::backtest::noise;
use crate::outage::backtest::recording;
use crate::outage::backtest::replay;
use crate::outage::backtest::scenario::Scenario;
use crate::outage::blame::Blame;
use crate::outage::config::Config;

/// `tests/all` runs the shipped days with 20 seeds and 10,000 hours of noise: `desvio outage backtest`.
const SEEDS: u64 = 2;
const HOURS_OF_NOISE: u64 = 50;

#[test]
fn every_shipped_day_meets_its_goals() {
    let mut missed = Vec::new();
    for path in shipped() {
        let scenario = read(&path);
        for seed in 0..SEEDS {
            let timeline = replay::scenario(&scenario, &Config::default(), seed, start());
            let measured = Measured::of(&scenario, &timeline);
            if !measured.missed.is_empty() {
                missed.push(format!("{measured} (seed {seed})\n{timeline}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn noise_and_faults_of_our_own_line_never_take_the_channel_down() {
    let report = noise::run(HOURS_OF_NOISE, &Config::default(), 7, start());
    assert_eq!(report.false_alarms, 0, "{:#?}", report.alarms);
    assert!(report.line_troubles > 0 && report.line_blamed > 0, "{report:?}");
}

#[test]
fn every_shipped_day_of_history_names_its_sources_and_every_line_its_origin() {
    for path in shipped() {
        let scenario = read(&path);
        let made = path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with("20"));
        assert_eq!(scenario.sources.is_empty(), made, "{}", path.display());
    }
}

#[test]
fn the_day_is_told_in_sentences() {
    let scenario = read(&folder().join("2021-10-04-whatsapp.outage"));
    let timeline = replay::scenario(&scenario, &Config::default(), 1, start());
    let down = timeline.entries.iter().find(|entry| entry.state == ChannelState::Down).unwrap();
    assert_eq!(down.blame, Blame::Channel);
    let reasons = down.reasons.join("\n");
    assert!(reasons.contains("connections to graph.facebook.com:443 failed since 15:39 UTC"), "{reasons}");
    assert!(reasons.contains("control targets answer"), "{reasons}");
    assert!(timeline.to_string().contains("recovering"), "{timeline}");
}

#[test]
fn replaying_a_day_gives_the_same_and_a_restart_changes_nothing_but_the_clock_of_recovery() {
    let scenario = read(&folder().join("2022-10-25-whatsapp.outage"));
    let again = || replay::scenario(&scenario, &Config::default(), 3, start());
    assert_eq!(again(), again());
}

#[test]
fn recorded_evidence_is_read_line_by_line() {
    let line = |second: u32, outcome: &str| {
        format!(
            r#"{{"layer":"tcp","target":"127.0.0.1:9","role":"channel","outcome":{outcome},"at":"2026-11-23T12:00:{second:02}Z"}}"#
        )
    };
    let failed = r#"{"failed":{"fault":"status 503","why":"503"}}"#;
    let lines: Vec<String> = (0..6).map(|place| line(place * 10, failed)).collect();
    let text = format!("# a minute\n\n{}\n", lines.join("\n"));
    assert!(recording::is_one(&text));
    let timeline = replay::recording(recording::read(&text).unwrap(), &Config::default(), start());
    let states: Vec<&str> = timeline.entries.iter().map(|entry| entry.state.as_str()).collect();
    assert_eq!(states, ["degraded", "down"]);

    let fault = recording::read("# x\n{\"layer\":\"tcp\"}").unwrap_err();
    assert_eq!(fault.line, 2);
}

#[test]
fn a_fault_in_a_scenario_is_told_with_its_line() {
    let head = "begin 2026-11-23T09:00:00Z\nend 10:00\nprobe tcp a.example:443\n";
    assert!(Scenario::read(head).is_ok());
    for (line, says) in [
        ("nonsense", "neither a word"),
        ("09:10 tcp * timeout", "`anchor`"),
        ("09:10 made ftp * timeout", "no layer"),
        ("09:10 made tcp * vanished", "no fault"),
        ("09:10 made tcp * timeout 140%", "no share"),
        ("09:61 made tcp * timeout", "neither"),
        ("09:10 made tcp * timeout \"open", "quotation mark"),
        ("expect gone channel", "expect STATE BLAME"),
        ("felt 09:10 a-bit", "felt"),
        ("probe tcp a.example sideways", "after the target"),
        ("end +40d", "a month at most"),
        ("every 0s", "1 s at least"),
        ("timeout 900000000000000000s", "a day at most"),
    ] {
        let fault = Scenario::read(&format!("{head}{line}\n")).unwrap_err();
        assert!(fault.line == 4 && fault.fault.contains(says), "{line}: {fault}");
    }
    assert!(Scenario::read("end 10:00").unwrap_err().fault.contains("`begin`"));
    assert!(Scenario::read("begin 2026-11-23T09:00:00Z\nend 10:00").unwrap_err().fault.contains("probe"));
}

#[test]
fn a_day_may_be_made_of_words_alone() {
    let day = "begin 2026-11-23T09:00:00Z\nend 10:00\n09:10 made say traffic sends sends-fail\n09:20 made say traffic sends answers\n";
    let timeline = replay::scenario(&Scenario::read(day).unwrap(), &Config::default(), 1, start());
    let states: Vec<&str> = timeline.entries.iter().map(|entry| entry.state.as_str()).collect();
    assert_eq!(states, ["degraded", "down", "recovering", "up"]);
}

#[test]
fn the_samples_of_the_handbook_are_what_happens() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/outages.md")).unwrap();
    let block = |language: &str| {
        let begins = page.find(&format!("```{language}\n")).unwrap() + language.len() + 4;
        page[begins..].split("```").next().unwrap().to_owned()
    };
    let defaults: Config = toml::from_str(&block("toml")).unwrap();
    assert_eq!(defaults, Config::default());

    let scenario = Scenario::read(&block("outage")).unwrap();
    let timeline = replay::scenario(&scenario, &Config::default(), 1, start());
    let measured = Measured::of(&scenario, &timeline);
    assert!(measured.missed.is_empty(), "{measured}\n{timeline}");

    let recorded = recording::read(&block("json")).unwrap();
    assert_eq!(recorded.len(), 2);

    let (_, told) = page.split_once("$ desvio outage replay tests/outages/expired-certificate.outage\n").unwrap();
    let told = told.split("```").next().unwrap();
    let scenario = read(&folder().join("expired-certificate.outage"));
    assert_eq!(told.trim_end(), replay::scenario(&scenario, &Config::default(), 1, start()).to_string());
}

fn read(path: &PathBuf) -> Scenario {
    let text = fs::read_to_string(path).unwrap();
    Scenario::read(&text).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn shipped() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "outage")).collect();
    files.sort();
    assert!(files.len() >= 15);
    files
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outages"))
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
fn start() -> Instant {
    Instant::now()
}
