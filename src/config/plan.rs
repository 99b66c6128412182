//! From `[dialplan]` to a checked program: finds the files, gathers the names they may use, and has them checked.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::config::document::Document;
use crate::config::document::Word;
use crate::config::document::number_of;
use crate::config::document::word_of;
use crate::config::document::words_of;
use crate::config::folder;
use crate::config::rule::Rule;
use crate::config::section;
use crate::dialplan;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::choices;
use crate::dialplan::load::Checked;
use crate::dialplan::names::Line;
use crate::dialplan::names::Names;
use crate::dialplan::names::Shows;
use crate::dialplan::names::TrunkNetwork;
use crate::dialplan::rule::Rule::TooLarge;
use crate::dialplan::rule::Rule::Unreadable;
use crate::dialplan::source::SourceFile;
use crate::media::prompts::Prompts;
use crate::queue;

/// What a dialplan may refer to. Taken from the text's tree: a slip in a `[[queue]]` table must not make `queue "vendas"` unknown.
pub(super) fn names(document: &Document<'_>, prompts: &Prompts) -> Names {
    let set = |tables: &str, key: &str| document.names(tables, key).into_iter().map(|word| word.text).collect();
    Names {
        extensions: set("extension", "number"),
        queues: set("queue", "name"),
        trunks: set("trunk", "name"),
        hosts: hosts(document),
        networks: networks(document),
        channels: set("channel", "name"),
        prompts: prompts.names(),
        music: prompts.music_names(),
        credentials: credentials(document),
        agents: agents(document),
        max_waiting: max_waiting(document),
        durations: durations(prompts),
        lines: lines(document),
    }
}

fn credentials(document: &Document<'_>) -> BTreeMap<String, String> {
    let of_table = |table| Some((word_of(table, "name")?.text, word_of(table, "host")?.text));
    document.tables("credential").iter().filter_map(of_table).collect()
}

fn lines(document: &Document<'_>) -> BTreeMap<String, Line> {
    let of_trunk = |trunk| {
        let (name, number) = (word_of(trunk, "name")?, word_of(trunk, "caller_id")?);
        let passes = trunk.get_ref().as_table()?.get("caller_id_pass").and_then(|value| value.get_ref().as_bool());
        let shows = if passes == Some(false) { Shows::ItsOwn } else { Shows::TheCallers };
        Some((name.text, Line { number: number.text, shows }))
    };
    document.tables("trunk").iter().filter_map(of_trunk).collect()
}

fn hosts(document: &Document<'_>) -> Vec<(String, String)> {
    let of_trunk = |trunk| Some((word_of(trunk, "name")?.text, word_of(trunk, "host")?.text));
    document.tables("trunk").iter().filter_map(of_trunk).collect()
}

fn networks(document: &Document<'_>) -> BTreeMap<String, TrunkNetwork> {
    let of_trunk = |trunk| {
        let network = match word_of(trunk, "network")?.text.as_str() {
            "whatsapp" => TrunkNetwork::Whatsapp,
            "private" => TrunkNetwork::Private,
            _ => TrunkNetwork::Telephone,
        };
        word_of(trunk, "name").map(|name| (name.text, network))
    };
    document.tables("trunk").iter().filter_map(of_trunk).collect()
}

fn agents(document: &Document<'_>) -> BTreeMap<String, Vec<String>> {
    let of_queue = |queue| {
        let agents = words_of(queue, "agents").into_iter().map(|agent| agent.text).collect();
        word_of(queue, "name").map(|name| (name.text, agents))
    };
    document.tables("queue").iter().filter_map(of_queue).collect()
}

fn max_waiting(document: &Document<'_>) -> BTreeMap<String, usize> {
    let unsaid = queue::config::Config::named("", &[]).max_waiting;
    let of_queue = |table| Some((word_of(table, "name")?.text, number_of(table, "max_waiting").unwrap_or(unsaid)));
    document.tables("queue").iter().filter_map(of_queue).collect()
}

/// The same names, with the prompts and the music that there are now.
pub(super) fn with_prompts(names: &Names, prompts: &Prompts) -> Names {
    Names { prompts: prompts.names(), music: prompts.music_names(), durations: durations(prompts), ..names.clone() }
}

/// The longest of its languages: a rehearsal must not press a key before the caller could have heard of it.
fn durations(prompts: &Prompts) -> BTreeMap<String, Duration> {
    let longest = |name: &str, languages: &BTreeSet<String>| {
        languages.iter().filter_map(|language| prompts.find(name, language)).map(|clip| clip.duration()).max()
    };
    let names = prompts.names();
    let lasting = names.iter().filter_map(|(name, languages)| Some((name.clone(), longest(name, languages)?)));
    lasting.collect()
}

