//! `config/desvio.toml`: gathers each room's own section, checks what no room can check alone, and loads the dialplan.
//!
//! Everything that is wrong is reported at once, with its place and its mend, before a port is opened or a file written.
//! What a key means stands with the room that uses it; here is only which rooms there are. Nothing is made here but
//! secrets, and these only when a server is about to start ([`secrets`]).

mod alarm;
mod cross;
mod document;
mod folder;
pub mod log;
mod plan;
mod prompts;
pub mod rule;
mod secrecy;
pub mod secrets;
mod section;
#[cfg(test)]
mod shown;
mod start;
mod tls;
mod values;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::channel::channels::Channels;
use crate::config::document::Document;
use crate::config::document::Span;
use crate::config::rule::Rule;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::choices;
use crate::dialplan::names::Names;
use crate::dialplan::program::Program;
use crate::dialplan::rule::Rule::Unreadable;
use crate::dialplan::source::SourceFile;
use crate::io::sip::tls::files::Files;
use crate::media::prompts::Prompts;
use crate::number::Region;
use crate::registrar::config::Extension;
use crate::switch::trunk;

/// Every section as its room defines it.
#[derive(Debug)]
pub struct Config {
    pub sip: crate::sip::config::Config,
    pub media: crate::media::config::Config,
    pub storage: crate::store::config::Config,
    pub api: crate::api::config::Config,
    pub status: crate::api::status_page::config::Config,
    pub dialplan: crate::dialplan::config::Config,
    pub registrar: crate::registrar::config::Config,
    pub probes: crate::io::probe::Config,
    pub speech: crate::io::speech::config::Config,
    pub voicemail: crate::io::notify::Config,
    pub recording: crate::media::recording::Config,
    pub http: crate::io::lookup::config::Config,
    pub credentials: Vec<crate::io::lookup::config::Credential>,
    pub webhooks: Vec<crate::io::webhook::Config>,
    pub peers: Vec<crate::io::peer::Config>,
    pub mailboxes: Vec<crate::switch::pins::Config>,
    pub log: log::Config,
    pub alarm: crate::switch::alarm::config::Config,
    /// `[messages]`
    pub messages: crate::channel::config::Messages,
    /// `[number]`: where numbers without a country code belong.
    pub home: Region,
    pub extensions: Vec<Extension>,
    pub trunks: Vec<trunk::Config>,
    pub queues: Vec<crate::queue::config::Config>,
    pub channels: Vec<crate::channel::config::Config>,
    /// The same, opened: their templates and pointers have been found to be right.
    pub kinds: Arc<Channels>,
    /// Relative paths of the file start here; see [`folder`].
    pub base: PathBuf,
}

/// A configuration and its dialplan without a fault.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    pub program: Arc<Program>,
    /// The dialplan's files as they were read, for rehearsals.
    pub sources: Vec<SourceFile>,
    pub names: Names,
    pub prompts: Prompts,
    /// Doubts that keep nobody from starting.
    pub warnings: Vec<Fault>,
}

/// Reads and checks the file, the prompts and the dialplan that it names. Either all of it is right, or every fault is returned.
pub fn load(file: &Path) -> Result<Loaded, Vec<Fault>> {
    load_and(file, |_, _, _| ())
}

/// The same, and what a server reads and opens when it starts: its secrets need not be where only a dialplan is tried.
pub fn load_to_start(file: &Path) -> Result<Loaded, Vec<Fault>> {
    load_and(file, start::check)
}

