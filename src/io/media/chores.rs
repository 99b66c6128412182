//! What is looked after once a second: reports to the far side, silences, recordings that nobody speaks into.

use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::io::media::leg::Leg;
use crate::io::media::legs::Place;
use crate::io::media::session::REPORT_EVERY;
use crate::io::media::thread::Worker;
use crate::media::command::Event;
use crate::media::rtcp;
use crate::media::rtcp::SenderInfo;

impl Worker {
    pub(super) fn look_after(&mut self, place: Place, now: Instant) {
        let quiet_after = self.links.quiet_after;
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let Some(session) = &mut leg.session else {
            return;
        };
        let quiet = session.fell_quiet(quiet_after, now);
        if now >= session.next_report {
            session.next_report = now + REPORT_EVERY;
            send_report(leg, now);
        }
        let ended = leg.recorder.as_mut().and_then(|recorder| recorder.check(now));
        let leg = leg.id;
        if let Some(since) = quiet {
            self.report(Event::Quiet { leg, since });
        }
        if let Some(ended) = ended {
            self.end_recording(place, ended);
        }
    }
}

/// A sender report while we send, else a receiver report (RFC 3550 §6.4).
fn send_report(leg: &mut Leg, now: Instant) {
    let (packets, octets) = (leg.sent, leg.octets);
    let Some(session) = &mut leg.session else {
        return;
    };
    let sender = (packets > 0).then(|| SenderInfo {
        ntp: ntp_now(),
        timestamp: session.restamp.timestamp_at(now),
        // Both count modulo 2^32.
        packets: packets as u32,
        octets: octets as u32,
    });
    let block = session.block(now);
    let mut datagram = [0; rtcp::MAX_LEN];
    let length = rtcp::write(session.restamp.ssrc(), sender, block, &session.cname, &mut datagram);
    leg.send_control(&datagram[..length]);
}

/// Seconds from 1900 to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

fn ntp_now() -> u64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(passed.subsec_nanos()) << 32) / 1_000_000_000;
    (passed.as_secs() + NTP_TO_UNIX) << 32 | fraction
}
