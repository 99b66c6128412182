//! Looks after legs whose keys or whose path are being agreed on.

use std::time::Instant;

use crate::io::media::leg::Leg;
use crate::io::media::legs::Place;
use crate::io::media::thread::Worker;
use crate::io::media::transport::News;
use crate::io::media::transport::Transmit;
use crate::media::command::Event;

impl Worker {
    /// Sends what handshakes and checks have to say, and tells the switch how they ended.
    pub(super) fn attend(&mut self, place: Place, now: Instant) {
        let Some(leg) = self.legs.at(place).filter(|leg| leg.transport.is_some()) else {
            return;
        };
        let news = attend(leg, now);
        let (id, wants) = (leg.id, leg.wants());
        if wants != (leg.watched, leg.slot.is_some()) {
            self.unsettled.push(place);
        }
        match news {
            Some(News::Secured { .. }) => self.report(Event::Secured { leg: id }),
            Some(News::Failed(why)) => self.report(Event::NotSecured { leg: id, why }),
            None => {}
        }
    }

    /// The same for a leg that needs it every turn.
    pub(super) fn attend_busy(&mut self, place: Place, now: Instant) {
        if self.legs.at(place).is_some_and(|leg| leg.is_busy()) {
            self.attend(place, now);
        }
    }
}

fn attend(leg: &mut Leg, now: Instant) -> Option<News> {
    let (transport, session) = (leg.transport.as_mut()?, leg.session.as_mut()?);
    transport.handle_timeout(session.source.destination(), session.control_destination(), now);
    session.source.set_path(transport.path());
    let transmits: Vec<Transmit> = std::iter::from_fn(|| transport.poll_transmit()).collect();
    let news = transport.poll_news();
    if let Some(News::Secured { with }) = news {
        session.source.on_handshake(with, now);
    }
    transmits.iter().for_each(|transmit| leg.send_as_is(transmit));
    news
}
