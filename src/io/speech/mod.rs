//! Text to speech by a program that the operator chose, or by an engine that he named.
//!
//! The program gets the text on its standard input, or as one argument; no shell ever reads it. An engine gets it as JSON
//! over HTTP. What comes back must be a WAV file of bounded size, in bounded time. What was said lately is kept.

pub mod config;
mod engine;

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::io::http::HttpError;
use crate::io::lookup::config::Credential;
use crate::io::lookup::config::CredentialError;
use crate::io::program;
use crate::io::program::Fault;
use crate::io::program::Ran;
use crate::io::speech::config::Config;
use crate::io::speech::engine::Engine;
use crate::media::clip::Clip;
use crate::media::wav::WavError;

#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    #[error("no program for speech is set: see `[speech] command`")]
    Off,
    #[error("the text has {length} characters; at most {LONGEST_TEXT} are spoken")]
    TooLong { length: usize },
    #[error("`{0}` is no language tag")]
    Language(String),
    #[error("`{program}` does not start: {why}; install it, or set `[speech] command`")]
    NotStarted { program: String, why: std::io::Error },
    #[error("`{program}` did not finish within {} s", limit.as_secs())]
    TooSlow { program: String, limit: Duration },
    #[error("`{program}` failed ({status}): {said}")]
    Failed { program: String, status: ExitStatus, said: String },
    #[error("`{program}` wrote more than {LARGEST_WAV} bytes")]
    TooLarge { program: String },
    #[error("`{program}` wrote no WAV file that can be played: {why}")]
    NotWav { program: String, why: WavError },
    #[error("`{program}` cannot be talked to: {why}")]
    Broken { program: String, why: std::io::Error },
    #[error("{host} gave no answer: {why}")]
    NoAnswer { host: String, why: String },
    #[error("{host} answered with status {status}")]
    Refused { host: String, status: u16 },
}

/// Why an engine cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    Credential(#[from] CredentialError),
}

/// Characters of one text; two minutes of speech.
const LONGEST_TEXT: usize = 2_000;
/// Bytes of one answer: three minutes at 22 kHz.
const LARGEST_WAV: u64 = 8 << 20;
/// Texts that are kept. Each is some 100 KB.
const KEPT: usize = 64;
/// Programs that run, or engines that are asked, at the same time.
const AT_ONCE: usize = 2;

/// Speaks; shared by whoever asks.
#[derive(Debug)]
pub struct Speaker {
    config: Config,
    /// Asked in the place of the program.
    engine: Option<Engine>,
    /// The last ones, newest at the back.
    kept: Mutex<VecDeque<(Said, Arc<Clip>)>>,
    turns: Semaphore,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    text: String,
    language: String,
}

impl Speaker {
    /// `trust`: a PEM file with further authorities. The files of credentials start at `base`.
    pub fn new(
        config: Config,
        credentials: &[Credential],
        base: &Path,
        trust: Option<&Path>,
    ) -> Result<Speaker, EngineError> {
        let credential = credentials.iter().find(|known| Some(&known.name) == config.credential.as_ref());
        let engine = config.url.clone().map(|url| Engine::new(url, credential, base, trust)).transpose()?;
        Ok(Speaker { config, engine, kept: Mutex::default(), turns: Semaphore::new(AT_ONCE) })
    }

    pub async fn speak(&self, text: &str, language: &str) -> Result<Arc<Clip>, SpeechError> {
        let said = Said { text: text.to_owned(), language: language.to_ascii_lowercase() };
        check(&said)?;
        if let Some(clip) = self.recall(&said) {
            return Ok(clip);
        }
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let (program, wav) = match &self.engine {
            Some(engine) => {
                let wav = engine.ask(&said, self.config.voice_of(&said.language), self.config.timeout).await?;
                (engine.host().to_owned(), wav)
            }
            None => {
                let (program, arguments) = self.arguments(&said).ok_or(SpeechError::Off)?;
                let wav = self.run(&program, &arguments, &said).await?;
                (program, wav)
            }
        };
        let clip = Clip::from_wav("speech", wav.into()).map_err(|why| SpeechError::NotWav { program, why })?;
        let clip = Arc::new(clip);
        self.keep(said, &clip);
        Ok(clip)
    }