fn load_and(file: &Path, further: impl FnOnce(&Document<'_>, &Config, &mut Vec<Fault>)) -> Result<Loaded, Vec<Fault>> {
    let shown = file.display().to_string();
    let text = std::fs::read(file).map_err(|error| vec![unreadable(&shown, &error)])?;
    let text = SourceFile::from_bytes(&shown, text).map_err(|fault| vec![fault])?.text;
    let base = folder::base_of(file);

    let (document, mut faults) = Document::parse(&shown, &text);
    let broken = !faults.is_empty();
    let prompts = prompts::read(&base, &mut faults);
    let config = gather(&document, &base, &mut faults);
    cross::check(&document, &prompts, &mut faults);
    if broken {
        // What an unreadable line hides would be reported as missing everywhere else.
        return Err(faults.into_iter().filter(|fault| fault.path == shown).collect());
    }
    let names = plan::names(&document, &prompts);
    let sources = plan::read(&document, &base, &mut faults);
    let plan = plan::check(&document, &sources, &names, &mut faults);
    if let Some(config) = &config {
        alarm::check(&document, config, plan.as_ref().map(|plan| &*plan.program), &prompts, &mut faults);
        tls::check_files(&document, config, &mut faults);
        further(&document, config, &mut faults);
    }
    faults.sort_by_key(|fault| reading_order(fault, &shown));
    match (config, plan) {
        (Some(config), Some(plan)) if faults.is_empty() => {
            Ok(Loaded { config, program: plan.program, sources, names, prompts, warnings: plan.warnings })
        }
        _ => Err(faults),
    }
}

/// The dialplan's files as they stand, whether they are sound or not; what else is wrong with the configuration is nobody's matter here.
pub fn sources(file: &Path) -> Result<Vec<SourceFile>, Vec<Fault>> {
    let shown = file.display().to_string();
    let text = std::fs::read(file).map_err(|error| vec![unreadable(&shown, &error)])?;
    let text = SourceFile::from_bytes(&shown, text).map_err(|fault| vec![fault])?.text;
    let (document, mut faults) = Document::parse(&shown, &text);
    let sources = plan::read(&document, &folder::base_of(file), &mut faults);
    if faults.is_empty() { Ok(sources) } else { Err(faults) }
}

/// The files of `[dialplan]` as they are now, for a server that runs.
pub fn read_dialplan(base: &Path, config: &crate::dialplan::config::Config) -> Result<Vec<SourceFile>, Vec<Fault>> {
    plan::read_again(base, config)
}

/// The prompts as they are now, for a server that runs: those inside the binary, and the operator's files over them.
pub fn read_prompts(base: &Path) -> Result<Prompts, Vec<Fault>> {
    let mut faults = Vec::new();
    let prompts = prompts::read(base, &mut faults);
    if faults.is_empty() { Ok(prompts) } else { Err(faults) }
}

/// The names of the configuration beside these prompts.
pub fn with_prompts(names: &Names, prompts: &Prompts) -> Names {
    plan::with_prompts(names, prompts)
}

/// Where the files of `[dialplan]` are now.
pub fn dialplan_paths(base: &Path, config: &crate::dialplan::config::Config) -> Vec<PathBuf> {
    let found = config.files.iter().flat_map(|pattern| folder::matching(base, pattern).unwrap_or_default());
    found.collect()
}

/// The file alone: a server that runs can be asked whatever its dialplan looks like on the disk.
pub fn load_without_dialplan(file: &Path) -> Result<Config, Vec<Fault>> {
    let shown = file.display().to_string();
    let text = std::fs::read(file).map_err(|error| vec![unreadable(&shown, &error)])?;
    let text = SourceFile::from_bytes(&shown, text).map_err(|fault| vec![fault])?.text;
    let (document, mut faults) = Document::parse(&shown, &text);
    let config = gather(&document, &folder::base_of(file), &mut faults);
    config.filter(|_| faults.is_empty()).ok_or(faults)
}

/// One file of a dialplan that the configuration need not name.
pub fn source(path: &Path) -> Result<SourceFile, Fault> {
    plan::read_file(path, &path.display().to_string())
}

/// The configuration's own faults first, from top to bottom; those of the dialplan come in its own order.
fn reading_order(fault: &Fault, configuration: &str) -> (bool, u32, u32) {
    match fault.path == configuration {
        true => (false, fault.line, fault.column),
        false => (true, 0, 0),
    }
}

impl Config {
    /// A path of the file as the process must open it.
    pub fn path(&self, written: &Path) -> PathBuf {
        self.base.join(written)
    }

    /// Where certificates, keys and authorities of SIP lie.
    pub fn tls_files(&self) -> Files {
        Files::new(&self.sip, &self.trunks, &self.base)
    }

    /// Where voicemails, secrets and the token stand: the folder of the SQLite file, else `data`.
    pub fn data_folder(&self) -> PathBuf {
        let file = self.storage.url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
        let folder = file.and_then(|file| Path::new(file).parent());
        self.path(folder.unwrap_or(Path::new("data")))
    }
}

/// Reads every section and list of tables. None when one of them has a fault.
fn gather(document: &Document<'_>, base: &Path, faults: &mut Vec<Fault>) -> Option<Config> {
    unknown_sections(document, faults);
    let sip = section(document, "sip", faults);
    let media = media(document, faults);
    let storage = section(document, "storage", faults);
    let api = section(document, "api", faults);
    let status = section(document, "status", faults);
    let alarm = section(document, "alarm", faults);
    let dialplan = section(document, "dialplan", faults);
    let registrar = section(document, "registrar", faults);
    let probes = section(document, "probes", faults);
    let speech = section(document, "speech", faults);
    let voicemail = section(document, "voicemail", faults);
    let recording = section(document, "recording", faults);
    let http = section(document, "http", faults);
    let credentials = tables(document, "credential", "name", faults);
    let webhooks = tables(document, "webhook", "name", faults);
    let peers = tables(document, "peer", "name", faults);
    let mailboxes = tables(document, "mailbox", "name", faults);
    let log = section(document, "log", faults);
    let messages = section(document, "messages", faults);
    let home = section(document, "number", faults);
    let extensions = tables(document, "extension", "number", faults);
    let trunks = tables(document, "trunk", "name", faults);
    let queues = tables(document, "queue", "name", faults);
    let channels = tables(document, "channel", "name", faults);
    let kinds = channels.as_ref().and_then(|configs: &Vec<_>| kinds(document, configs, faults));
    Some(Config {
        sip: sip?,
        media: media?,
        storage: storage?,
        api: api?,
        status: status?,
        alarm: alarm?,
        dialplan: dialplan?,
        registrar: registrar?,
        probes: probes?,
        speech: speech?,
        voicemail: voicemail?,
        recording: recording?,
        http: http?,
        credentials: credentials?,
        webhooks: webhooks?,
        peers: peers?,
        mailboxes: mailboxes?,
        log: log?,
        messages: messages?,
        home: home?,
        extensions: extensions?,
        trunks: trunks?,
        queues: queues?,
        channels: channels?,
        kinds: Arc::new(kinds?),
        base: base.to_owned(),
    })
}

fn media(document: &Document<'_>, faults: &mut Vec<Fault>) -> Option<crate::media::config::Config> {
    let media: crate::media::config::Config = section(document, "media", faults)?;
    let place = place(document, "media");
    let found = media.faults().into_iter();
    faults.extend(found.map(|fault| document.fault(Rule::WrongSetting, place.clone(), fault.to_string(), None)));
    Some(media)
}

/// `[name]` tables, then `[[name]]` tables.
const SECTIONS: [&str; 16] = [
    "sip",
    "media",
    "storage",
    "api",
    "status",
    "alarm",
    "dialplan",
    "registrar",
    "messages",
    "probes",
    "speech",
    "voicemail",
    "recording",
    "http",
    "log",
    "number",
];
const TABLES: [&str; 8] = ["extension", "trunk", "queue", "channel", "mailbox", "credential", "webhook", "peer"];

fn unknown_sections(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let known = SECTIONS.iter().chain(&TABLES).copied();
    for name in document.sections() {
        if !known.clone().any(|known| known == name.text) {
            let hint = choices("sections", known.clone(), &name.text);
            faults.push(document.fault(
                Rule::UnknownSection,
                name.span,
                format!("there is no section `{}`", name.text),
                Some(hint),
            ));
        }
    }
}

/// A section that is not there is one without keys: its defaults hold.
fn section<T: DeserializeOwned>(document: &Document<'_>, name: &str, faults: &mut Vec<Fault>) -> Option<T> {
    let absent = Spanned::new(0..0, DeValue::Table(DeTable::new()));
    let table = document.section(name).unwrap_or(&absent);
    if table.get_ref().as_array().is_some() {
        let message = format!("[[{name}]] stands in double brackets");
        faults.push(document.fault(
            Rule::WrongBrackets,
            place(document, name),
            message,
            Some(format!("write [{name}]: there is only one")),
        ));
        return None;
    }
    section::read(document, &format!("[{name}]"), table, faults)
}

/// Every `[[name]]` table; in faults each is called by the text under `key`.
fn tables<T: DeserializeOwned>(
    document: &Document<'_>,
    name: &str,
    key: &str,
    faults: &mut Vec<Fault>,
) -> Option<Vec<T>> {
    if document.section(name).is_some_and(|value| value.get_ref().as_array().is_none()) {
        let message = format!("[{name}] stands in single brackets");
        faults.push(document.fault(
            Rule::WrongBrackets,
            place(document, name),
            message,
            Some(format!("write [[{name}]]: there may be several")),
        ));
        return None;
    }
    let read = |table| {
        let title = match document::word_of(table, key) {
            Some(word) => format!("[[{name}]] `{}`", word.text),
            None => format!("[[{name}]]"),
        };
        section::read(document, &title, table, faults)
    };
    // All of them are read before the first fault counts.
    let read: Vec<Option<T>> = document.tables(name).iter().map(read).collect();
    read.into_iter().collect()
}

/// What each kind of channel finds wrong with its own table.
fn kinds(
    document: &Document<'_>,
    configs: &[crate::channel::config::Config],
    faults: &mut Vec<Fault>,
) -> Option<Channels> {
    let found = match Channels::open(configs) {
        Ok(kinds) => return Some(kinds),
        Err(found) => found,
    };
    for fault in found {
        let is_its = |table: &&Spanned<DeValue<'_>>| {
            document::word_of(table, "name").is_some_and(|name| name.text == fault.channel)
        };
        let span = document.tables("channel").iter().find(is_its).map(|table| document::key_of(table, &fault.key));
        faults.push(document.fault(Rule::Channel, span.unwrap_or(0..0), fault.to_string(), None));
    }
    None
}

