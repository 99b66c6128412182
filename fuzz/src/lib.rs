//! What the targets in `bin` share: the rooms that read what peers send, built from the same files as the server, without
//! the rest of it, so that this is built in a minute.

#[path = "../../src/dialplan/mod.rs"]
pub mod dialplan;
pub mod media;
#[path = "../../src/number/mod.rs"]
pub mod number;
#[path = "../../src/outage/mod.rs"]
pub mod outage;
#[path = "../../src/sip/mod.rs"]
pub mod sip;

use bytes::Bytes;

use crate::sip::limits::Limits;
use crate::sip::message::Message;

/// Asks for everything that can be asked of a message, and reads again what it is written as.
pub fn touch(bytes: Bytes) {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => return readable(error.reply().map(|reply| reply.write())),
    };
    if let Err(error) = message.validate() {
        readable(error.reply().map(|reply| reply.write()));
    }
    let headers = message.headers();
    let _ = (headers.vias(), headers.contacts(), headers.routes(), headers.record_routes(), headers.cseq());
    let _ = (headers.from_header(), headers.to_header(), headers.call_id().map(str::len), headers.asserted_identity());
    let _ = (headers.branch().map(str::len), headers.expires(), headers.max_forwards(), headers.content_type());
    if let Message::Request(request) = &message {
        let _ = (request.session_description(), request.text());
        readable(Some(request.reply(200).write()));
    }
    let again = Message::parse(message.write()).expect("what we write we read");
    assert_eq!(again, message);
}

/// Reads what we wrote: an answer has all the Vias of its request, however many those are.
pub fn read_back(written: Bytes) {
    let limits = Limits { vias: usize::MAX, ..Limits::default() };
    Message::parse_within(written, &limits).expect("what we send can be read");
}

fn readable(answer: Option<Bytes>) {
    if let Some(answer) = answer {
        read_back(answer);
    }
}