/// Reads the files of `[dialplan] files`; a pattern without any is a fault.
pub(super) fn read(document: &Document<'_>, base: &Path, faults: &mut Vec<Fault>) -> Vec<SourceFile> {
    let mut sources: Vec<SourceFile> = Vec::new();
    for pattern in patterns(document) {
        let paths = folder::matching(base, &pattern.text).unwrap_or_default();
        if paths.is_empty() {
            faults.push(nothing_found(document, base, pattern));
        }
        for path in paths {
            let shown = path.display().to_string();
            if sources.iter().any(|source| source.path == shown) {
                continue;
            }
            match read_file(&path, &shown) {
                Ok(source) => sources.push(source),
                Err(fault) => faults.push(fault),
            }
        }
    }
    sources
}

/// The same files at another time, when the configuration has been read.
pub(super) fn read_again(base: &Path, config: &dialplan::config::Config) -> Result<Vec<SourceFile>, Vec<Fault>> {
    let mut sources: Vec<SourceFile> = Vec::new();
    let mut faults = Vec::new();
    for pattern in &config.files {
        let paths = folder::matching(base, pattern).unwrap_or_default();
        if paths.is_empty() {
            let message = format!("no dialplan file fits `{pattern}`");
            let hint = format!("looked for {}", base.join(pattern).display());
            faults.push(Fault::of_file(pattern, Unreadable, message, Some(hint)));
        }
        for path in paths {
            let shown = path.display().to_string();
            if !sources.iter().any(|source| source.path == shown) {
                match read_file(&path, &shown) {
                    Ok(source) => sources.push(source),
                    Err(fault) => faults.push(fault),
                }
            }
        }
    }
    if faults.is_empty() { Ok(sources) } else { Err(faults) }
}

fn patterns(document: &Document<'_>) -> Vec<Word> {
    let written = document.words("dialplan", "files");
    let is_written = document
        .section("dialplan")
        .and_then(|table| table.get_ref().as_table())
        .is_some_and(|table| table.contains_key("files"));
    if is_written {
        return written;
    }
    let defaults = dialplan::config::Config::default().files.into_iter();
    defaults.map(|text| Word { text, span: 0..0 }).collect()
}

fn nothing_found(document: &Document<'_>, base: &Path, pattern: Word) -> Fault {
    let message = format!("no dialplan file fits `{}`", pattern.text);
    let place = base.join(&pattern.text);
    let hint = format!(
        "looked for {}; paths are relative to the configuration (to the folder around it, if that is named `config`)",
        place.display()
    );
    document.fault(Rule::NoDialplan, pattern.span, message, Some(hint))
}

/// A file is not read before its size is known: of a disk's whole content nothing could be said.
pub(super) fn read_file(path: &Path, shown: &str) -> Result<SourceFile, Fault> {
    let unreadable =
        |error: io::Error| Fault::of_file(shown, Unreadable, format!("the dialplan cannot be read: {error}"), None);
    let octets = std::fs::metadata(path).map_err(unreadable)?.len();
    if octets > LARGEST {
        let message = format!("this file has {octets} bytes, more than {LARGEST}");
        return Err(Fault::of_file(shown, TooLarge, message, Some("Split it into several files.".to_owned())));
    }
    SourceFile::from_bytes(shown, std::fs::read(path).map_err(unreadable)?)
}

/// The largest file of a dialplan, in octets.
const LARGEST: u64 = 16 << 20;

/// The checked program; none when anything is wrong with it.
pub(super) fn check(
    document: &Document<'_>,
    sources: &[SourceFile],
    names: &Names,
    faults: &mut Vec<Fault>,
) -> Option<Checked> {
    let config = config(document);
    language_is_spoken(document, &config, names, faults);
    match dialplan::load::load(sources, names, &config) {
        Ok(checked) => Some(checked),
        Err(found) => {
            faults.extend(found);
            None
        }
    }
}

/// The section as far as it can be read: its faults are reported elsewhere, and the files deserve a check in any case.
fn config(document: &Document<'_>) -> dialplan::config::Config {
    let table = document.section("dialplan");
    let read = table.and_then(|table| section::read(document, "[dialplan]", table, &mut Vec::new()));
    read.unwrap_or_default()
}

fn language_is_spoken(
    document: &Document<'_>,
    config: &dialplan::config::Config,
    names: &Names,
    faults: &mut Vec<Fault>,
) {
    let languages = names.languages();
    if let Some(word) = document.word("dialplan", "language")
        && !languages.contains(&config.language)
    {
        let hint = choices("languages with prompts", languages.iter().map(String::as_str), &config.language);
        faults.push(document.fault(
            Rule::LanguageWithoutPrompts,
            word.span,
            format!("there is no prompt in `{}`", config.language),
            Some(hint),
        ));
    }
}
