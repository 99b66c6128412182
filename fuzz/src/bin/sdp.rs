//! Session descriptions: what is read is written so that it reads the same.

#![no_main]

use desvio_fuzz::media::sdp::Session;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(session) = Session::read(data) {
        let again = Session::read(&session.write()).expect("what we write we read");
        assert_eq!(again.write(), session.write());
    }
});
