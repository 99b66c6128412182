//! The way into a pump thread: a queue and one bell.
//!
//! The bell is an eventfd in the thread's epoll set. It is rung once for all the orders that lie in the queue: while
//! the thread has not yet looked, a further order costs no system call.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use rustix::event::EventfdFlags;
use rustix::event::eventfd;
use rustix::io::write;

/// The sending end; cheap to clone.
#[derive(Debug)]
pub(super) struct Mail<T> {
    sender: mpsc::Sender<T>,
    bell: Arc<Bell>,
}

/// The thread's end.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    receiver: mpsc::Receiver<T>,
    bell: Arc<Bell>,
}

#[derive(Debug)]
struct Bell {
    eventfd: OwnedFd,
    /// Rung, and the thread has not looked yet.
    rung: AtomicBool,
}

pub(super) fn inbox<T>() -> io::Result<(Mail<T>, Inbox<T>)> {
    let (sender, receiver) = mpsc::channel();
    let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let bell = Arc::new(Bell { eventfd, rung: AtomicBool::new(false) });
    Ok((Mail { sender, bell: bell.clone() }, Inbox { receiver, bell }))
}

impl<T> Mail<T> {
    pub(super) fn send(&self, order: T) {
        self.put(order);
        self.ring();
    }

    /// Lays an order into the queue; the thread may sleep on until [`Mail::ring`]. What is sent to a thread that has
    /// ended is lost, as the thread's legs are.
    pub(super) fn put(&self, order: T) {
        let _ = self.sender.send(order);
    }

    pub(super) fn ring(&self) {
        if !self.bell.rung.swap(true, Ordering::AcqRel) {
            // The counter of an eventfd cannot overflow here: the thread would have to miss 2^64 bells.
            let _ = write(&self.bell.eventfd, &1_u64.to_ne_bytes());
        }
    }
}

impl<T> Clone for Mail<T> {
    fn clone(&self) -> Mail<T> {
        Mail { sender: self.sender.clone(), bell: self.bell.clone() }
    }
}

impl<T> Inbox<T> {
    /// What epoll must watch, edge-triggered: the counter is never read back.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.eventfd.as_fd()
    }

    /// Called once before the queue is emptied: whoever sends from now on rings again.
    pub(super) fn answer_bell(&self) {
        self.bell.rung.swap(false, Ordering::AcqRel);
    }

    pub(super) fn next(&self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_orders_ring_once_until_the_thread_looks() {
        let (mail, inbox) = inbox::<u32>().unwrap();
        (0..5).for_each(|n| mail.send(n));
        assert_eq!(rings(&inbox), 1);
        inbox.answer_bell();
        assert_eq!(std::iter::from_fn(|| inbox.next()).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        mail.clone().send(9);
        assert_eq!(rings(&inbox), 1);
        assert_eq!(inbox.next(), Some(9));
    }

    fn rings(inbox: &Inbox<u32>) -> u64 {
        let mut count = [0; 8];
        rustix::io::read(inbox.bell(), &mut count).unwrap();
        u64::from_ne_bytes(count)
    }
}
