//! The prompts by name and language: those inside the binary, and the operator's files over them.
//!
//! A prompt is a file `LANGUAGE/NAME.wav`; hold music stands beside the languages, in `music`. Files are read elsewhere and handed in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use include_dir::Dir;
use include_dir::File;
use include_dir::include_dir;

use crate::media::clip::Clip;
use crate::media::wav::WavError;

/// The folder of hold music, which belongs to no language.
pub const MUSIC: &str = "music";

/// Every prompt that can be played.
#[derive(Debug, Clone, Default)]
pub struct Prompts {
    by_name: BTreeMap<String, BTreeMap<String, Arc<Clip>>>,
    music: BTreeMap<String, Arc<Clip>>,
}

impl Prompts {
    /// What is inside the binary. Samples stay compressed and are not copied.
    pub fn shipped() -> Prompts {
        let mut prompts = Prompts::default();
        for folder in SHIPPED.dirs() {
            let language = folder.path().to_string_lossy();
            for file in folder.files() {
                prompts.take_shipped(&language, file);
            }
        }
        prompts
    }

    /// Puts a file of the operator's in the place of a shipped prompt, or beside them. `language` is the folder's name:
    /// a language tag, or [`MUSIC`].
    pub fn overlay(&mut self, name: &str, language: &str, wav: Vec<u8>) -> Result<(), WavError> {
        let clip = Clip::from_wav(name, Cow::Owned(wav))?;
        self.insert(name, language, clip);
        Ok(())
    }

    /// A prompt in a language: exactly (`pt-BR`), else in the same language elsewhere (`pt`, `pt-PT`). Never in another
    /// language: that is for the dialplan to decide.
    pub fn find(&self, name: &str, language: &str) -> Option<Arc<Clip>> {
        let languages = self.by_name.get(name)?;
        let exact = languages.get(language);
        let related = || {
            languages.iter().find(|(tag, _)| primary(tag).eq_ignore_ascii_case(primary(language))).map(|(_, clip)| clip)
        };
        exact.or_else(related).cloned()
    }

    /// Hold music by name.
    pub fn music(&self, name: &str) -> Option<Arc<Clip>> {
        self.music.get(name).cloned()
    }

    /// All pieces of a music, in the order of their names: its one file, or those of the folder that is called so.
    pub fn pieces(&self, name: &str) -> Vec<Arc<Clip>> {
        if let Some(piece) = self.music(name) {
            return vec![piece];
        }
        let folder = format!("{name}/");
        let from_there = self.music.range(folder.clone()..);
        from_there.take_while(|(piece, _)| piece.starts_with(&folder)).map(|(_, clip)| Arc::clone(clip)).collect()
    }

    /// The languages in which a prompt is there.
    pub fn languages_of(&self, name: &str) -> Vec<String> {
        self.by_name.get(name).map(|languages| languages.keys().cloned().collect()).unwrap_or_default()
    }

    /// Every prompt with its languages; without music.
    pub fn names(&self) -> BTreeMap<String, BTreeSet<String>> {
        let languages = |clips: &BTreeMap<String, Arc<Clip>>| clips.keys().cloned().collect();
        self.by_name.iter().map(|(name, clips)| (name.clone(), languages(clips))).collect()
    }

    /// Which prompts and pieces sound otherwise there, or are missing on one side: `NAME (LANGUAGE)`.
    pub fn differences(&self, other: &Prompts) -> BTreeSet<String> {
        let (ours, theirs) = (self.named(), other.named());
        let sounds_alike = |name: &String| matches!((ours.get(name), theirs.get(name)), (Some(a), Some(b)) if a == b);
        ours.keys().chain(theirs.keys()).filter(|name| !sounds_alike(name)).cloned().collect()
    }

    fn named(&self) -> BTreeMap<String, &Clip> {
        let spoken = self.by_name.iter().flat_map(|(name, languages)| {
            languages.iter().map(move |(language, clip)| (format!("{name} ({language})"), &**clip))
        });
        let music = self.music.iter().map(|(name, clip)| (format!("{name} ({MUSIC})"), &**clip));
        spoken.chain(music).collect()
    }

    pub fn music_names(&self) -> BTreeSet<String> {
        self.music.keys().cloned().collect()
    }

    fn take_shipped(&mut self, language: &str, file: &'static File<'static>) {
        let path = file.path();
        let (Some(stem), Some("wav")) =
            (path.file_stem().and_then(|stem| stem.to_str()), path.extension().and_then(|kind| kind.to_str()))
        else {
            return;
        };
        // A test holds that every shipped file can be read.
        if let Ok(clip) = Clip::from_wav(stem, Cow::Borrowed(file.contents())) {
            self.insert(stem, language, clip);
        }
    }

    fn insert(&mut self, name: &str, language: &str, clip: Clip) {
        let clips = match language {
            MUSIC => &mut self.music,
            _ => self.by_name.entry(name.to_owned()).or_default(),
        };
        let key = if language == MUSIC { name } else { language };
        clips.insert(key.to_owned(), Arc::new(clip));
    }
}

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/dialplans/prompts");

