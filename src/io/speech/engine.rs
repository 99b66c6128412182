//! An engine that speaks over HTTP: one question, one WAV file, never led elsewhere.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use serde_json::json;

use crate::io::http::Http;
use crate::io::http::Whole;
use crate::io::lookup::config::Credential;
use crate::io::speech::EngineError;
use crate::io::speech::LARGEST_WAV;
use crate::io::speech::Said;
use crate::io::speech::SpeechError;
use crate::io::speech::config::EngineUrl;

#[derive(Debug)]
pub(super) struct Engine {
    http: Http,
    url: EngineUrl,
    /// A secret, for the host that it is meant for.
    header: Option<(HeaderName, HeaderValue)>,
}

impl Engine {
    pub(super) fn new(
        url: EngineUrl,
        credential: Option<&Credential>,
        base: &Path,
        trust: Option<&Path>,
    ) -> Result<Engine, EngineError> {
        let meant = credential.filter(|credential| credential.host.eq_ignore_ascii_case(url.host()));
        let header = meant.map(|credential| credential.header(base)).transpose()?;
        Ok(Engine { http: Http::new(trust)?, url, header })
    }

    /// Its name in complaints.
    pub(super) fn host(&self) -> &str {
        self.url.host()
    }

    pub(super) async fn ask(&self, said: &Said, voice: Option<&str>, limit: Duration) -> Result<Vec<u8>, SpeechError> {
        let question = json!({ "text": said.text, "language": said.language, "voice": voice }).to_string();
        let largest = usize::try_from(LARGEST_WAV).unwrap_or(usize::MAX);
        let answer = self.http.fetch(self.url.url(), self.header.as_ref(), Bytes::from(question), largest, limit).await;
        let host = self.host().to_owned();
        match answer {
            Whole::Body(wav) => Ok(wav.to_vec()),
            Whole::Status(status) => Err(SpeechError::Refused { host, status }),
            Whole::TooLarge => Err(SpeechError::TooLarge { program: host }),
            Whole::TooSlow => Err(SpeechError::TooSlow { program: host, limit }),
            Whole::Nothing(why) => Err(SpeechError::NoAnswer { host, why }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use super::*;
    use crate::io::probe::stand_ins;
    use crate::io::speech::Speaker;
    use crate::io::speech::config::Config;
    use crate::media::wav;

    fn speaker(address: SocketAddr) -> Speaker {
        let text = format!(
            "url = \"http://{address}/speak?v=1\"\ncredential = \"tts\"\ntimeout = \"500ms\"\nvoices = {{ pt-br = \"faber\" }}"
        );
        let config: Config = toml::from_str(&text).unwrap();
        let credential = "name = \"tts\"\nhost = \"127.0.0.1\"\nheader = \"X-Key\"\nvalue = \"k\"";
        let credential: Credential = toml::from_str(credential).unwrap();
        Speaker::new(config, &[credential], Path::new("."), None).unwrap()
    }

    async fn fault(address: SocketAddr) -> String {
        speaker(address).speak("oi", "pt-BR").await.unwrap_err().to_string()
    }

    fn half_a_second() -> Vec<u8> {
        let (mut writer, mut data) = (wav::Writer::new(wav::Encoding::Linear16, 8_000), Vec::new());
        writer.samples(&[700; 4_000], &mut data);
        let file = [&writer.header()[..], &data].concat();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: {}\r\n\r\n", file.len());
        [head.as_bytes(), &file].concat()
    }

    #[tokio::test]
    async fn an_engine_is_asked_once_with_text_language_and_voice_and_what_it_said_is_recalled() {
        let (address, seen) = stand_ins::http_that_listens(half_a_second()).await;
        let speaker = speaker(address);
        let first = speaker.speak("A senhora \"Ana\" é a 2ª", "pt-BR").await.unwrap();
        assert_eq!(first.duration(), Duration::from_millis(500));
        let seen = seen.await.unwrap();
        assert!(seen.starts_with("POST /speak?v=1 HTTP/1.1"), "{seen}");
        assert!(seen.contains("content-type: application/json") && seen.contains("x-key: k"), "{seen}");
        let (_, body) = seen.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body, json!({ "text": "A senhora \"Ana\" é a 2ª", "language": "pt-br", "voice": "faber" }));
        // The stand-in answers one question only.
        let second = speaker.speak("A senhora \"Ana\" é a 2ª", "pt-BR").await.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(speaker.speak("outra coisa", "pt-BR").await.is_err());
    }

    #[tokio::test]
    async fn an_engine_that_fails_says_how() {
        let broken = stand_ins::http(b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nRIFF").await;
        assert!(fault(broken).await.contains("status 500"));
        let elsewhere = stand_ins::http(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n").await;
        assert!(fault(elsewhere).await.contains("status 302"));
        let page = stand_ins::http(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>").await;
        assert!(fault(page).await.contains("no WAV file"));
        let closed = stand_ins::closed_port().await;
        assert!(fault(closed).await.contains("gave no answer"));
    }

    #[tokio::test]
    async fn an_answer_is_bounded_in_size_and_in_time_whether_it_says_so_or_not() {
        let said = stand_ins::http(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nRIFF").await;
        assert!(fault(said).await.contains("more than"));
        let endless = stand_ins::http_without_end("HTTP/1.1 200 OK\r\n\r\n").await;
        let fault_of_endless = fault(endless).await;
        assert!(fault_of_endless.contains("more than") || fault_of_endless.contains("did not finish"));
        let slow = stand_ins::http_that_trickles().await;
        assert!(fault(slow).await.contains("did not finish"));
        let silent = stand_ins::silent().await;
        assert!(fault(silent).await.contains("did not finish"));
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_is_not_played() {
        let half = half_a_second();
        let half: &[u8] = half[..half.len() / 2].to_vec().leak();
        let address = stand_ins::http(half).await;
        assert!(fault(address).await.contains("gave no answer"));
    }
}
