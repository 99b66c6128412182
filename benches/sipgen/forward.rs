//! What a SIP server's datagrams cost on this machine before anybody has read one.
//!
//! Stands where a server would: what comes at the near side goes on from the far side to the target, what comes at the far
//! side goes back to the last sender at the near one. Two threads that block: a read and a write for each datagram, no more.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::cpu::Cpu;
use crate::read;
use crate::socket;

/// Nobody has called for so long: nobody will.
const UNTIL_THE_FIRST: Duration = Duration::from_secs(30);

/// Says `ready`; once nothing has come for [`crate::PATIENCE`], how many datagrams went on and what each took on a CPU.
pub(crate) fn run(near: &str, far: &str, target: &str) -> Result<String, String> {
    let forwarder = Arc::new(Forwarder {
        near: socket(read("near", near)?)?,
        far: socket(read("far", far)?)?,
        target: read("target", target)?,
        caller: Mutex::new(None),
        handed_on: AtomicU64::new(0),
    });
    let back = Arc::clone(&forwarder);
    thread::spawn(move || back.hand_back());
    println!("ready");
    let cpu = Cpu::of("self", "");
    forwarder.hand_on();
    let spent = cpu.spent().as_micros();
    let datagrams = forwarder.handed_on.load(Ordering::Relaxed);
    Ok(format!("{datagrams} datagrams, {:.1} us each", spent as f64 / datagrams.max(1) as f64))
}

struct Forwarder {
    near: UdpSocket,
    far: UdpSocket,
    target: SocketAddr,
    /// Whoever sent last to the near side.
    caller: Mutex<Option<SocketAddr>>,
    handed_on: AtomicU64,
}

impl Forwarder {
    /// From the first datagram on until all is silent.
    fn hand_on(&self) {
        let (mut buffer, began) = ([0; 4_096], Instant::now());
        loop {
            match self.near.recv_from(&mut buffer) {
                Ok((length, from)) => {
                    *self.caller.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
                    self.send(&self.far, &buffer[..length], self.target);
                }
                Err(_) if self.handed_on.load(Ordering::Relaxed) == 0 && began.elapsed() < UNTIL_THE_FIRST => {}
                Err(_) => return,
            }
        }
    }

    /// As long as the process lives.
    fn hand_back(&self) {
        let mut buffer = [0; 4_096];
        loop {
            let Ok((length, _)) = self.far.recv_from(&mut buffer) else { continue };
            let caller = *self.caller.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(caller) = caller {
                self.send(&self.near, &buffer[..length], caller);
            }
        }
    }

    fn send(&self, from: &UdpSocket, datagram: &[u8], to: SocketAddr) {
        if from.send_to(datagram, to).is_ok() {
            self.handed_on.fetch_add(1, Ordering::Relaxed);
        }
    }
}
