//! URIs, addresses, Vias and hosts: what is read is written so that it reads the same.

#![no_main]

use desvio_fuzz::sip::host::Host;
use desvio_fuzz::sip::name_addr::NameAddr;
use desvio_fuzz::sip::uri::Uri;
use desvio_fuzz::sip::via::Via;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // No value of a header holds a line end: the reader has unfolded it, and the writer makes blanks of them.
    if data.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        return;
    }
    if let Ok(address) = NameAddr::parse(data) {
        assert_eq!(NameAddr::parse(address.to_string().as_bytes()).as_ref(), Ok(&address));
    }
    if let Ok(via) = Via::parse(data) {
        assert_eq!(Via::parse(via.to_string().as_bytes()).as_ref(), Ok(&via));
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = Host::parse(text);
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(Uri::parse(&uri.to_string()).as_ref(), Ok(&uri));
        assert!(uri.is_same(&uri));
        let _ = (uri.user_text(), uri.host_text(), uri.header("Replaces"));
    }
});