    fn recall(&self, said: &Said) -> Option<Arc<Clip>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|(known, _)| known == said)?;
        let entry = kept.remove(at)?;
        let clip = entry.1.clone();
        kept.push_back(entry);
        Some(clip)
    }

    fn keep(&self, said: Said, clip: &Arc<Clip>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back((said, clip.clone()));
    }

    fn arguments(&self, said: &Said) -> Option<(String, Vec<String>)> {
        let (program, arguments) = self.config.command.split_first()?;
        let voice = self.config.voice_of(&said.language).unwrap_or_default();
        let values = [("{language}", &*said.language), ("{voice}", voice), ("{text}", &*said.text)];
        let fill = |argument: &String| program::fill(argument, &values);
        Some((program.clone(), arguments.iter().map(fill).collect()))
    }

    async fn run(&self, program: &str, arguments: &[String], said: &Said) -> Result<Vec<u8>, SpeechError> {
        let by_argument = self.config.command.iter().any(|argument| argument.contains("{text}"));
        let input = if by_argument { "" } else { &said.text };
        let limit = self.config.timeout;
        let ran = program::run(program, arguments, input.as_bytes(), LARGEST_WAV + 1, limit).await;
        let program = program.to_owned();
        match ran {
            Ok(Ran { wrote, .. }) if wrote.len() as u64 > LARGEST_WAV => Err(SpeechError::TooLarge { program }),
            Ok(Ran { status, wrote, .. }) if status.success() => Ok(wrote),
            Ok(Ran { status, said, .. }) => Err(SpeechError::Failed { program, status, said }),
            Err(Fault::NotStarted(why)) => Err(SpeechError::NotStarted { program, why }),
            Err(Fault::TooSlow) => Err(SpeechError::TooSlow { program, limit }),
            Err(Fault::Broken(why)) => Err(SpeechError::Broken { program, why }),
        }
    }
}

fn check(said: &Said) -> Result<(), SpeechError> {
    let length = said.text.chars().count();
    if length > LONGEST_TEXT {
        return Err(SpeechError::TooLong { length });
    }
    let is_tag = !said.language.starts_with('-')
        && said.language.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if said.language.is_empty() || !is_tag {
        return Err(SpeechError::Language(said.language.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaker(command: &[&str]) -> Speaker {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let config = Config { command, timeout: Duration::from_millis(500), ..Config::default() };
        Speaker::new(config, &[], Path::new("."), None).unwrap()
    }

    fn fault(command: &[&str], text: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(speaker(command).speak(text, "pt-BR")).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_with_a_program_is_said() {
        assert!(fault(&["/nowhere/voice"], "oi").contains("install it, or set `[speech] command`"));
        assert!(fault(&["cat"], "oi").contains("no WAV file"));
        assert!(fault(&["false"], "oi").contains("failed"));
        assert!(fault(&["sleep", "5"], "oi").contains("did not finish"));
        assert!(fault(&[], "oi").contains("[speech] command"));
        assert!(fault(&["cat"], &"a".repeat(3_000)).contains("3000 characters"));
    }

    #[test]
    fn a_program_is_told_the_voice_of_the_language() {
        let voices = [("pt-br".to_owned(), "faber".to_owned())].into();
        let command = ["say", "{voice}"].map(str::to_owned).to_vec();
        let config = Config { command, voices, ..Config::default() };
        let speaker = Speaker::new(config, &[], Path::new("."), None).unwrap();
        for (language, voice) in [("pt-br", "faber"), ("en", "")] {
            let said = Said { text: "oi".into(), language: language.into() };
            assert_eq!(speaker.arguments(&said).unwrap().1, [voice]);
        }
    }

    #[test]
    fn a_text_never_becomes_an_option_or_a_command() {
        let said = Said { text: "-f /etc/passwd; $(id)".into(), language: "pt-br".into() };
        let (_, arguments) = speaker(&["say", "--voice={language}", "{text}"]).arguments(&said).unwrap();
        assert_eq!(arguments, ["--voice=pt-br", " -f /etc/passwd; $(id)"]);
        let odd = Said { text: String::new(), language: "-f/etc/passwd".into() };
        assert!(check(&odd).is_err());
    }

    #[test]
    fn a_text_is_spoken_once_and_then_recalled() {
        let mut file = Vec::new();
        let mut writer = crate::media::wav::Writer::new(crate::media::wav::Encoding::Linear16, 8_000);
        writer.samples(&[0; 160], &mut file);
        let path = std::env::temp_dir().join(format!("desvio-speech-{}.wav", std::process::id()));
        std::fs::write(&path, [&writer.header()[..], &file].concat()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let speaker = speaker(&["cat", &path.display().to_string()]);
        let first = runtime.block_on(speaker.speak("oi", "pt-BR")).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = runtime.block_on(speaker.speak("oi", "pt-BR")).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(runtime.block_on(speaker.speak("tchau", "pt-BR")).is_err());
    }
}
