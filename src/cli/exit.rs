//! How a command ends, in numbers that scripts can rely on (sysexits(3) where it has one).

use std::process::ExitCode;

/// Shown by `desvio --help`.
pub(super) const HELP: &str = "\
Exit codes:
   0  done
   1  failed: a test of the dialplan, a warning of `check --strict`, or what the server was asked for
   2  the arguments are wrong
  64  the configuration or a dialplan has faults; nothing was started
  69  something that is needed is not there: a port, the database, the running server";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Faults,
    Unavailable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Faults => 64,
            Exit::Unavailable => 69,
        })
    }
}
