//! The dialplan's files change under a server that runs: by SIGHUP, by a watched folder, through the API, and back again.

use std::fs;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;
use serde_json::json;

use crate::server::Server;
use crate::server::config;

const ONE: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { answer; wait \"1s\" }\n";
const TWO: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { answer; wait \"2s\" }\n";
const FAULTY: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { answr; queue \"nosuch\" }\n";

const PATIENCE: Duration = Duration::from_secs(20);

impl Server {
    fn file_holds(&self, plan: &str) {
        fs::write(self.folder.join("dialplans/plan.kdl"), plan).expect("a dialplan");
    }

    fn hash(&self) -> Value {
        self.get("/v1/dialplan")["hash"].clone()
    }

    fn waits_for(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(Instant::now() < until, "{words}: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn sighup_takes_up_a_sound_dialplan_and_leaves_a_faulty_one() {
    let server = Server::start(&config(""), ONE);
    let first = server.hash();
    server.file_holds(FAULTY);
    server.is_told("HUP");
    server.waits_for("a dialplan was refused");
    assert!(server.log().contains("`answr` is not a step") && server.log().contains("nosuch"), "{}", server.log());
    assert_eq!(server.hash(), first);
    server.file_holds(TWO);
    server.is_told("HUP");
    server.waits_for("a dialplan was taken up");
    assert_ne!(server.hash(), first);
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn a_roll_back_outlives_sighup_and_a_restart_until_the_files_change() {
    let mut server = Server::start(&config(""), ONE);
    let first = server.hash();
    server.file_holds(TWO);
    let diff = server.get("/v1/dialplan/diff");
    assert_eq!(diff["changes"][0]["lines"], json!(["- wait \"1s\"", "+ wait \"2s\""]), "{diff}");
    let second = server.send("POST", "/v1/dialplan/reload", &json!({}))["hash"].clone();
    assert_eq!(server.send("POST", "/v1/dialplan/rollback", &json!({}))["hash"], first);
    server.is_told("HUP");
    server.waits_for("still hold the dialplan that was rolled back");
    assert_eq!(server.hash(), first);
    assert_eq!(server.stop(), Some(0));

    let server = Server::start_in(server.folder.clone());
    assert_eq!(server.hash(), first);
    assert_eq!(server.send("POST", "/v1/dialplan/reload", &json!({}))["hash"], second);
}

#[test]
#[ignore = "opens sockets: run by tests/all"]
fn a_watched_folder_is_taken_up_without_a_word() {
    let watched = config("").replacen("language = \"pt-BR\"", "language = \"pt-BR\"\nwatch = \"1s\"", 1);
    let server = Server::start(&watched, ONE);
    let first = server.hash();
    server.file_holds(TWO);
    server.waits_for("a dialplan was taken up");
    assert_ne!(server.hash(), first);
}
