//! `desvio graph`: the dialplan as a picture, with no server.

use std::path::Path;

use clap::Args;
use desvio::dialplan::graph;
use desvio::dialplan::graph::Live;
use serde_json::json;

use crate::cli::Style;
use crate::cli::check;
use crate::cli::complain;
use crate::cli::exit::Exit;
use crate::cli::output;

#[derive(Debug, Args)]
pub(super) struct Graph {
    /// Only this flow and those that it leads to. Default: all.
    flow: Option<String>,
    /// Mermaid text in place of SVG.
    #[arg(long)]
    mermaid: bool,
}

pub(super) fn graph(file: &Path, order: &Graph, style: Style) -> Exit {
    let program = match check::load(file, style) {
        Ok(loaded) => loaded.program,
        Err(exit) => return exit,
    };
    let flow = order.flow.as_deref().map(|name| (name, program.flow_named(name)));
    if let Some((name, None)) = flow {
        let known: Vec<&str> = program.flows().collect();
        let what = format!("there is no flow `{name}`; there are: {}", known.join(", "));
        return complain(&what, style, Exit::Failed);
    }
    let flow = flow.and_then(|(_, flow)| flow);
    let (form, picture) = match order.mermaid {
        true => ("mermaid", graph::mermaid(&program, flow)),
        false => ("svg", graph::svg(&program, flow, &Live::new())),
    };
    match style {
        Style::Json => output::line(json!({ form: picture })),
        Style::Text => output::put(picture),
    }
    Exit::Done
}
