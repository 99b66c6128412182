//! RTCP and its extended reports: nothing that a far side writes makes us fall over, or believe in an endless way.

#![no_main]

use std::time::Duration;
use std::time::Instant;

use desvio_fuzz::media::far::Far;
use desvio_fuzz::media::rtcp;
use desvio_fuzz::media::rtcp_xr;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for report in rtcp::read(data) {
        let mut out = [0; rtcp::MAX_LEN];
        let length = rtcp::write(report.ssrc, report.sender, report.block, "fuzz", &mut out);
        assert_eq!(rtcp::read(&out[..length]).next(), Some(report));
    }
    rtcp_xr::read(data).for_each(drop);
    let (mut far, now) = (Far::default(), Instant::now());
    let ssrc = data.get(8..12).map_or(0, |four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
    far.on_control(data, ssrc, 0x1234_5678_9abc_def0, now);
    assert!(far.round_trip().is_none_or(|trip| trip <= Duration::from_secs(10)));
    let mut out = [0; rtcp_xr::MAX_LEN];
    let length = rtcp_xr::append(1, Some(2), far.answer(now), &mut out, 0);
    assert!(length <= out.len());
});
