//! Standard output: what a person reads, or a program with `--json`.

use std::fmt::Display;
use std::io;
use std::io::ErrorKind;
use std::io::Write;
use std::process;

/// The text and the end of its line.
pub(crate) fn line(text: impl Display) {
    put(format_args!("{text}\n"));
}

/// The text, which has its ends of lines itself.
pub(crate) fn put(text: impl Display) {
    let mut output = io::stdout().lock();
    if let Err(error) = write!(output, "{text}").and_then(|()| output.flush()) {
        let status = status_after(error.kind());
        if status != KILLED_BY_SIGPIPE {
            eprintln!("standard output cannot be written: {error}");
        }
        process::exit(status);
    }
}

/// As shells tell it.
const KILLED_BY_SIGPIPE: i32 = 128 + 13;

/// Whoever reads may have seen enough and be gone: `desvio language | head`.
fn status_after(error: ErrorKind) -> i32 {
    match error {
        ErrorKind::BrokenPipe => KILLED_BY_SIGPIPE,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_who_is_gone_is_told_from_a_full_disk() {
        assert_eq!(status_after(ErrorKind::BrokenPipe), 141);
        assert_eq!(status_after(ErrorKind::StorageFull), 1);
    }
}
