//! The dialplan's files while the server runs: read and checked again, watched, kept, and brought back from what was kept.
//!
//! Every dialplan that was sound is kept as text under the data folder, the newest last, so that one can be brought back
//! when its successor proves wrong. The owner's files are never written. That a dialplan was rolled back is kept as
//! well: until the files change, neither SIGHUP nor a restart takes it up again.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::SystemTime;

use serde::Deserialize;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use crate::config;
use crate::config::Loaded;
use crate::dialplan;
use crate::dialplan::load::Checked;
use crate::dialplan::load::load;
use crate::dialplan::names::Names;
use crate::dialplan::source::SourceFile;
use crate::server::errands::Report;
use crate::switch::input::Errand;
use crate::switch::input::Input;
use crate::switch::input::Reread;
use crate::switch::input::Ticket;
use crate::switch::input::Trigger;
use crate::switch::input::Unread;

/// Carries out the switch's errands with the files, one after the other.
pub(super) struct Keeper {
    workers: Handle,
    reports: UnboundedSender<Report>,
    shelf: Arc<Mutex<Shelf>>,
}

impl Keeper {
    /// Also begins to watch the files, if they are to be watched.
    pub(super) fn start(shelf: Shelf, workers: &Handle, reports: UnboundedSender<Report>) -> Keeper {
        if let Some(every) = shelf.config.watch {
            workers.spawn(watch(every, shelf.base.clone(), shelf.config.clone(), reports.clone()));
        }
        Keeper { workers: workers.clone(), reports, shelf: Arc::new(Mutex::new(shelf)) }
    }

    pub(super) fn carry_out(&self, ticket: Ticket, errand: Errand, running: String) {
        let (shelf, reports) = (self.shelf.clone(), self.reports.clone());
        self.workers.spawn_blocking(move || {
            // Reported while nobody else can read: of two errands, the later one is told later.
            let shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
            let result = shelf.carry_out(errand, &running);
            let _ = reports.send(Report::Input(Input::DialplanRead { ticket, errand, result }));
        });
    }
}

/// The files, and the folder of what was sound.
pub(super) struct Shelf {
    base: PathBuf,
    config: dialplan::config::Config,
    names: Names,
    folder: PathBuf,
}

/// One dialplan as it was.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    hash: String,
    files: Vec<KeptFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptFile {
    path: String,
    text: String,
}

/// What was left by a roll-back, and for what.
#[derive(Debug, Serialize, Deserialize)]
struct RolledBack {
    left: String,
    to: String,
}

const ROLLED_BACK: &str = "rolled-back.json";

impl Shelf {
    pub(super) fn new(loaded: &Loaded) -> Shelf {
        Shelf {
            base: loaded.config.base.clone(),
            config: loaded.config.dialplan.clone(),
            names: loaded.names.clone(),
            folder: loaded.config.data_folder().join("dialplans"),
        }
    }

    /// Keeps what the server starts with; where just that was rolled back, the earlier one is started with instead.
    pub(super) fn at_start(&self, loaded: &mut Loaded) {
        let Some(RolledBack { to, .. }) = self.rolled_back().filter(|it| it.left == loaded.program.hash()) else {
            return self.take_up(loaded.program.hash(), &loaded.sources);
        };
        let earlier = self.kept().into_iter().find(|(_, kept)| kept.hash == to).map(|(_, kept)| kept.sources());
        match earlier.map(|sources| (load(&sources, &self.names, &self.config), sources)) {
            Some((Ok(checked), sources)) => {
                tracing::warn!(hash = to, "the files hold a dialplan that was rolled back; the earlier one is used");
                loaded.program = checked.program;
                loaded.sources = sources;
            }
            _ => tracing::warn!(hash = to, "the dialplan that was gone back to cannot be used; the files are"),
        }
    }

    fn carry_out(&self, errand: Errand, running: &str) -> Result<Reread, Unread> {
        let (names, prompts) = match (errand, config::read_prompts(&self.base)) {
            (_, Ok(prompts)) => (config::with_prompts(&self.names, &prompts), Some(Box::new(prompts))),
            // The way back does not hang on a file that is broken now.
            (Errand::RollBack, Err(_)) => (self.names.clone(), None),
            (_, Err(faults)) => return Err(Unread::Faults(faults)),
        };
        let checked = match errand {
            Errand::Compare => self.read(&names).map(|(checked, _)| checked),
            Errand::Reload(trigger) => self.reload(&names, trigger),
            Errand::RollBack => self.roll_back(&names, running),
        }?;
        Ok(Reread { checked, prompts })
    }

