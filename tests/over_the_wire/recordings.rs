//! A talk of two real phones, recorded: each one's tone on its own side, and nothing of what was said during the pause.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::customer::server;
use crate::server::Server;
use crate::server::config;
use crate::softphone::Answers;
use crate::softphone::Make;
use crate::softphone::Transport;
use crate::softphone::connect;
use crate::softphone::phone;
use crate::softphone::sound_flows_for;
use crate::softphone::tone_of;
use crate::sound::seconds_of;

/// One channel of a file, as a file of its own.
fn side(of: &Path, channel: usize) -> PathBuf {
    let reader = hound::WavReader::open(of).expect("a WAV file");
    let mut spec = reader.spec();
    assert_eq!(spec.channels, 2);
    spec.channels = 1;
    let path = of.with_extension(format!("{channel}.wav"));
    let mut file = hound::WavWriter::create(&path, spec).expect("a file for one side");
    let samples = reader.into_samples::<i16>().map(|sample| sample.expect("a sample"));
    samples.skip(channel).step_by(2).for_each(|sample| file.write_sample(sample).expect("a sample"));
    file.finalize().expect("a closed file");
    path
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_talk_is_recorded_with_each_side_in_its_channel() {
    let server = server();
    let mut events = server.events();
    let kind = (Make::Baresip, Transport::Udp);
    let mut ana = phone(&server, "200", kind, Answers::ByHand);
    let mut bruno = phone(&server, "201", kind, Answers::ByHand);
    connect(ana.as_mut(), bruno.as_mut(), "201");
    let call = server.get("/v1/calls")["data"][0]["id"].as_str().expect("the call").to_owned();
    let order = |order: serde_json::Value| server.send("POST", &format!("/v1/calls/{call}/recording"), &order);
    assert_eq!(order(json!({"action": "start", "channels": "stereo", "name": "prova"}))["state"], "recording");
    sound_flows_for(3);
    assert_eq!(order(json!({"action": "pause"}))["state"], "paused");
    sound_flows_for(3);
    ana.hangs_up();
    bruno.is_released();

    let kept = events.wait_for("recording.completed", |_| true);
    assert_eq!((&kept["state"], &kept["name"]), (&json!("completed"), &json!("prova")));
    let length = kept["length_ms"].as_u64().expect("a length");
    assert!((2_500..4_500).contains(&length), "without the pause: {length} ms");
    let file = server.folder.join("data/recordings").join(kept["path"].as_str().expect("a path"));
    let (left, right) = (side(&file, 0), side(&file, 1));
    for (side, own, other) in [(&left, "200", "201"), (&right, "201", "200")] {
        assert!(seconds_of(side, tone_of(own)) > 1.5, "{own} is not on his side: {}", side.display());
        assert!(seconds_of(side, tone_of(other)) < 0.1, "{other} is on the side of {own}: {}", side.display());
    }
}

/// What an independent reader makes of a recording of ours.
fn read_by_others(file: &Path) -> PathBuf {
    let wav = file.with_extension("wav");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/ogg_to_wav.py");
    let read = Command::new("python3").arg(script).args([file, &wav]).output().expect("python3");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    wav
}

#[test]
#[ignore = "needs baresip: run by tests/all"]
fn a_talk_that_is_kept_as_opus_is_read_by_others_with_each_side_in_its_channel_also_after_a_crash() {
    let server = Server::start(&config("[recording]\nformat = \"opus\"\n"), "");
    let mut events = server.events();
    let kind = (Make::Baresip, Transport::Udp);
    let mut ana = phone(&server, "200", kind, Answers::ByHand);
    let mut bruno = phone(&server, "201", kind, Answers::ByHand);
    connect(ana.as_mut(), bruno.as_mut(), "201");
    let call = server.get("/v1/calls")["data"][0]["id"].as_str().expect("the call").to_owned();
    let order = json!({"action": "start", "channels": "stereo"});
    server.send("POST", &format!("/v1/calls/{call}/recording"), &order);
    sound_flows_for(4);
    let kept = server.folder.join("data/recordings");
    let day = std::fs::read_dir(&kept).expect("recordings").flatten().next().expect("a day").path();
    let running = std::fs::read_dir(day).expect("a day").flatten().next().expect("a recording").path();
    // What a crash would leave now.
    let cut_off = server.folder.join("cut-off.opus");
    std::fs::copy(&running, &cut_off).expect("a copy");
    ana.hangs_up();
    bruno.is_released();
    let done = events.wait_for("recording.completed", |_| true);
    let file = kept.join(done["path"].as_str().expect("a path"));
    assert!(file.extension().is_some_and(|extension| extension == "opus"), "{done}");
    assert_eq!(done["cut_ms"], 0);
    for (file, least) in [(file, 3.0), (cut_off, 1.5)] {
        let wav = read_by_others(&file);
        let (left, right) = (side(&wav, 0), side(&wav, 1));
        for (side, own, other) in [(&left, "200", "201"), (&right, "201", "200")] {
            let heard = seconds_of(side, tone_of(own));
            assert!(heard > least, "{own} is on his side for {heard} s: {}", side.display());
            assert!(seconds_of(side, tone_of(other)) < 0.1, "{other} is on the side of {own}: {}", side.display());
        }
    }
}
