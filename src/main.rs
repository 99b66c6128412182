//! The program: arguments, log, exit codes. What it does stands in the library.

mod cli;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Arguments;

/// Media, SIP and the API allocate from many threads at once, in sizes that come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run(Arguments::parse()).into()
}
