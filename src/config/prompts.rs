//! The shipped prompts, and the operator's files over them: `dialplans/prompts/LANGUAGE/NAME.wav`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::config::rule::Rule;
use crate::dialplan::fault::Fault;
use crate::dialplan::rule::Rule::Unreadable;
use crate::media::prompts::MUSIC;
use crate::media::prompts::Prompts;

/// Below the folder that a configuration's paths start from.
const FOLDER: &str = "dialplans/prompts";

/// Reads every WAV file there is. No folder means no files of the operator's; a file that cannot be played is a fault.
pub(super) fn read(base: &Path, faults: &mut Vec<Fault>) -> Prompts {
    let mut prompts = Prompts::shipped();
    for language in entries(&base.join(FOLDER)).into_iter().filter(|path| path.is_dir()) {
        let name = file_name(&language);
        for file in sounds(&language) {
            if let Err(why) = overlay(&mut prompts, &name, &file, "") {
                faults.push(fault(&file, why));
            }
        }
    }
    // A music of several pieces is a folder of them.
    for folder in entries(&base.join(FOLDER).join(MUSIC)).into_iter().filter(|path| path.is_dir()) {
        let before = format!("{}/", file_name(&folder));
        for file in sounds(&folder) {
            if let Err(why) = overlay(&mut prompts, MUSIC, &file, &before) {
                faults.push(fault(&file, why));
            }
        }
    }
    prompts
}

fn sounds(folder: &Path) -> impl Iterator<Item = PathBuf> {
    entries(folder).into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "wav"))
}

fn overlay(prompts: &mut Prompts, language: &str, file: &Path, before: &str) -> Result<(), String> {
    let wav = fs::read(file).map_err(|error| error.to_string())?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    prompts.overlay(&format!("{before}{name}"), language, wav).map_err(|error| error.to_string())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).map(|entries| entries.filter_map(Result::ok).map(|entry| entry.path()).collect());
    let mut found: Vec<PathBuf> = found.unwrap_or_default();
    found.sort();
    found
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn fault(file: &Path, why: String) -> Fault {
    let help = "prompts are WAV files, best mono at 8 or 16 kHz".to_owned();
    let path = file.display().to_string();
    let fault = Fault::of_file(&path, Unreadable, format!("this prompt cannot be played: {why}"), Some(help));
    Fault { code: Rule::UnplayablePrompt.code(), ..fault }
}
