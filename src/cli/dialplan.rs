//! `desvio reload`, `diff` and `rollback`: the dialplan of a running server.

use std::path::Path;

use desvio::api::client::ClientError;
use desvio::api::documents::dialplan::DialplanDocument;

use crate::cli::Style;
use crate::cli::exit::Exit;
use crate::cli::remote::ask;
use crate::cli::remote::shown;

pub(super) fn reload(file: &Path, style: Style) -> Exit {
    ask(file, style, |client| async move { Ok(shown(client.reload_dialplan().await?, taken_up)) })
}

pub(super) fn roll_back(file: &Path, style: Style) -> Exit {
    ask(file, style, |client| async move { Ok(shown(client.roll_back_dialplan().await?, taken_up)) })
}

pub(super) fn diff(file: &Path, style: Style) -> Exit {
    ask(file, style, |client| async move {
        Ok(shown(client.compare_dialplan().await?, |dialplan| {
            changes(dialplan).unwrap_or_else(|| "the files say what the server runs\n".to_owned())
        }))
    })
}

pub(super) fn explain(file: &Path, call: &str, style: Style) -> Exit {
    ask(file, style, |client| async move {
        Ok(shown(client.explain(call).await?, |explanation| {
            let lines = explanation.sentences.iter();
            lines.map(|it| told(it.after_ms, &it.place, &it.text)).collect()
        }))
    })
}

/// `    93.0s  dialplans/loja.kdl:18  …`, with the place only where there is one.
fn told(after_ms: u64, place: &str, text: &str) -> String {
    let at = format!("{}.{}s", after_ms / 1_000, after_ms % 1_000 / 100);
    match place {
        "" => format!("{at:>8}  {text}\n"),
        place => format!("{at:>8}  {place}  {text}\n"),
    }
}

/// How a refusal ends: a faulty dialplan as everywhere else.
pub(super) fn exit_of(error: &ClientError) -> Exit {
    match error {
        ClientError::Refused(problem) if !problem.faults.is_empty() => Exit::Faults,
        ClientError::Refused(_) => Exit::Failed,
        _ => Exit::Unavailable,
    }
}

fn taken_up(dialplan: &DialplanDocument) -> String {
    let short = dialplan.hash.get(..12).unwrap_or(&dialplan.hash);
    let mut text = changes(dialplan).unwrap_or_else(|| "nothing that a caller notices has changed\n".to_owned());
    text += &format!("new calls walk dialplan {short}");
    text += &match dialplan.older_calls {
        0 => "\n".to_owned(),
        1 => "; 1 call in progress keeps another\n".to_owned(),
        many => format!("; {many} calls in progress keep another\n"),
    };
    text
}

/// None where callers notice nothing.
fn changes(dialplan: &DialplanDocument) -> Option<String> {
    let mut text = String::new();
    for change in &dialplan.changes {
        text += &format!("{} `{}` {}\n", change.kind, change.name, change.what);
        for line in &change.lines {
            text += &format!("    {line}\n");
        }
    }
    for prompt in &dialplan.prompts {
        text += &format!("prompt `{prompt}` sounds otherwise\n");
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use desvio::api::documents::dialplan::ChangeDocument;

    use super::*;

    #[test]
    fn a_sentence_stands_behind_its_time_and_place() {
        assert_eq!(told(93_040, "a.kdl:18", "So."), "   93.0s  a.kdl:18  So.\n");
        assert_eq!(told(0, "", "So."), "    0.0s  So.\n");
    }

    #[test]
    fn what_changed_is_told_before_what_runs() {
        let dialplan = DialplanDocument {
            hash: "0123456789abcdef".to_owned(),
            since: "2026-11-23T12:39:00Z".parse().unwrap(),
            numbers: 1,
            flows: 2,
            tests: 0,
            older_calls: 2,
            changes: vec![ChangeDocument {
                kind: "flow".to_owned(),
                name: "entrada".to_owned(),
                what: "changed".to_owned(),
                lines: vec!["+ answer".to_owned()],
            }],
            prompts: Vec::new(),
            warnings: Vec::new(),
        };
        assert_eq!(
            taken_up(&dialplan),
            "flow `entrada` changed\n    + answer\nnew calls walk dialplan 0123456789ab; 2 calls in progress keep another\n"
        );
        let same = DialplanDocument { changes: Vec::new(), older_calls: 0, ..dialplan };
        assert_eq!(
            taken_up(&same),
            "nothing that a caller notices has changed\nnew calls walk dialplan 0123456789ab\n"
        );
        let heard = DialplanDocument { prompts: vec!["closed (pt-BR)".to_owned()], ..same };
        assert_eq!(
            taken_up(&heard),
            "prompt `closed (pt-BR)` sounds otherwise\nnew calls walk dialplan 0123456789ab\n"
        );
    }
}
