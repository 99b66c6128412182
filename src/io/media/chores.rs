//! What is looked after once a second: reports to the far side, silences, recordings that nobody speaks into.

use std::time::Instant;

use crate::io::media::clock::NtpClock;
use crate::io::media::leg::Bridge;
use crate::io::media::leg::Leg;
use crate::io::media::leg::Way;
use crate::io::media::legs::Place;
use crate::io::media::session::REPORT_EVERY;
use crate::io::media::thread::Worker;
use crate::io::media::vigil::Finding;
use crate::media::codec::CodecKind;
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
        let missing = (session.stream.codec == CodecKind::Opus).then(|| session.far.missing_percent());
        if now >= session.next_report {
            session.next_report = now + REPORT_EVERY;
            send_report(leg, &self.clock, now);
        }
        let ended = leg.recorder.as_mut().and_then(|recorder| recorder.check(now));
        let long_enough = leg.scribe.as_mut().and_then(|scribe| scribe.check(now));
        self.keep_vigil(place, now);
        if let Some(percent) = missing {
            self.expect_loss(place, percent);
        }
        if let Some(ended) = ended {
            self.end_recording(place, ended);
        }
        if let Some(ended) = long_enough {
            self.end_scribe(place, ended, now);
        }
    }

    /// What is encoded for this leg's far side, in its room or on the partner's side of its bridge, is made for such losses.
    fn expect_loss(&mut self, place: Place, percent: u8) {
        if let Some(seat) = self.legs.at(place).and_then(|leg| leg.seat.as_mut()) {
            seat.expect_loss(percent);
        }
        let partner = self.partner(place).and_then(|partner| self.legs.at(partner));
        if let Some(Bridge { way: Way::Transcode(transcoder), .. }) = partner.and_then(|leg| leg.bridge.as_mut()) {
            transcoder.expect_loss(percent);
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