/// Where a section's name stands.
fn place(document: &Document<'_>, section: &str) -> Span {
    let name = document.sections().find(|word| word.text == section);
    name.map_or(0..0, |word| word.span)
}

fn unreadable(path: &str, error: &std::io::Error) -> Fault {
    let help = "start where `config/desvio.toml` stands, or name the file with --config FILE".to_owned();
    Fault::of_file(path, Unreadable, format!("the configuration cannot be read: {error}"), Some(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let (document, mut faults) = Document::parse("desvio.toml", text);
        gather(&document, Path::new(""), &mut faults);
        faults.iter().map(ToString::to_string).collect()
    }

    const SHIPPED: &str = include_str!("../../config/desvio.toml");

    /// The shipped file with every key and table that it only explains: `# key = …`, `# [table]` and what follows them.
    fn uncommented() -> String {
        let is_toml = |line: &str| {
            let key = line
                .split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            key || line.starts_with('[') || line.starts_with("    {") || line == "]"
        };
        let line = |line: &'static str| line.strip_prefix("# ").filter(|rest| is_toml(rest)).unwrap_or(line);
        SHIPPED.lines().map(line).fold(String::new(), |text, line| text + line + "\n")
    }

    #[test]
    fn the_shipped_file_is_right_as_it_stands_and_with_all_that_it_explains() {
        for text in [SHIPPED.to_owned(), uncommented()] {
            let (document, mut faults) = Document::parse("desvio.toml", &text);
            let config = gather(&document, Path::new(""), &mut faults);
            cross::check(&document, &Prompts::shipped(), &mut faults);
            assert_eq!(faults, [], "{}", faults.iter().map(ToString::to_string).collect::<String>());
            assert!(config.is_some());
        }
    }

    #[test]
    fn what_the_shipped_file_explains_is_the_default() {
        let config = |text: &str| {
            let (document, mut faults) = Document::parse("desvio.toml", text);
            let config = gather(&document, Path::new(""), &mut faults).unwrap();
            format!(
                "{:?} {:?} {:?} {:?} {:?} {:?}",
                config.sip.t1, config.sip.t2, config.registrar, config.messages, config.speech, config.log
            )
        };
        assert_eq!(config(&uncommented()), config(""));
    }

    #[test]
    fn a_rehearsal_knows_how_many_may_wait_in_a_queue() {
        let text = "[[queue]]\nname = \"vendas\"\nmax_waiting = 1_000\n[[queue]]\nname = \"suporte\"\n[[queue]]\nname = \"ouro\"\nmax_waiting = \"many\"\n";
        let (document, _) = Document::parse("desvio.toml", text);
        let most = plan::names(&document, &Prompts::shipped()).max_waiting;
        let most: Vec<(&str, usize)> = most.iter().map(|(queue, most)| (queue.as_str(), *most)).collect();
        assert_eq!(most, [("ouro", 200), ("suporte", 200), ("vendas", 1_000)]);
    }

    #[test]
    fn an_empty_file_is_a_configuration() {
        assert_eq!(faults_of(""), Vec::<String>::new());
    }

    #[test]
    fn faults_in_many_sections_are_found_in_one_run() {
        let found = faults_of(
            "[spi]\n[sip]\ndomian = \"x\"\n[media]\nports = \"many\"\n[[queue]]\nname = \"vendas\"\nagents = \"200\"\n",
        );
        assert!(found[0].starts_with("desvio.toml:1:2: there is no section `spi`"), "{found:#?}");
        assert!(found[0].contains("Did you mean `sip`?"), "{found:#?}");
        assert!(
            found[1].starts_with("desvio.toml:3:1: [sip] has no key `domian`\n    did you mean `domain`?"),
            "{found:#?}"
        );
        assert!(found[2].starts_with("desvio.toml:5:9: "), "{found:#?}");
        assert!(found[3].starts_with("desvio.toml:8:10: "), "{found:#?}");
        assert_eq!(found.len(), 4, "{found:#?}");
    }

    #[test]
    fn single_and_double_brackets_are_told_apart() {
        assert!(faults_of("[queue]\nname = \"x\"\n")[0].contains("write [[queue]]"));
        assert!(faults_of("[[sip]]\n")[0].contains("write [sip]"));
    }

    #[test]
    fn a_file_that_is_not_there_says_how_to_name_one() {
        let faults = load(Path::new("/nowhere/desvio.toml")).unwrap_err();
        assert!(faults[0].to_string().contains("--config FILE"));
    }
}
