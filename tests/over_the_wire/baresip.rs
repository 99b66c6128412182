//! baresip as a phone: a tone is its microphone, what it hears goes to a file.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use crate::server::folder;
use crate::server::lines_of;
use crate::server::newest;
use crate::softphone::Answers;
use crate::softphone::Media;
use crate::softphone::PATIENCE;
use crate::softphone::Softphone;
use crate::softphone::Wish;
use crate::softphone::free_port;
use crate::sound;

pub(crate) struct Baresip {
    child: Child,
    folder: PathBuf,
    lines: mpsc::Receiver<String>,
    said: Vec<String>,
    pub(crate) address: SocketAddr,
}

const MODULES: [&str; 12] = [
    "stdio",
    "g711",
    "srtp",
    "dtls_srtp",
    "aufile",
    "aubridge",
    "sndfile",
    "uuid",
    "account",
    "contact",
    "menu",
    "debug_cmd",
];

impl Baresip {
    pub(crate) fn start(wish: &Wish) -> Self {
        let folder = folder(wish.user);
        let port = free_port(wish.ip);
        sound::write_tone(&folder.join("tone.wav"), wish.tone, 120);
        std::fs::write(folder.join("config"), config(&folder, wish, port)).expect("a configuration");
        std::fs::write(folder.join("accounts"), account(wish)).expect("an account");
        std::fs::write(folder.join("contacts"), "\"Ana\" <sip:200@desvio.test>\n").expect("a contact");
        let mut child = Command::new("stdbuf")
            .args(["-oL", "baresip"])
            .arg("-f")
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("baresip is installed: tests/all installs it");
        let lines = lines_of(child.stdout.take().expect("its output"));
        let address = format!("{}:{port}", wish.ip).parse().expect("an address");
        let mut phone = Self { child, folder, lines, said: Vec::new(), address };
        match wish.password {
            Some(_) => phone.wait_for("200 OK"),
            None => phone.wait_for("baresip is ready"),
        }
        phone
    }

    /// A line with these words, from the start on.
    pub(crate) fn wait_for(&mut self, words: &str) {
        self.wait_for_any(&[words]);
    }

    fn wait_for_any(&mut self, words: &[&str]) {
        let until = Instant::now() + PATIENCE;
        while !self.said.iter().any(|line| words.iter().any(|words| line.contains(words))) {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(line),
                Err(_) => panic!("baresip never said {words:?}:\n{}", self.said.join("\n")),
            }
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.child.stdin.as_mut().expect("its input").write_all(keys.as_bytes()).expect("it reads");
    }

    /// Holds the key for as long as a finger does; baresip sends the RFC 4733 event meanwhile.
    pub(crate) fn presses(&mut self, key: char) {
        self.types(&key.to_string());
        self.listens_for(Duration::from_millis(300));
        self.types("\x04");
    }

    pub(crate) fn dials(&mut self, uri: &str) {
        self.types(&format!("/dial {uri}\n"));
    }

    /// Sound takes its time: goes on reading what the phone says for so many seconds.
    pub(crate) fn listens_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.said.push(line);
        }
    }

    pub(crate) fn hangs_up(&mut self) {
        self.types("b");
    }

    /// Ends the phone; the file is complete only then.
    pub(crate) fn recording(mut self) -> PathBuf {
        self.types("q");
        let _ = self.child.wait();
        newest(&self.folder, "-dec.wav")
            .unwrap_or_else(|| panic!("{} heard nothing:\n{}", self.folder.display(), self.said.join("\n")))
    }
}

impl Softphone for Baresip {
    fn dials(&mut self, number: &str) {
        Baresip::dials(self, &format!("sip:{number}@desvio.test"));
    }

    fn rings(&mut self) {
        self.wait_for("Incoming call from");
    }

    fn picks_up(&mut self) {
        self.types("/accept\n");
    }

    fn declines(&mut self) {
        self.types("b");
    }

    fn talks(&mut self) {
        self.wait_for("Call established");
    }

    fn holds(&mut self) {
        self.types("x");
    }

    fn resumes(&mut self) {
        self.types("X");
    }

    fn presses(&mut self, digits: &str) {
        for digit in digits.chars() {
            Baresip::presses(self, digit);
        }
    }

    fn writes(&mut self, number: &str, text: &str) {
        assert_eq!(number, "200", "the only contact");
        self.types(&format!(">/message {text}\n"));
    }

    /// baresip 1.0 shows a text only on a terminal; here it is heard: the sound of a new message.
    fn reads(&mut self, _text: &str) {
        self.wait_for("alert");
    }

    fn transfers_to(&mut self, number: &str) {
        self.types(&format!("/transfer sip:{number}@desvio.test\n"));
    }

    fn hangs_up(&mut self) {
        Baresip::hangs_up(self);
    }

    fn is_released(&mut self) {
        // The second: it ended the call itself, as after a transfer.
        self.wait_for_any(&["closed", "terminated (duration"]);
    }

    fn recording(self: Box<Self>) -> PathBuf {
        Baresip::recording(*self)
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &std::path::Path, wish: &Wish, port: u16) -> String {
    let folder = folder.display();
    let mut text = format!(
        "poll_method epoll\ncall_max_calls 4\nsip_listen {ip}:{port}\naudio_source aufile,{folder}/tone.wav\n\
         audio_player aubridge,null{port}\naudio_alert aubridge,alert{port}\nausrc_srate 8000\nauplay_srate 8000\n\
         ausrc_channels 1\nauplay_channels 1\nsnd_path {folder}\nrtp_ports 30000-39998\nrtcp_mux {rtcp_mux}\nnet_interface {ip}\n",
        ip = wish.ip,
        rtcp_mux = if wish.media == Media::DtlsOnOnePort { "yes" } else { "no" },
    );
    for module in MODULES {
        let kind = match module {
            "account" | "uuid" => "module_tmp",
            "menu" | "contact" | "debug_cmd" => "module_app",
            _ => "module",
        };
        text += &format!("{kind} {module}.so\n");
    }
    text + "module_path /usr/lib/baresip/modules\n"
}

fn account(wish: &Wish) -> String {
    let Wish { user, server, .. } = wish;
    let transport = wish.transport.name();
    let answers = if wish.answers == Answers::AtOnce { "auto" } else { "manual" };
    let media = match wish.media {
        Media::Plain => "",
        Media::Sdes => ";mediaenc=srtp-mand",
        Media::Dtls | Media::DtlsOnOnePort => ";mediaenc=dtls_srtp",
    };
    match wish.password {
        Some(password) => format!(
            "<sip:{user}@desvio.test>;auth_user={user};auth_pass={password};outbound=\"sip:{server};transport={transport}\";regint=300;answermode={answers};audio_codecs=pcma,pcmu{media}\n"
        ),
        None => {
            format!("<sip:{user}@{server}>;regint=0;answermode={answers};audio_codecs=pcma,pcmu\n")
        }
    }
}
