//! `/status`: tells customers whether the chat works and how to reach the business now.
//!
//! Anybody may see it, so it says nothing of the inside: no reason, no target, no drill. The switch is asked once in
//! [`FRESH_FOR`], however many look; beyond [`MOST_A_SECOND`] they are told to come again.

pub mod config;
mod language;
mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_LANGUAGE;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::REFERRER_POLICY;
use axum::http::header::RETRY_AFTER;
use axum::http::header::VARY;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::header::X_FRAME_OPTIONS;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Mutex;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::api::Asked;
use crate::api::status_page::config::Config;
use crate::api::status_page::language::Language;
use crate::api::status_page::page::Page;
use crate::outage::ChannelState;
use crate::outage::news::News;
use crate::switch::command::Answer;
use crate::switch::command::ChannelView;
use crate::switch::command::Command;

/// What the switch said counts for so long.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// Browsers and proxies may keep the page for so long.
const CACHED_FOR: &str = "public, max-age=15";
/// Answers in a second, for all who look together.
const MOST_A_SECOND: u32 = 200;
/// How long the switch is waited for. Without an answer the page tells the numbers and no states.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything that the page stands on. Both doors show the same one.
pub struct StatusPage {
    config: Config,
    commands: mpsc::Sender<Asked>,
    zone: TimeZone,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Option<Instant>,
    channels: Vec<Shown>,
    /// The second that is counted, and how many have come in it.
    second: Instant,
    count: u32,
}

/// A channel as customers may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    name: String,
    word: Word,
    since: Option<Timestamp>,
}

/// What customers are told of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Works,
    /// Also where messages may not reach us for a reason of our own.
    Unreliable,
    Down,
    /// It still counts as down.
    ComingBack,
}

impl StatusPage {
    pub fn new(config: Config, commands: mpsc::Sender<Asked>) -> Self {
        let seen = Seen { at: None, channels: Vec::new(), second: Instant::now(), count: 0 };
        Self { config, commands, zone: TimeZone::system(), seen: Mutex::new(seen) }
    }

    /// None: too many look at once.
    async fn channels(&self) -> Option<Vec<Shown>> {
        let mut seen = self.seen.lock().await;
        if !seen.admits(Instant::now()) {
            return None;
        }
        if seen.at.is_none_or(|at| at.elapsed() >= FRESH_FOR) {
            // Also a question that was not answered is not asked again at once.
            seen.channels = self.ask().await;
            seen.at = Some(Instant::now());
        }
        Some(seen.channels.clone())
    }

    async fn ask(&self) -> Vec<Shown> {
        let (answer, answered) = oneshot::channel();
        if self.commands.try_send((Command::Channels, answer)).is_err() {
            return Vec::new();
        }
        match timeout(PATIENCE, answered).await {
            Ok(Ok(Ok(Answer::Channels(views)))) => shown(&self.config, &views),
            _ => Vec::new(),
        }
    }
}

/// The page in this language, pt-BR or en, of what the switch says of its channels.
pub fn html(config: &Config, views: &[ChannelView], language: &str, zone: &TimeZone) -> String {
    let channels = shown(config, views);
    Page { config, channels: &channels, language: Language::named(language), zone }.to_string()
}

fn shown(config: &Config, views: &[ChannelView]) -> Vec<Shown> {
    let names = &config.channels;
    let name = |view: &ChannelView| match names.is_empty() {
        true => (!view.verdict.evidence.is_empty()).then(|| view.name.clone()),
        false => names.get(&view.name).cloned(),
    };
    let shown = |view: &ChannelView| Some(Shown { name: name(view)?, word: Word::of(view), since: view.verdict.since });
    views.iter().filter_map(shown).collect()
}

impl Seen {
    fn admits(&mut self, now: Instant) -> bool {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.second, self.count) = (now, 0);
        }
        self.count += 1;
        self.count <= MOST_A_SECOND
    }
}

impl Word {
    fn of(view: &ChannelView) -> Word {
        match (view.verdict.state, News::of(view.verdict.state, view.verdict.blame)) {
            (ChannelState::Down, _) => Word::Down,
            (ChannelState::Recovering, _) => Word::ComingBack,
            (ChannelState::Degraded, _) => Word::Unreliable,
            (ChannelState::Up, News::OurCredential | News::OurWebhook | News::BlockedHere) => Word::Unreliable,
            (ChannelState::Up, _) => Word::Works,
        }
    }
}

/// The page and nothing else.
pub fn router(page: Arc<StatusPage>) -> Router {
    Router::new().route("/status", get(show)).route("/", get(show)).with_state(page)
}

/// The page beside the API.
pub(super) fn route(page: Arc<StatusPage>) -> Router {
    Router::new().route("/status", get(show)).with_state(page)
}

async fn show(State(page): State<Arc<StatusPage>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let Some(channels) = page.channels().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response();
    };
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let chosen = query.as_deref().and_then(Language::in_query).or_else(|| Language::accepted(accepted));
    let language = chosen.unwrap_or_else(|| Language::named(&page.config.language));
    let html = Page { config: &page.config, channels: &channels, language, zone: &page.zone }.to_string();
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_LANGUAGE, language.code()),
        (CACHE_CONTROL, CACHED_FOR),
        (VARY, "accept-language"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_to_come_again() {
        let now = Instant::now();
        let mut seen = Seen { at: None, channels: Vec::new(), second: now, count: 0 };
        assert!((0..MOST_A_SECOND).all(|_| seen.admits(now)));
        assert!(!seen.admits(now));
        assert!(seen.admits(now + Duration::from_secs(1)));
    }
}
