//! Datagrams: whatever comes is read or refused, and what was read is written so that it reads the same.

#![no_main]

use bytes::Bytes;
use desvio_fuzz::touch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| touch(Bytes::copy_from_slice(data)));
