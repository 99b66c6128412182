//! sipp as the carrier: scenarios of its own making, so that not only one implementation of SIP has tried us.

use std::process::Command;
use std::process::Stdio;

use crate::customer::server;
use crate::server::Server;

/// Runs a scenario of sipp from 127.0.0.2 and says how it ended.
fn sipp(server: &Server, arguments: &[&str]) -> (bool, String) {
    let output = Command::new("sipp")
        .arg(server.sip.to_string())
        .args(["-i", "127.0.0.2", "-s", "+551140031234", "-timeout", "60s", "-timeout_error", "-nostdin"])
        .args(arguments)
        .current_dir(&server.folder)
        .stdin(Stdio::null())
        .output()
        .expect("sipp is installed: tests/all installs it");
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
#[ignore = "needs sipp: run by tests/all"]
fn forty_calls_of_sipps_own_scenario_are_answered_and_ended() {
    let mut server = server();
    let (ok, said) = sipp(&server, &["-sn", "uac", "-m", "40", "-r", "20", "-d", "500"]);
    assert!(ok, "{said}");
    let calls = server.get("/v1/calls");
    assert_eq!(calls["data"].as_array().map(Vec::len), Some(0), "{calls}");
    // What was still in memory is on disk when the server has ended.
    assert_eq!(server.stop(), Some(0));
    let again = Server::start_in(server.folder.clone());
    assert_eq!(again.get("/v1/records?limit=100")["data"].as_array().map(Vec::len), Some(40));
}

#[test]
#[ignore = "needs sipp: run by tests/all"]
fn a_number_that_leads_nowhere_is_answered_404() {
    let server = server();
    let (ok, said) = sipp(&server, &["-sn", "uac", "-m", "1", "-s", "+551140039999"]);
    assert!(!ok && said.contains("404"), "{said}");
}
