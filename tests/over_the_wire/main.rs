//! The story over real sockets: our server, baresip as softphone and customer, sipp as carrier, sound checked by its content.
//!
//! `cargo test` passes without any of these programs; `tests/all` installs them and runs this with `--ignored`.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "here, and only here, tests meet the real world"
)]

mod back_to_back;
mod bad_line;
mod bad_lines;
mod baresip;
mod browser;
mod browser_talks;
mod carrier;
#[path = "../torture/cases.rs"]
mod cases;
mod chromium;
mod conferences;
mod customer;
mod encrypted;
mod http;
mod kills;
mod lamps;
mod linphone;
mod names;
mod outages;
mod peers;
mod pjsua;
mod placed;
mod probes;
mod recordings;
mod reload;
mod scripted;
mod scripts;
mod secure;
mod server;
mod sessions;
mod sipp;
mod softphone;
mod softphones;
mod sound;
mod texts;
mod torture;
mod transfers;
mod webhooks;
