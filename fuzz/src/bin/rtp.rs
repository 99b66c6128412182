//! RTP: what is read is written so that it reads the same, and whatever comes is put on one line that never breaks.

#![no_main]

use std::time::Duration;
use std::time::Instant;

use desvio_fuzz::media::rtp;
use desvio_fuzz::media::rtp::Passage;
use desvio_fuzz::media::rtp::Restamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(packet) = rtp::read(data) {
        let mut fixed = [0; rtp::HEADER_LEN];
        packet.header.write(&mut fixed);
        let written = [&fixed[..], packet.payload].concat();
        assert_eq!(rtp::read(&written), Some(packet));
    }
    // A stream of packets, each with its length before it.
    let (mut line, start) = (Restamp::new(7, 65_530, u32::MAX - 500, 8_000), Instant::now());
    let (mut rest, mut turn) = (data, 0);
    while let Some((length, more)) = rest.split_first() {
        let (packet, after) = more.split_at(usize::from(*length).min(more.len()));
        rest = after;
        turn += 1;
        let mut datagram = packet.to_vec();
        let (ticks_of, now) =
            (|payload: &[u8]| u32::try_from(payload.len()).ok(), start + Duration::from_millis(turn * 20));
        if line.relay(&mut datagram, 0, ticks_of, now) == Passage::Send {
            let sent = rtp::read(&datagram).expect("what we relay can be read");
            assert_eq!((sent.header.ssrc, sent.header.payload_type), (7, 0));
        }
    }
});
