//! What is looked after once a second: reports to the far side, silences, recordings that nobody speaks into.

use std::time::Instant;

use crate::io::media::clock::NtpClock;
use crate::io::media::leg::Leg;
use crate::io::media::legs::Place;
use crate::io::media::session::REPORT_EVERY;
use crate::io::media::thread::Worker;
use crate::io::media::vigil::Finding;
use crate::media::command::Event;
use crate::media::command::LegId;
use crate::media::far;
use crate::media::rtcp;
use crate::media::rtcp::SenderInfo;
use crate::media::rtcp_xr;

impl Worker {
    pub(super) fn look_after(&mut self, place: Place, now: Instant) {
        self.attend(place, now);
        let Some(leg) = self.legs.at(place) else {
            return;
        };
        let Some(session) = &mut leg.session else {
            return;
        };
        session.source.watch_allowance(now);
        if now >= session.next_report {
            session.next_report = now + REPORT_EVERY;
            send_report(leg, &self.clock, now);
        }
        let ended = leg.recorder.as_mut().and_then(|recorder| recorder.check(now));
        let long_enough = leg.scribe.as_mut().and_then(|scribe| scribe.check(now));
        self.keep_vigil(place, now);
        if let Some(ended) = ended {
            self.end_recording(place, ended);
        }
        if let Some(ended) = long_enough {
            self.end_scribe(place, ended, now);
        }
    }

    fn keep_vigil(&mut self, place: Place, now: Instant) {
        let patience = self.links.patience;
        loop {
            let Some(leg) = self.legs.at(place) else { return };
            let id = leg.id;
            let Some(session) = &mut leg.session else { return };
            let (direction, reported) = (session.stream.direction, session.far.heard());
            let Some(finding) = session.vigil.find(direction, reported, patience, now) else {
                return;
            };
            if let Finding::Quiet { silence, .. } = finding {
                self.links.counters.quiet[silence.index()].add(1);
            }
            self.report(event(id, finding));
        }
    }
}

fn event(leg: LegId, finding: Finding) -> Event {
    match finding {
        Finding::Quiet { since, silence } => Event::Quiet { leg, since, silence },
        Finding::HeardAgain { after } => Event::HeardAgain { leg, after },
        Finding::Lifeless { since } => Event::Lifeless { leg, since },
    }
}

/// A sender report while we send, else a receiver report (RFC 3550 §6.4); to those who send extended reports, one of those.
fn send_report(leg: &mut Leg, clock: &NtpClock, now: Instant) {
    let (packets, octets) = (leg.sent, leg.octets);
    let Some(session) = &mut leg.session else {
        return;
    };
    let ntp = clock.at(now);
    let sender = (packets > 0).then(|| SenderInfo {
        ntp,
        timestamp: session.restamp.timestamp_at(now),
        // Both count modulo 2^32.
        packets: packets as u32,
        octets: octets as u32,
    });
    let block = session.block(now);
    let ssrc = session.restamp.ssrc();
    let mut datagram = [0; rtcp::MAX_LEN];
    let mut length = rtcp::write(ssrc, sender, block, &session.cname, &mut datagram);
    if let Some(answer) = session.far.answer(now) {
        length = rtcp_xr::append(ssrc, Some(far::middle(ntp)), Some(answer), &mut datagram, length);
    }
    leg.send_control(&datagram[..length]);
}
