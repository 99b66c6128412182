//! Looks after legs whose keys or whose path are being agreed on.

use std::time::Instant;

use crate::io::media::leg::Leg;
use crate::io::media::legs::Place;
use crate::io::media::thread::Worker;
use crate::io::media::transport::News;
use crate::io::media::transport::Port;
use crate::io::media::transport::Transmit;
use crate::media::command::Event;
use crate::media::command::LegId;

impl Worker {
    /// Sends what handshakes and checks have to say, and tells the switch how they ended.
    pub(super) fn attend(&mut self, place: Place, now: Instant) {
        let Some(leg) = self.legs.at(place).filter(|leg| leg.transport.is_some()) else {
            return;
        };
        attend(leg, now);
        let (id, wants) = (leg.id, leg.wants());
        if wants != (leg.watched, leg.slot.is_some()) {
            self.unsettled.push(place);
        }
        self.tell(place, id, now);
    }

    /// What handshakes have come to.
    fn tell(&mut self, place: Place, id: LegId, now: Instant) {
        while let Some(news) = self.legs.at(place).and_then(|leg| leg.transport.as_mut()?.poll_news()) {
            let session = self.legs.at(place).and_then(|leg| leg.session.as_mut());
            match news {
                News::Secured { port: Port::Rtp, suite, with } => {
                    session.into_iter().for_each(|session| session.source.on_handshake(with, now));
                    self.report(Event::Secured { leg: id, suite });
                }
                News::Secured { port: Port::Rtcp, with, .. } => {
                    session.into_iter().for_each(|session| session.on_control_handshake(with));
                }
                News::Failed(why) | News::Unfinished { port: Port::Rtp, why } => {
                    self.report(Event::NotSecured { leg: id, why });
                }
                News::Unfinished { port: Port::Rtcp, why } => self.report(Event::NoReports { leg: id, why }),
            }
        }
    }

    /// The same for a leg that needs it every turn.
    pub(super) fn attend_busy(&mut self, place: Place, now: Instant) {
        if self.legs.at(place).is_some_and(|leg| leg.is_busy()) {
            self.attend(place, now);
        }
    }
}

fn attend(leg: &mut Leg, now: Instant) {
    let (Some(transport), Some(session)) = (&mut leg.transport, &mut leg.session) else {
        return;
    };
    transport.handle_timeout(session.source.destination(), session.control_destination(), now);
    session.source.set_path(transport.path());
    let transmits: Vec<Transmit> = std::iter::from_fn(|| transport.poll_transmit()).collect();
    transmits.iter().for_each(|transmit| leg.send_as_is(transmit));
}
