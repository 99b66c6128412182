//! `desvio serve`

use std::path::Path;

use desvio::config::log::Format;
use desvio::server;

use crate::cli::Style;
use crate::cli::check;
use crate::cli::complain;
use crate::cli::exit::Exit;
use crate::cli::log;

pub(super) fn serve(file: &Path, format: Option<Format>, style: Style) -> Exit {
    let loaded = match check::load_to_start(file, style) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    log::start(&loaded.config.log, format);
    check::print_faults(&loaded.warnings);
    match server::run(loaded) {
        Ok(()) => Exit::Done,
        Err(error) => complain(&error.to_string(), style, Exit::Unavailable),
    }
}
