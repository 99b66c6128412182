//! linphonec as a phone: files are its sound card, lines its keyboard and screen.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use crate::server::folder;
use crate::server::lines_of;
use crate::softphone::Answers;
use crate::softphone::Media;
use crate::softphone::PATIENCE;
use crate::softphone::Sayings;
use crate::softphone::Softphone;
use crate::softphone::Transport;
use crate::softphone::Wish;
use crate::softphone::free_port;
use crate::sound;

pub(crate) struct Linphone {
    child: Child,
    said: Sayings,
    recording: PathBuf,
}

impl Linphone {
    pub(crate) fn start(wish: &Wish) -> Self {
        let folder = folder(wish.user);
        let (microphone, recording) = (folder.join("tone.wav"), folder.join("heard.wav"));
        sound::write_tone(&microphone, wish.tone, 120);
        std::fs::write(folder.join("rc"), config(wish)).expect("a configuration");
        let mut phone = Self::spawn(&folder, wish, recording.clone());
        phone.types("soundcard use files");
        phone.types(&format!("play {}", microphone.display()));
        phone.types(&format!("record {}", recording.display()));
        phone.is_registered();
        phone
    }

    fn spawn(folder: &Path, wish: &Wish, recording: PathBuf) -> Self {
        for place in [".local/share/linphone", ".config/linphone"] {
            std::fs::create_dir_all(folder.join(place)).expect("a folder");
        }
        let answers: &[&str] = if wish.answers == Answers::AtOnce { &["-a"] } else { &[] };
        let mut child = Command::new("stdbuf")
            .args(["-oL", "linphonec", "-c"])
            .arg(folder.join("rc"))
            .args(["-d", "0"])
            .args(answers)
            .env("HOME", folder)
            .env("XDG_DATA_HOME", folder.join(".local/share"))
            .env("XDG_CONFIG_HOME", folder.join(".config"))
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("linphonec is installed: tests/all installs it");
        let said = Sayings::new(lines_of(child.stdout.take().expect("its output")));
        Self { child, said, recording }
    }

    /// It tells only who asks.
    fn is_registered(&mut self) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            self.types("status register");
            let soon = Instant::now() + Duration::from_millis(300);
            let registered = |line: &str| line.contains("registered, identity").then_some(());
            if self.said.wait_until(soon, &registered).is_some() {
                return;
            }
        }
        panic!("linphonec did not register:\n{}", self.said.whole());
    }

    pub(crate) fn types(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().expect("its input"), "{line}").expect("it reads");
    }
}

impl Softphone for Linphone {
    fn dials(&mut self, number: &str) {
        self.types(&format!("call sip:{number}@desvio.test"));
    }

    fn rings(&mut self) {
        self.said.wait_for("Receiving new incoming call");
    }

    fn picks_up(&mut self) {
        self.types("answer");
    }

    fn declines(&mut self) {
        self.types("terminate");
    }

    fn talks(&mut self) {
        self.said.wait_for("Media streams established");
    }

    fn holds(&mut self) {
        self.types("pause");
        self.said.wait_for("is now paused");
    }

    fn resumes(&mut self) {
        self.types("resume");
        self.said.wait_for("Media streams established");
    }

    fn presses(&mut self, digits: &str) {
        self.types(digits);
    }

    fn writes(&mut self, number: &str, text: &str) {
        self.types(&format!("chat sip:{number}@desvio.test {text}"));
    }

    fn reads(&mut self, text: &str) {
        self.said.wait_for(&format!(": {text}"));
    }

    fn transfers_to(&mut self, number: &str) {
        self.types(&format!("transfer sip:{number}@desvio.test"));
    }

    fn hangs_up(&mut self) {
        self.types("terminate");
    }

    fn is_released(&mut self) {
        self.said.wait("ended", |line| (line.contains(" ended (") || line.contains(" error.")).then_some(()));
    }

    fn recording(mut self: Box<Self>) -> PathBuf {
        self.types("quit");
        let _ = self.child.wait();
        self.recording.clone()
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- linphonec said:\n{}", self.said.whole());
        }
    }
}

/// 0 turns a transport off.
fn config(wish: &Wish) -> String {
    let Wish { user, server, ip, .. } = wish;
    let transport = wish.transport.name();
    let port = free_port(ip);
    // `mandatory`: it takes no call without.
    let (encryption, mandatory) = match wish.media {
        Media::Plain => ("none", 0),
        Media::Sdes => ("srtp", 1),
        Media::Dtls | Media::DtlsOnOnePort => ("dtls", 1),
    };
    let rtcp_mux = u8::from(wish.media == Media::DtlsOnOnePort);
    let port_if = |wanted: Transport| if wish.transport == wanted { port } else { 0 };
    format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port={tls}\ndefault_proxy=0\nbind_address={ip}\n\
         media_encryption={encryption}\nmedia_encryption_mandatory={mandatory}\nverify_server_certs=0\nverify_server_cn=0\n[rtp]\naudio_rtp_port=-1\nrtcp_mux={rtcp_mux}\n\
         [video]\nautomatically_initiate=0\nautomatically_accept=0\n\
         [proxy_0]\nreg_proxy=<sip:{server};transport={transport}>\nreg_route=<sip:{server};transport={transport};lr>\n\
         reg_identity=<sip:{user}@desvio.test>\nreg_expires=300\nreg_sendregister=1\npublish=0\n\
         [auth_info_0]\nusername={user}\nuserid={user}\npasswd={password}\n",
        udp = port_if(Transport::Udp),
        tcp = port_if(Transport::Tcp),
        tls = port_if(Transport::Tls),
        password = wish.password.unwrap_or_default(),
    )
}
