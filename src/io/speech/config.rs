//! `[speech]`: who speaks the texts for which there is no prompt.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use serde::Deserializer;

/// `[speech]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The program and its arguments; it writes a WAV file to its standard output. `{language}` stands for the language
    /// (`pt-br`), `{voice}` for its voice, `{text}` for the text; without `{text}` the text comes on standard input. An
    /// empty list: no speech. Default: `espeak-ng` with the voice of the language.
    pub command: Vec<String>,
    /// An engine that is asked in the place of the program: it gets a POST with `text`, `language` and `voice` as JSON, and
    /// answers with a WAV file. Default: none.
    pub url: Option<EngineUrl>,
    /// The `[[credential]]` that goes along, if its host is that of `url`. Default: none.
    pub credential: Option<String>,
    /// Language (`pt-br`, or `pt` for all of its kinds) → the engine's name of a voice. Default: none, the engine chooses.
    #[serde(deserialize_with = "in_small_letters")]
    pub voices: BTreeMap<String, String>,
    /// Longest time for one text. Default: 10 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let command = ["espeak-ng", "-v", "{language}", "--stdin", "--stdout"];
        Self {
            command: command.map(str::to_owned).to_vec(),
            url: None,
            credential: None,
            voices: BTreeMap::new(),
            timeout: Duration::from_secs(10),
        }
    }
}

impl Config {
    /// Of a language in small letters.
    pub(super) fn voice_of(&self, language: &str) -> Option<&str> {
        let of_all_kinds = language.split('-').next().unwrap_or(language);
        self.voices.get(language).or_else(|| self.voices.get(of_all_kinds)).map(String::as_str)
    }
}

/// Where an engine is asked.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct EngineUrl(Url);

impl EngineUrl {
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// The rest of an address may hold a key.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

impl TryFrom<String> for EngineUrl {
    type Error = String;

    fn try_from(text: String) -> Result<EngineUrl, String> {
        let url = Url::parse(&text).map_err(|why| format!("`url` is no address: {why}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("`url` begins with https:// or http://".to_owned());
        }
        Ok(EngineUrl(url))
    }
}

/// Without its path.
impl fmt::Debug for EngineUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.host())
    }
}

fn in_small_letters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let voices = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(voices.into_iter().map(|(language, voice)| (language.to_ascii_lowercase(), voice)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_that_of_the_country_else_of_the_language() {
        let config: Config = toml::from_str("voices = { pt-BR = \"faber\", es = \"carlos\" }").unwrap();
        let voices = ["pt-br", "pt", "es-mx", "en"].map(|language| config.voice_of(language));
        assert_eq!(voices, [Some("faber"), None, Some("carlos"), None]);
    }

    #[test]
    fn an_address_that_no_engine_can_have_is_a_fault_and_is_shown_without_its_path() {
        for url in ["tts.local", "ftp://tts.local", "http://", ""] {
            assert!(toml::from_str::<Config>(&format!("url = \"{url}\"")).is_err(), "{url}");
        }
        let config: Config = toml::from_str("url = \"http://tts.local:5000/speak?key=secret\"").unwrap();
        assert!(!format!("{config:?}").contains("secret"));
    }
}
