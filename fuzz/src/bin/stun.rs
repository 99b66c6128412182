//! STUN on a port of media and on that of SIP, and a client's first message of DTLS: what is read is written so that it reads
//! the same, and only who knows the password proves it.

#![no_main]

use desvio_fuzz::media;
use desvio_fuzz::media::stun;
use desvio_fuzz::media::stun::Message;
use desvio_fuzz::media::stun::Writer;
use desvio_fuzz::sip::stun as keep_alive;
use libfuzzer_sys::fuzz_target;

const PASSWORD: &str = "password";

fuzz_target!(|data: &[u8]| {
    if let Some(message) = stun::read(data) {
        let _ = message.is_proven(PASSWORD);
        let written = written(&message);
        let again = stun::read(&written).expect("what we write we read");
        assert_eq!(facts(&again), facts(&message));
        assert!(again.is_proven(PASSWORD) && !again.is_proven("guess"));
    }
    media::srtp_profiles(data);
    let source = "192.0.2.1:5060".parse().expect("an address");
    if let Some(answer) = keep_alive::answer(data, source) {
        assert_eq!(keep_alive::Datagram::kind(data), keep_alive::Datagram::Stun);
        let answer = stun::read(&answer).expect("what we answer can be read");
        assert!(answer.mapped == Some(source) || answer.error == Some(420));
    }
});

fn written(message: &Message<'_>) -> Vec<u8> {
    let mut writer = Writer::new(message.class, message.transaction);
    if let Some(name) = message.username {
        writer = writer.username(name);
    }
    if let Some(priority) = message.priority {
        writer = writer.priority(priority);
    }
    if let Some(claim) = message.claim {
        writer = writer.claim(claim);
    }
    if message.nominates {
        writer = writer.nominate();
    }
    if let Some(address) = message.mapped {
        writer = writer.mapped(address);
    }
    writer.finish(PASSWORD)
}

fn facts(message: &Message<'_>) -> impl PartialEq + std::fmt::Debug {
    let mapped = message.mapped.map(|address| (address.ip().to_canonical(), address.port()));
    let name = message.username.map(str::to_owned);
    (message.class, message.transaction, name, message.priority, message.claim, message.nominates, mapped)
}
