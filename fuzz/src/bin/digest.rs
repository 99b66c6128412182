//! Digest authentication, both roles: the Authorization of a peer, and the challenge of a server elsewhere. Nothing that is
//! made up is granted.

#![no_main]

use std::time::Instant;

use bytes::Bytes;
use desvio_fuzz::sip::digest::Credentials;
use desvio_fuzz::sip::digest::Guard;
use desvio_fuzz::sip::digest::Secret;
use desvio_fuzz::sip::digest::Verdict;
use desvio_fuzz::sip::headers::Name;
use desvio_fuzz::sip::message::Request;
use desvio_fuzz::sip::method::Method;
use desvio_fuzz::sip::uri::Uri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let secret = Secret::Password("segredo".to_owned());
    let mut request = Request::new(Method::Register, Uri::sip(None, "desvio.local", None));
    request.headers.push(Name::Authorization, Bytes::copy_from_slice(data));
    let mut guard = Guard::new("desvio.local", [7; 32]);
    guard.admit("200", &secret);
    let _ = guard.claimed_username(&request, &Name::Authorization);
    let verdict = guard.verify(&request, &Name::Authorization, Instant::now());
    assert!(!matches!(verdict, Verdict::Granted { .. }));

    let mut refused = request.reply(401);
    refused.headers.push(Name::WwwAuthenticate, Bytes::copy_from_slice(data));
    let credentials = Credentials { username: "200".to_owned(), secret };
    let _ = credentials.answers(&refused, &request, &mut fastrand::Rng::with_seed(1));
});
