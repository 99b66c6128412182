//! What programs see of Desvio: REST, events, health and metrics over HTTP, and the client that the command line uses.
//!
//! Nothing is decided here. A request is read strictly, becomes one [`Command`] to the switch or one question to the
//! store, and what comes back is written as JSON. Every refusal is an RFC 9457 problem that names its rule and says what
//! to do next.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::middleware::from_fn_with_state;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::endpoints::agents;
use crate::api::endpoints::callbacks;
use crate::api::endpoints::calls;
use crate::api::endpoints::channels;
use crate::api::endpoints::conferences as rooms;
use crate::api::endpoints::dialplan;
use crate::api::endpoints::drills;
use crate::api::endpoints::events;
use crate::api::endpoints::health;
use crate::api::endpoints::incidents;
use crate::api::endpoints::messages;
use crate::api::endpoints::parking;
use crate::api::endpoints::recordings;
use crate::api::endpoints::records;
use crate::api::endpoints::supervisions;
use crate::api::endpoints::voicemails;
use crate::api::endpoints::webhooks;
use crate::api::feed::Feed;
use crate::api::status_page::StatusPage;
use crate::api::token::Token;
use crate::number::Region;
use crate::store::Store;
use crate::store::writer::Writer;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::Problem;

mod ask;
mod audio;
pub mod client;
pub mod conferences;
pub mod config;
mod csv;
pub mod documents;
mod endpoints;
pub mod feed;
mod openapi;
pub mod orders;
mod parties;
pub mod problem;
mod reading;
pub mod registrations;
mod repeat;
pub mod status_page;
pub mod story;
mod suggestion;
pub mod table;
pub mod token;
pub mod watch;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod stories;

/// One command on its way to the switch, and where its answer goes.
pub type Asked = (Command, oneshot::Sender<Result<Answer, Problem>>);

/// Everything that the API stands on; made once by the server.
pub struct Api {
    /// To the task that owns the switch.
    pub commands: mpsc::Sender<Asked>,
    pub store: Store,
    /// What is written on the switch's behalf goes through it.
    pub writer: Writer,
    pub feed: Feed,
    pub token: Token,
    /// Programs that are told of events.
    pub webhooks: Vec<Listener>,
    /// Renders `/metrics` in Prometheus' text format.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    pub readiness: Box<dyn Fn() -> Readiness + Send + Sync>,
    /// `data/voicemail`
    pub voicemail_folder: PathBuf,
    /// `data/recordings`
    pub recording_folder: PathBuf,
    pub status: Arc<StatusPage>,
    /// Where numbers without a country code belong: only used to suggest what was meant.
    pub home: Region,
}

/// A program that is told of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    /// As it may be shown.
    pub url: String,
    pub events: Vec<String>,
}

/// Whether new calls should be sent here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// With the reasons, as sentences.
    NotReady(Vec<String>),
}

/// The whole API.
pub fn router(api: Api) -> Router {
    let api = Arc::new(api);
    let page = status_page::route(api.status.clone());
    let guard = from_fn_with_state(api.clone(), token::require);
    let guarded = guarded_routes().route_layer(guard);
    let (router, document) = openapi::start().merge(open_routes()).merge(guarded).split_for_parts();
    let router = router
        .merge(openapi::route(document))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(problem::problems_only))
        .with_state(api);
    // In this order: what leads nowhere is answered by the router that is merged last.
    page.merge(router)
}

/// What asks for the bearer token.
fn guarded_routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(calls::place, calls::list))
        .routes(routes!(calls::show, calls::hang_up))
        .routes(routes!(recordings::order))
        .routes(routes!(supervisions::begin, supervisions::end))
        .routes(routes!(rooms::list))
        .routes(routes!(rooms::show))
        .routes(routes!(rooms::mute))
        .routes(routes!(rooms::unmute))
        .routes(routes!(rooms::remove))
        .routes(routes!(rooms::record, rooms::stop_recording))
        .routes(routes!(messages::send, messages::list))
        .routes(routes!(messages::show))
        .routes(routes!(channels::list))
        .routes(routes!(channels::show))
        .routes(routes!(channels::set_override, channels::clear_override))
        .routes(routes!(channels::report))
        .routes(routes!(drills::begin, drills::list))
        .routes(routes!(drills::end))
        .routes(routes!(incidents::list))
        .routes(routes!(incidents::show))
        .routes(routes!(agents::queues))
        .routes(routes!(parking::list))
        .routes(routes!(callbacks::list))
        .routes(routes!(callbacks::show, callbacks::cancel))
        .routes(routes!(agents::list))
        .routes(routes!(agents::set_state))
        .routes(routes!(agents::registrations))
        .routes(routes!(records::list))
        .routes(routes!(records::show))
        .routes(routes!(records::explain))
        .routes(routes!(voicemails::list))
        .routes(routes!(voicemails::show, voicemails::mark, voicemails::delete))
        .routes(routes!(voicemails::audio))
        .routes(routes!(recordings::list))
        .routes(routes!(recordings::show, recordings::delete))
        .routes(routes!(recordings::audio))
        .routes(routes!(events::stream))
        .routes(routes!(dialplan::show))
        .routes(routes!(dialplan::reload))
        .routes(routes!(dialplan::compare))
        .routes(routes!(dialplan::roll_back))
        .routes(routes!(dialplan::draw))
        .routes(routes!(webhooks::list))
        .routes(routes!(webhooks::replay))
        .routes(routes!(health::status))
}

/// What does not: probes of a load balancer, and a provider that brings a secret of its own.
fn open_routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(channels::webhook))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// Bytes in the body of a request.
const LARGEST_BODY: usize = 64 * 1024;