    fn read(&self, names: &Names) -> Result<(Checked, Vec<SourceFile>), Unread> {
        let sources = config::read_dialplan(&self.base, &self.config).map_err(Unread::Faults)?;
        let checked = load(&sources, names, &self.config).map_err(Unread::Faults)?;
        Ok((checked, sources))
    }

    fn reload(&self, names: &Names, trigger: Trigger) -> Result<Checked, Unread> {
        let (checked, sources) = self.read(names)?;
        let hash = checked.program.hash();
        let rolled_back = self.rolled_back().is_some_and(|it| it.left == hash);
        if rolled_back && trigger != Trigger::Api {
            return Err(Unread::RolledBack);
        }
        self.take_up(hash, &sources);
        Ok(checked)
    }

    /// Keeps it; whatever was rolled back before it is no earlier dialplan to go back to.
    fn take_up(&self, hash: &str, sources: &[SourceFile]) {
        if let Some(RolledBack { to, .. }) = self.rolled_back() {
            let left = self.kept().into_iter().skip_while(|(_, kept)| kept.hash != to).skip(1);
            for (number, _) in left {
                self.forget(&name(number));
            }
            self.forget(ROLLED_BACK);
        }
        self.keep(hash, sources);
    }

    fn roll_back(&self, names: &Names, running: &str) -> Result<Checked, Unread> {
        let kept = self.kept();
        let before = match kept.iter().position(|(_, kept)| kept.hash == running) {
            Some(at) => at.checked_sub(1),
            None => kept.len().checked_sub(1),
        };
        let (_, earlier) = before.and_then(|at| kept.get(at)).ok_or(Unread::NothingEarlier)?;
        // Queues and extensions may have gone since.
        let checked = load(&earlier.sources(), names, &self.config).map_err(Unread::Faults)?;
        let left = match self.read(names) {
            Ok((on_disk, _)) => on_disk.program.hash().to_owned(),
            Err(_) => running.to_owned(),
        };
        let mark = RolledBack { left, to: earlier.hash.clone() };
        self.written(ROLLED_BACK, &mark);
        Ok(checked)
    }

    /// As the newest; the oldest make room, once it is safe.
    fn keep(&self, hash: &str, sources: &[SourceFile]) {
        let mut kept = self.kept();
        if kept.last().is_some_and(|(_, newest)| newest.hash == hash) {
            return;
        }
        let number = kept.last().map_or(1, |(number, _)| number + 1);
        let files = sources.iter().map(|file| KeptFile { path: file.path.clone(), text: file.text.clone() });
        if !self.written(&name(number), &Kept { hash: hash.to_owned(), files: files.collect() }) {
            return;
        }
        for (again, _) in kept.extract_if(.., |(_, kept)| kept.hash == hash) {
            self.forget(&name(again));
        }
        let too_many = (kept.len() + 1).saturating_sub(self.config.kept.max(1));
        for (old, _) in kept.iter().take(too_many) {
            self.forget(&name(*old));
        }
    }

    /// Oldest first; a file that cannot be read is passed over.
    fn kept(&self) -> Vec<(u64, Kept)> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| number(entry.file_name().to_str()?));
        let mut kept: Vec<(u64, Kept)> =
            numbers.filter_map(|number| Some((number, self.read_json(&name(number))?))).collect();
        kept.sort_by_key(|(number, _)| *number);
        kept
    }

    fn rolled_back(&self) -> Option<RolledBack> {
        self.read_json(ROLLED_BACK)
    }

    fn read_json<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        let text = fs::read(self.folder.join(name)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Whether it was. A disk that takes nothing is no reason not to take calls.
    fn written(&self, name: &str, value: &impl Serialize) -> bool {
        let written = self.try_to_write(name, value);
        if let Err(why) = &written {
            tracing::warn!(%why, folder = %self.folder.display(), "a dialplan cannot be kept for a roll-back");
        }
        written.is_ok()
    }

    fn try_to_write(&self, name: &str, value: &impl Serialize) -> io::Result<()> {
        // A dialplan holds PINs, and numbers of customers.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let new = self.folder.join(format!("{name}.new"));
        fs::write(&new, serde_json::to_vec(value)?)?;
        fs::rename(new, self.folder.join(name))
    }

    fn forget(&self, name: &str) {
        let _ = fs::remove_file(self.folder.join(name));
    }
}

