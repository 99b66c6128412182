//! What packets cost on this machine whatever moves them: loops that read and write, and know nothing of calls.
//!
//! Beside [`crate::direct`], by the same generator: threads, sockets, packets and pace are the pump's; there is no codec, no
//! jitter, no state. The threads end with the process.

use std::io;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::event::epoll;
use rustix::event::epoll::EventData;
use rustix::event::epoll::EventFlags;
use rustix::process::nice;

use crate::WARM_UP;
use crate::cpu::Cpu;
use crate::direct::HERE;
use crate::generator::Generator;
use crate::generator::Line;
use crate::options::Mode;
use crate::options::Options;
use crate::report;

/// As the pump's threads.
const NICENESS: i32 = -10;
/// The callers of a thread are spread over so many steps, as in the pump.
const SLOTS: usize = 4;
const STEP: Duration = Duration::from_millis(5);
/// Who fell further behind lets go of what it missed, as the pump does.
const GIVE_UP: Duration = Duration::from_millis(200);
const NAME: &str = "floor";

/// One line of JSON.
pub(crate) fn run(options: &Options) -> Result<String, String> {
    if !options.hands_on() {
        return Err("the floor neither translates nor encrypts".to_owned());
    }
    let lines = begin(options).map_err(|fault| fault.to_string())?;
    let mut generator = Generator::new(lines).map_err(|fault| fault.to_string())?;
    generator.run(WARM_UP).map_err(|fault| fault.to_string())?;
    let cpu = Cpu::of("self", NAME);
    let outcome = generator.run(options.span).map_err(|fault| fault.to_string())?;
    let spent = cpu.spent();
    Ok(report(options, options.calls, outcome, spent, None))
}

/// Starts the threads, each with its share of the calls; the far sides of them all.
fn begin(options: &Options) -> io::Result<Vec<Line>> {
    let mode = options.mode;
    let sides = if mode == Mode::FloorListen { 1 } else { 2 };
    let threads = options.threads.max(1);
    let mut lines = Vec::new();
    let mut shares: Vec<Vec<Seat>> = (0..threads).map(|_| Vec::new()).collect();
    for call in 0..options.calls {
        for _ in 0..sides {
            let (seat, line) = Seat::opposite_a_line()?;
            shares[call % threads].push(seat);
            lines.push(line);
        }
    }
    for (number, share) in shares.into_iter().enumerate() {
        let run = move || {
            let _ = nice(NICENESS);
            let ended = if mode == Mode::FloorListen { announce(share) } else { relay(share) };
            eprintln!("rtpgen: a loop of the floor ended: {ended:?}");
        };
        thread::Builder::new().name(format!("{NAME}-{number}")).spawn(run)?;
    }
    Ok(lines)
}

/// Our end of a call, and who is at the other.
struct Seat {
    socket: UdpSocket,
    far: SocketAddr,
}

impl Seat {
    fn opposite_a_line() -> io::Result<(Seat, Line)> {
        let socket = UdpSocket::bind((HERE, 0))?;
        socket.set_nonblocking(true)?;
        let line = Line::bind((HERE, 0).into(), Some(socket.local_addr()?))?;
        let far = line.socket.local_addr()?;
        Ok((Seat { socket, far }, line))
    }
}

/// What is read at one seat is sent from its neighbour.
fn relay(seats: Vec<Seat>) -> io::Result<()> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (number, seat) in seats.iter().enumerate() {
        epoll::add(&epoll, &seat.socket, EventData::new_u64(number as u64), EventFlags::IN)?;
    }
    let mut ready = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 256];
    let mut packet = [0; 2048];
    loop {
        let woken = match epoll::wait(&epoll, &mut ready[..], None) {
            Err(rustix::io::Errno::INTR) => 0,
            woken => woken?,
        };
        for event in &ready[..woken] {
            let number = event.data.u64() as usize;
            let neighbour = &seats[number ^ 1];
            if let Ok((length, _)) = seats[number].socket.recv_from(&mut packet) {
                let _ = neighbour.socket.send_to(&packet[..length], neighbour.far);
            }
        }
    }
}

/// Every caller gets a packet of A-law silence each 20 ms, and one of theirs is read and dropped.
fn announce(seats: Vec<Seat>) -> io::Result<()> {
    let mut packet = [0xd5; 172];
    packet[..12].copy_from_slice(&[0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    let mut heard = [0; 2048];
    let mut due = Instant::now();
    for slot in (0..SLOTS).cycle() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        for seat in seats.iter().skip(slot).step_by(SLOTS) {
            let _ = seat.socket.recv_from(&mut heard);
            let _ = seat.socket.send_to(&packet, seat.far);
        }
        due = (due + STEP).max(Instant::now() - GIVE_UP);
    }
    Ok(())
}
