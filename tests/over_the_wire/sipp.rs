//! sipp as whoever the other side may be: what it hears and says is written down message by message.
//!
//! A script that does not go as written fails, also when the server says something that was not expected.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::server::folder;
use crate::softphone::PATIENCE;
use crate::softphone::free_port;

/// What the far side does, in this order.
#[derive(Default)]
pub(crate) struct Script {
    steps: String,
}

const SDP: &str = "v=0\no=peer 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\nm=audio [media_port] RTP/AVP 8 0\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000";

/// The message carries a session description.
pub(crate) const WITH_SDP: &str = SDP;
pub(crate) const EMPTY: &str = "";

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn hears(mut self, method: &str) -> Self {
        self.steps += &format!("<recv request=\"{method}\"/>\n");
        self
    }

    /// A request in which this regular expression must be found.
    pub(crate) fn hears_with(mut self, method: &str, pattern: &str) -> Self {
        self.steps += &format!(
            "<recv request=\"{method}\"><action><ereg regexp=\"{pattern}\" search_in=\"msg\" check_it=\"true\" \
             assign_to=\"seen\"/></action></recv>\n<Reference variables=\"seen\"/>\n"
        );
        self
    }

    /// The INVITE, whose Via and `CSeq` are kept for answers that come after other requests.
    pub(crate) fn hears_invite(mut self) -> Self {
        self.steps += "<recv request=\"INVITE\"><action>\
             <ereg regexp=\".*\" search_in=\"hdr\" header=\"Via:\" assign_to=\"via\"/>\
             <ereg regexp=\".*\" search_in=\"hdr\" header=\"CSeq:\" assign_to=\"cseq\"/>\
             <ereg regexp=\"&lt;(sip:[^&gt;]*)&gt;\" search_in=\"hdr\" header=\"Contact:\" assign_to=\"whole,contact\"/>\
             <ereg regexp=\".*\" search_in=\"hdr\" header=\"From:\" assign_to=\"from\"/>\
             <ereg regexp=\".*\" search_in=\"hdr\" header=\"To:\" assign_to=\"to\"/>\
             </action></recv>\n<Reference variables=\"via,cseq,whole,contact,from,to\"/>\n";
        self
    }

    /// A final response; provisional ones may come before.
    pub(crate) fn gets(mut self, status: u16) -> Self {
        for early in [100, 180, 183] {
            self.steps += &format!("<recv response=\"{early}\" optional=\"true\"/>\n");
        }
        self.steps += &format!("<recv response=\"{status}\" rrs=\"true\"/>\n");
        self
    }

    /// Answers the last request, in the dialog that `tag` names; a request within a dialog has its tag already.
    pub(crate) fn answers(self, status: &str, tag: &str, more: &str, body: &str) -> Self {
        let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let head = format!(
            "SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n\
             Contact: <sip:carrier@[local_ip]:[local_port]>\n{more}"
        );
        self.says(&head, body)
    }

    /// Answers the INVITE of [`Self::hears_invite`], whatever came since.
    pub(crate) fn answers_invite(self, status: &str, tag: &str, more: &str, body: &str) -> Self {
        let head = format!(
            "SIP/2.0 {status}\nVia: [$via]\nFrom: [$from]\nTo: [$to];tag={tag}\n[last_Call-ID:]\nCSeq: [$cseq]\n\
             Contact: <sip:carrier@[local_ip]:[local_port]>\n{more}"
        );
        self.says(&head, body)
    }

    /// A message as it stands, but for the length and what sipp fills in.
    pub(crate) fn says(mut self, head: &str, body: &str) -> Self {
        let kind = if body == SDP { "Content-Type: application/sdp\n" } else { "" };
        let head = head.trim_end();
        self.steps += &format!("<send><![CDATA[\n{head}\n{kind}Content-Length: [len]\n\n{body}\n]]></send>\n");
        self
    }

    pub(crate) fn waits(mut self, milliseconds: u32) -> Self {
        self.steps += &format!("<pause milliseconds=\"{milliseconds}\"/>\n");
        self
    }
}

pub(crate) struct Sipp {
    child: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
}

impl Sipp {
    /// Waits for one call.
    pub(crate) fn is_called(ip: &str, script: &Script) -> Self {
        let address = SocketAddr::new(ip.parse().expect("an address"), free_port(ip));
        let peer = Self::start(address, script, &[]);
        let until = Instant::now() + PATIENCE;
        while !listens(address.port()) {
            assert!(Instant::now() < until, "sipp does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        peer
    }

    /// Calls this number once.
    pub(crate) fn calls(ip: &str, server: SocketAddr, number: &str, script: &Script) -> Self {
        let address = SocketAddr::new(ip.parse().expect("an address"), free_port(ip));
        Self::start(address, script, &["-s", number, &server.to_string()])
    }

    fn start(address: SocketAddr, script: &Script, more: &[&str]) -> Self {
        let folder = folder("sipp");
        let text = format!("<?xml version=\"1.0\"?>\n<scenario name=\"peer\">\n{}</scenario>\n", script.steps);
        std::fs::write(folder.join("script.xml"), text).expect("a script");
        let child = Command::new("sipp")
            .args(["-sf", "script.xml", "-m", "1", "-nostdin", "-timeout", "30s", "-timeout_error"])
            .args(["-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors"])
            .args(["-i", &address.ip().to_string(), "-p", &address.port().to_string()])
            .args(more)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sipp is installed: tests/all installs it");
        Self { child, folder, address }
    }

    /// Waits for the end of the script; it must have gone as written.
    pub(crate) fn went_as_written(mut self) {
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "sipp: {status}\n{}", self.saw());
    }

    fn saw(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        format!("{}\n{}", read("errors"), read("messages"))
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether somebody has this UDP port: trying to take it would be in sipp's way.
fn listens(port: u16) -> bool {
    let open = std::fs::read_to_string("/proc/net/udp").expect("Linux");
    open.lines()
        .any(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&format!(":{port:04X}"))))
}