impl Kept {
    fn sources(&self) -> Vec<SourceFile> {
        let files = self.files.iter();
        files.map(|file| SourceFile { path: file.path.clone(), text: file.text.clone() }).collect()
    }
}

fn name(number: u64) -> String {
    format!("{number:06}.json")
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".json")?.parse().ok()
}

/// Says that the files have changed once they have changed no more for a while: an editor may write one in several goes.
async fn watch(every: Duration, base: PathBuf, config: dialplan::config::Config, reports: UnboundedSender<Report>) {
    let mut settled = look(&base, &config);
    let mut last = settled.clone();
    while !reports.is_closed() {
        tokio::time::sleep(every).await;
        let now = look(&base, &config);
        if now == last && now != settled {
            settled = now.clone();
            let _ = reports.send(Report::Input(Input::ReloadDialplan(Trigger::Watch)));
        }
        last = now;
    }
}

/// What tells one state of the files from another without reading them.
fn look(base: &Path, config: &dialplan::config::Config) -> Vec<(PathBuf, Option<SystemTime>, u64)> {
    let paths = config::dialplan_paths(base, config);
    let looked = paths.into_iter().map(|path| {
        let metadata = fs::metadata(&path).ok();
        let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        (path, changed, metadata.map_or(0, |metadata| metadata.len()))
    });
    looked.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const ONE: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { hangup }\n";
    const TWO: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { answer; hangup }\n";
    const THREE: &str = "number \"+551140031234\" flow=\"a\"\nflow \"a\" { wait \"1s\"; hangup }\n";

    fn shelf(test: &str, kept: usize) -> Shelf {
        let base = std::env::temp_dir().join(format!("desvio-shelf-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        fs::create_dir_all(base.join("dialplans")).unwrap();
        let folder = base.join("data/dialplans");
        let config = dialplan::config::Config { kept, ..Default::default() };
        Shelf { base, config, names: Names::default(), folder }
    }

    impl Shelf {
        fn holds(&self, text: &str) {
            fs::write(self.base.join("dialplans/a.kdl"), text).unwrap();
        }

        fn does(&self, errand: Errand, running: &str) -> String {
            self.carry_out(errand, running).map(|read| read.checked.program.hash().to_owned()).unwrap()
        }

        fn hash(&self, text: &str) -> String {
            let file = SourceFile { path: "a.kdl".to_owned(), text: text.to_owned() };
            load(&[file], &self.names, &self.config).unwrap().program.hash().to_owned()
        }
    }

    #[test]
    fn each_roll_back_goes_one_further_back_and_what_was_left_is_not_taken_up_unasked() {
        let shelf = shelf("back", 10);
        for text in [ONE, TWO, THREE] {
            shelf.holds(text);
            assert_eq!(shelf.does(Errand::Reload(Trigger::Signal), ""), shelf.hash(text));
        }
        assert_eq!(shelf.does(Errand::RollBack, &shelf.hash(THREE)), shelf.hash(TWO));
        assert_eq!(shelf.does(Errand::RollBack, &shelf.hash(TWO)), shelf.hash(ONE));
        assert!(matches!(shelf.carry_out(Errand::RollBack, &shelf.hash(ONE)), Err(Unread::NothingEarlier)));
        for trigger in [Trigger::Signal, Trigger::Watch] {
            assert!(matches!(shelf.carry_out(Errand::Reload(trigger), ""), Err(Unread::RolledBack)));
        }
        assert_eq!(shelf.does(Errand::Reload(Trigger::Api), ""), shelf.hash(THREE));
        assert_eq!(shelf.does(Errand::Reload(Trigger::Signal), ""), shelf.hash(THREE));
        fs::remove_dir_all(&shelf.base).unwrap();
    }

    #[test]
    fn what_was_rolled_back_is_not_gone_back_to_from_its_successor() {
        let shelf = shelf("mended", 10);
        for text in [ONE, TWO] {
            shelf.holds(text);
            shelf.does(Errand::Reload(Trigger::Signal), "");
        }
        assert_eq!(shelf.does(Errand::RollBack, &shelf.hash(TWO)), shelf.hash(ONE));
        shelf.holds(THREE);
        assert_eq!(shelf.does(Errand::Reload(Trigger::Watch), ""), shelf.hash(THREE));
        assert_eq!(shelf.does(Errand::RollBack, &shelf.hash(THREE)), shelf.hash(ONE));
        fs::remove_dir_all(&shelf.base).unwrap();
    }

    #[test]
    fn a_disk_that_takes_nothing_costs_no_dialplan_that_was_kept() {
        let shelf = shelf("full-disk", 2);
        for text in [ONE, TWO] {
            shelf.holds(text);
            shelf.does(Errand::Reload(Trigger::Signal), "");
        }
        // Where the third would be written first.
        fs::create_dir(shelf.folder.join("000003.json.new")).unwrap();
        for text in [THREE, ONE] {
            shelf.holds(text);
            assert_eq!(shelf.does(Errand::Reload(Trigger::Signal), ""), shelf.hash(text));
        }
        let kept: Vec<String> = shelf.kept().into_iter().map(|(_, kept)| kept.hash).collect();
        assert_eq!(kept, [shelf.hash(ONE), shelf.hash(TWO)]);
        fs::remove_dir_all(&shelf.base).unwrap();
    }

    #[test]
    fn only_sound_ones_are_kept_and_no_more_than_so_many() {
        let shelf = shelf("kept", 2);
        for text in [ONE, "flow \"a\" {\n", TWO, THREE, THREE] {
            shelf.holds(text);
            let _ = shelf.carry_out(Errand::Reload(Trigger::Api), "");
        }
        let kept: Vec<String> = shelf.kept().into_iter().map(|(_, kept)| kept.hash).collect();
        assert_eq!(kept, [shelf.hash(TWO), shelf.hash(THREE)]);
        assert_eq!(fs::metadata(&shelf.folder).unwrap().mode() & 0o777, 0o700);
        shelf.holds("flow \"a\" {\n");
        let Err(Unread::Faults(faults)) = shelf.carry_out(Errand::Compare, "") else { panic!() };
        assert!(faults[0].path.ends_with("a.kdl"), "{faults:?}");
        fs::remove_dir_all(&shelf.base).unwrap();
    }

    #[test]
    fn a_reload_reads_the_prompts_anew() {
        let shelf = shelf("prompts", 2);
        shelf.holds("number \"+551140031234\" flow=\"a\"\nflow \"a\" { play \"novo\"; hangup }\n");
        let Err(Unread::Faults(faults)) = shelf.carry_out(Errand::Reload(Trigger::Api), "") else { panic!() };
        assert!(faults[0].message.contains("novo"), "{faults:?}");
        let folder = shelf.base.join("dialplans/prompts/pt-BR");
        fs::create_dir_all(&folder).unwrap();
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/dialplans/prompts/pt-BR/closed.wav");
        fs::copy(shipped, folder.join("novo.wav")).unwrap();
        let read = shelf.carry_out(Errand::Reload(Trigger::Api), "").unwrap();
        assert!(read.prompts.unwrap().find("novo", "pt-BR").is_some());
        fs::write(folder.join("novo.wav"), "no sound").unwrap();
        let Err(Unread::Faults(faults)) = shelf.carry_out(Errand::Reload(Trigger::Api), "") else { panic!() };
        assert!(faults[0].message.contains("cannot be played"), "{faults:?}");
        fs::remove_dir_all(&shelf.base).unwrap();
    }

    #[test]
    fn the_way_back_does_not_hang_on_a_prompt_that_is_broken_now() {
        let shelf = shelf("broken-prompt", 2);
        for text in [ONE, TWO] {
            shelf.holds(text);
            shelf.carry_out(Errand::Reload(Trigger::Api), "").unwrap();
        }
        let folder = shelf.base.join("dialplans/prompts/pt-BR");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("novo.wav"), "no sound").unwrap();
        let back = shelf.carry_out(Errand::RollBack, &shelf.hash(TWO)).unwrap();
        assert_eq!(back.checked.program.hash(), shelf.hash(ONE));
        assert!(back.prompts.is_none(), "those that the server has are kept");
        fs::remove_dir_all(&shelf.base).unwrap();
    }

    #[test]
    fn a_folder_without_files_is_a_fault() {
        let shelf = shelf("none", 2);
        let Err(Unread::Faults(faults)) = shelf.carry_out(Errand::Reload(Trigger::Api), "") else { panic!() };
        assert!(faults[0].message.contains("no dialplan file fits"), "{faults:?}");
        fs::remove_dir_all(&shelf.base).unwrap();
    }
}
