//! What a thread is told, and in which order it listens.
//!
//! A bridge needs both legs on one thread. Where they are not, one is handed over: the thread that will get it stops
//! reading its orders until it has come, so that everything that was said after the bridge is also done after it.
//! All threads are told in one total order, so none can wait for another in a circle.

use std::collections::VecDeque;
use std::os::fd::BorrowedFd;

use crate::io::media::inbox::Inbox;
use crate::io::media::leg::Leg;
use crate::media::codec::CodecKind;
use crate::media::command::Command;
use crate::media::command::LegId;
use crate::media::command::PlayId;

#[derive(Debug)]
pub(super) enum Order {
    /// A leg that was opened, or that another thread has handed over.
    Take(Box<Leg>),
    Obey(Command),
    /// This leg is about to come from another thread.
    Expect(LegId),
    /// Gives this leg to the thread of that number.
    HandOver {
        leg: LegId,
        to: usize,
    },
    /// The leg that was expected does not exist any more.
    Gone(LegId),
    /// The studio has encoded what this leg is to play.
    Encoded {
        leg: LegId,
        play: PlayId,
        codec: CodecKind,
    },
    Stop,
}

/// The inbox of a thread, with what must wait.
#[derive(Debug)]
pub(super) struct Post {
    inbox: Inbox<Order>,
    expected: Option<LegId>,
    waiting: VecDeque<Order>,
}

impl Post {
    pub(super) fn new(inbox: Inbox<Order>) -> Post {
        Post { inbox, expected: None, waiting: VecDeque::new() }
    }

    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.inbox.bell()
    }

    pub(super) fn answer_bell(&self) {
        self.inbox.answer_bell();
    }

    /// The next order that may be carried out.
    pub(super) fn next(&mut self) -> Option<Order> {
        loop {
            let Some(expected) = self.expected else {
                let order = self.waiting.pop_front().or_else(|| self.inbox.next())?;
                let Order::Expect(leg) = order else {
                    return Some(order);
                };
                match self.arrived(leg) {
                    Some(Order::Take(leg)) => return Some(Order::Take(leg)),
                    Some(_) => {}
                    None => self.expected = Some(leg),
                }
                continue;
            };
            match self.inbox.next()? {
                Order::Take(leg) if leg.id == expected => {
                    self.expected = None;
                    return Some(Order::Take(leg));
                }
                Order::Gone(leg) if leg == expected => self.expected = None,
                Order::Stop => return Some(Order::Stop),
                order => self.waiting.push_back(order),
            }
        }
    }

    /// A leg may have come while this thread still waited for another: then it was put aside with the rest.
    fn arrived(&mut self, expected: LegId) -> Option<Order> {
        let comes = |order: &Order| match order {
            Order::Take(leg) => leg.id == expected,
            Order::Gone(leg) => *leg == expected,
            _ => false,
        };
        let place = self.waiting.iter().position(comes)?;
        self.waiting.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::io::media::inbox::inbox;
    use crate::io::media::ports::Ports;

    #[test]
    fn orders_after_a_bridge_wait_until_the_other_leg_has_come() {
        let (mail, inbox) = inbox().unwrap();
        let mut post = Post::new(inbox);
        mail.send(Order::Expect(LegId(2)));
        mail.send(Order::Obey(Command::Bridge { a: LegId(1), b: LegId(2) }));
        assert!(post.next().is_none());
        mail.send(Order::Obey(Command::Close { leg: LegId(1) }));
        assert!(post.next().is_none());
        mail.send(Order::Gone(LegId(2)));
        assert!(matches!(post.next(), Some(Order::Obey(Command::Bridge { .. }))));
        assert!(matches!(post.next(), Some(Order::Obey(Command::Close { .. }))));
        assert!(post.next().is_none());
    }

    #[test]
    fn legs_that_come_in_another_order_than_they_were_announced_are_all_taken_in() {
        let (mail, inbox) = inbox().unwrap();
        let mut post = Post::new(inbox);
        mail.send(Order::Expect(LegId(1)));
        mail.send(Order::Obey(Command::Leave { leg: LegId(1) }));
        mail.send(Order::Expect(LegId(2)));
        mail.send(Order::Obey(Command::Leave { leg: LegId(2) }));
        // A thread with less to do is quicker.
        let pair = Ports::new((20_000, 59_999), &mut fastrand::Rng::new()).open(Ipv4Addr::LOCALHOST.into()).unwrap();
        mail.send(Order::Take(Box::new(Leg::new(LegId(2), pair))));
        assert!(post.next().is_none());
        mail.send(Order::Gone(LegId(1)));
        let done: Vec<Order> = std::iter::from_fn(|| post.next()).collect();
        assert!(matches!(
            done[..],
            [
                Order::Obey(Command::Leave { leg: LegId(1) }),
                Order::Take(_),
                Order::Obey(Command::Leave { leg: LegId(2) })
            ]
        ));
    }
}
