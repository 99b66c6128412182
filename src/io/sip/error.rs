//! Why we cannot listen, with the mend.

use std::io;

use crate::io::holder;
use crate::io::sip::tls::files::FileFault;
use crate::sip::config::Listener;
use crate::sip::hop::Transport;

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{listener} is taken{holder}\n    `[sip] listen` names it: end that program, or choose another port")]
    Taken { listener: Listener, holder: String },
    #[error(
        "{listener}: this machine has no such address\n    `[sip] listen` names it: `ip address` shows those it has; 0.0.0.0 means all of them"
    )]
    NotOurs { listener: Listener },
    #[error(
        "{listener}: ports below 1024 need a privilege\n    `[sip] listen` names it: choose a higher port, or run `setcap cap_net_bind_service=+ep` on the program"
    )]
    Forbidden { listener: Listener },
    #[error("{}", in_words(.0))]
    Tls(Vec<FileFault>),
    #[error("{listener} cannot be opened: {why}\n    `[sip] listen` names it")]
    Other { listener: Listener, why: io::Error },
}

impl ListenError {
    pub(super) fn new(listener: Listener, why: io::Error) -> ListenError {
        match why.kind() {
            io::ErrorKind::AddrInUse => ListenError::Taken { listener, holder: who_holds(listener) },
            io::ErrorKind::AddrNotAvailable => ListenError::NotOurs { listener },
            io::ErrorKind::PermissionDenied => ListenError::Forbidden { listener },
            _ => ListenError::Other { listener, why },
        }
    }
}

fn in_words(faults: &[FileFault]) -> String {
    let words: Vec<String> = faults.iter().map(|fault| format!("{fault}\n    {}", fault.why.mend())).collect();
    words.join("\n")
}

fn who_holds(listener: Listener) -> String {
    let protocol = match listener.transport {
        Transport::Udp => holder::Protocol::Udp,
        _ => holder::Protocol::Tcp,
    };
    holder::in_words(protocol, listener.address.port())
}