/// The language without its region: `pt` of `pt-BR`.
fn primary(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::media::codec::CodecKind;
    use crate::media::speech;
    use crate::media::speech::Language;
    use crate::media::wav;
    use crate::media::wav::Encoding;

    const LANGUAGES: [&str; 3] = ["pt-BR", "en", "es"];

    #[test]
    fn every_shipped_file_can_be_read_and_is_heard() {
        let prompts = Prompts::shipped();
        let files = SHIPPED
            .dirs()
            .flat_map(Dir::files)
            .filter(|file| file.path().extension().is_some_and(|kind| kind == "wav"));
        let clips = prompts.by_name.values().map(BTreeMap::len).sum::<usize>() + prompts.music.len();
        assert_eq!(files.count(), clips);
        for clip in prompts.by_name.values().flat_map(BTreeMap::values) {
            assert!((Duration::from_millis(100)..Duration::from_secs(15)).contains(&clip.duration()), "{clip:?}");
            assert!(clip.samples().iter().any(|sample| sample.unsigned_abs() > 8_000), "{clip:?} is too soft");
        }
        assert!(prompts.music("default").unwrap().duration() > Duration::from_secs(20));
    }

    #[test]
    fn every_line_of_the_texts_has_its_file_and_every_file_its_line() {
        let prompts = Prompts::shipped();
        for language in LANGUAGES {
            let texts = SHIPPED.get_file(format!("{language}/texts.tsv")).unwrap().contents_utf8().unwrap();
            let lines =
                texts.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once('\t').unwrap().0);
            let written: BTreeSet<String> = lines.map(str::to_owned).collect();
            let there: BTreeSet<String> = prompts
                .names()
                .into_iter()
                .filter(|(_, languages)| languages.contains(language))
                .map(|(name, _)| name)
                .collect();
            assert_eq!(written, there, "{language}");
        }
    }

    #[test]
    fn names_that_others_rely_on_are_there_in_every_language() {
        let prompts = Prompts::shipped();
        let names = [
            "whatsapp-down",
            "channel-down",
            "main-menu",
            "queue-position",
            "queue-wait",
            "voicemail",
            "goodbye",
            "invalid-key",
            "all-busy",
            "closed",
            "welcome",
            "please-wait",
            "connecting",
            "transfer-failed",
            "callback-offer",
            "recording-notice",
            "voicemail-saved",
            "thank-you",
            "instagram-down",
            "telegram-down",
        ];
        for (name, language) in names.iter().flat_map(|name| LANGUAGES.map(|language| (name, language))) {
            assert!(prompts.find(name, language).is_some(), "{name} is missing in {language}");
        }
    }

    #[test]
    fn every_number_can_be_said_in_every_language() {
        let prompts = Prompts::shipped();
        let numbers =
            || (0..2_000).chain((0..=speech::LARGEST).step_by(997)).chain([21_000, 101_000, 131_131, speech::LARGEST]);
        for (tag, number) in LANGUAGES.into_iter().flat_map(|tag| numbers().map(move |number| (tag, number))) {
            let names = speech::cardinal(number, Language::of(tag).unwrap()).unwrap();
            for name in names.into_iter().chain(speech::digits("0123456789*#")) {
                assert!(prompts.find(&name, tag).is_some(), "{name} is missing in {tag}");
            }
        }
    }

    #[test]
    fn a_language_is_found_by_its_relatives_but_not_replaced_by_another() {
        let prompts = Prompts::shipped();
        let goodbye = prompts.find("goodbye", "pt-BR").unwrap();
        assert!(Arc::ptr_eq(&goodbye, &prompts.find("goodbye", "pt").unwrap()));
        assert!(Arc::ptr_eq(&goodbye, &prompts.find("goodbye", "PT-pt").unwrap()));
        assert!(prompts.find("goodbye", "de").is_none());
        assert!(prompts.find("default", "pt-BR").is_none(), "music belongs to no language");
        assert_eq!(prompts.languages_of("goodbye"), ["en", "es", "pt-BR"]);
    }

    #[test]
    fn a_file_of_the_operator_wins() {
        let mut prompts = Prompts::shipped();
        let mut writer = wav::Writer::new(Encoding::Linear16, 16_000);
        let mut samples = Vec::new();
        writer.samples(&[1000; 32_000], &mut samples);
        let file = [&writer.header()[..], &samples].concat();
        prompts.overlay("goodbye", "en", file.clone()).unwrap();
        prompts.overlay("jazz", MUSIC, file.clone()).unwrap();
        for piece in ["blues/2", "blues/1", "bluesy"] {
            prompts.overlay(piece, MUSIC, file.clone()).unwrap();
        }
        let blues = prompts.pieces("blues");
        assert_eq!(blues.iter().map(|piece| piece.name()).collect::<Vec<_>>(), ["blues/1", "blues/2"]);
        assert_eq!((prompts.pieces("jazz").len(), prompts.pieces("polka").len()), (1, 0));
        assert_eq!(prompts.find("goodbye", "en").unwrap().duration(), Duration::from_secs(2));
        assert_eq!(
            prompts.music_names(),
            ["blues/1", "blues/2", "bluesy", "default", "jazz"].map(str::to_owned).into()
        );
        assert_eq!(prompts.overlay("goodbye", "en", b"text".to_vec()), Err(WavError::NotWav));
    }

    #[test]
    fn a_shipped_prompt_is_sent_as_it_lies_in_the_binary() {
        let clip = Prompts::shipped().find("goodbye", "en").unwrap();
        let file = SHIPPED.get_file("en/goodbye.wav").unwrap().contents();
        let frames = clip.encoded(CodecKind::Pcma);
        assert_eq!(frames.frame(0), wav::read(file).unwrap().data.get(..160));
        assert!(std::ptr::eq(frames, clip.encoded(CodecKind::Pcma)), "encoded once");
    }
}
