//! Bodies: the first line is the Content-Type, the rest the body in which an SDP is looked for.

#![no_main]

use bytes::Bytes;
use desvio_fuzz::sip::content;
use desvio_fuzz::sip::content::SDP;
use desvio_fuzz::sip::headers::Headers;
use desvio_fuzz::sip::headers::Name;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (content_type, body) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let mut headers = Headers::new();
    headers.push(Name::ContentType, Bytes::copy_from_slice(content_type));
    let body = Bytes::copy_from_slice(body);
    if let Ok(Some(sdp)) = content::find(&headers, &body, SDP, 3) {
        assert!(sdp.len() <= body.len());
    }
});
