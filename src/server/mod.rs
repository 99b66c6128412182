//! The running server: opens everything, owns the switch, and ends in order.
//!
//! One task on the main thread owns the [`Switch`](crate::switch::machine::Switch) and the SIP sockets: [`event_loop`].
//! What takes time runs beside it on two worker threads ([`errands`]): the API, probes, HTTP, names, speech, the store.
//! Audio has threads of its own.

mod api_door;
mod ask;
mod couriers;
mod dialplans;
mod errands;
pub mod error;
mod event_loop;
mod gather;
mod greeting;
mod hands;
mod kept;
mod metrics;
mod metrics_rtp;
mod peers;
mod probing;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::runtime;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::api::Api;
use crate::api::Listener;
use crate::api::feed::Feed;
use crate::api::status_page;
use crate::api::status_page::StatusPage;
use crate::api::token::Origin;
use crate::api::token::Token;
use crate::config::Loaded;
use crate::config::secrets;
use crate::config::secrets::Made;
use crate::io::http::Http;
use crate::io::lookup::Asker;
use crate::io::media::pump;
use crate::io::media::pump::Pump;
use crate::io::notify::Notifier;
use crate::io::peer::Peer;
use crate::io::probe::Prober;
use crate::io::resolve::Resolver;
use crate::io::sip::Sockets;
use crate::io::speech::Speaker;
use crate::io::webhook::Webhook;
use crate::media::security::Fingerprint;
use crate::server::api_door::Door;
use crate::server::ask::Asking;
use crate::server::couriers::Couriers;
use crate::server::dialplans::Keeper;
use crate::server::dialplans::Shelf;
use crate::server::errands::Errands;
use crate::server::error::ServeError;
use crate::server::event_loop::EventLoop;
use crate::server::gather::Sources;
use crate::server::greeting::Greeting;
use crate::server::hands::Hands;
use crate::server::metrics::Metrics;
use crate::server::peers::Peers;
use crate::server::probing::Probing;
use crate::server::probing::Told;
use crate::store::Store;
use crate::store::writer::Outcome;
use crate::store::writer::Writer;
use crate::switch::machine::KeptState;
use crate::switch::machine::Settings;
use crate::switch::machine::Switch;

/// Threads for everything that is neither SIP nor audio.
const WORKERS: usize = 2;
/// Events that `GET /v1/events` can catch up with.
const EVENTS_KEPT: usize = 4_096;
/// API requests that wait for the switch; further ones are answered 503.
const COMMANDS_WAITING: usize = 1_024;

/// Runs until the process is told to end. Nothing is bound before all that can be checked was found to be right.
pub fn run(loaded: Loaded) -> Result<(), ServeError> {
    let workers = runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("desvio-worker")
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let main = runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Runtime)?;
    let result = main.block_on(serve(loaded, workers.handle().clone()));
    // Whoever still reads the API's answers has had its time.
    workers.shutdown_background();
    result
}

async fn serve(mut loaded: Loaded, workers: Handle) -> Result<(), ServeError> {
    // The TLS library has no default of its own; a second installation is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // What the operator wrote is looked at before a port is opened.
    let webhooks = webhooks(&loaded)?;
    let peers = Peers::new(peers(&loaded)?, &workers);
    let ground = Ground::open(&mut loaded, &workers).await?;
    let shelf = Shelf::new(&loaded);
    shelf.at_start(&mut loaded);
    let (pump, media) = Pump::start(&pump::Settings::new(&loaded.config.media), clips(&loaded))?;
    let (outcomes, outcomes_in) = mpsc::unbounded_channel();
    let ((reports, reports_in), (in_passing, passing_in)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let (commands, commands_in) = mpsc::channel(COMMANDS_WAITING);
    let sources = Sources::new(media, commands_in, outcomes_in, reports_in, passing_in).map_err(ServeError::Runtime)?;
    let writer = start_writing(&ground.store, outcomes, &workers);
    let dialplans = Keeper::start(shelf, &workers, reports.clone());
    let listeners = webhooks.iter().map(listener).collect();
    let couriers = Couriers::start(webhooks, &ground.store, writer.clone(), &workers);
    let told = Told { at_once: reports, in_passing };
    let errands = errands(&loaded, &workers, told, ground.store.clone())?;
    let feed = Feed::new(EVENTS_KEPT);
    let greeting = ground.greeting(&loaded).to_string();
    let Ground { sockets, door, status_door, metrics, store, kept, token, .. } = ground;
    let status = Arc::new(StatusPage::new(loaded.config.status.clone(), commands.clone()));
    let api = Api {
        commands,
        store: store.clone(),
        writer: writer.clone(),
        feed: feed.clone(),
        token,
        webhooks: listeners,
        metrics: metrics.renderer(),
        readiness: api_door::readiness(&writer),
        status: status.clone(),
        voicemail_folder: voicemail_folder(&loaded),
        recording_folder: recording_folder(&loaded),
        home: loaded.config.home.clone(),
    };
    let settings = settings(loaded, kept, pump.fingerprint())?;
    let switch = Switch::new(settings, fastrand::Rng::new(), Instant::now(), Timestamp::now());
    let hands = Hands {
        sockets,
        pump,
        writer: writer.clone(),
        feed: feed.clone(),
        couriers,
        peers,
        errands,
        dialplans,
        asking: Asking::default(),
    };
    let closing = door.serve(api, &workers);
    let status_closing = status_door.map(|door| door.serve_strangers(status_page::router(status), &workers));
    // Nobody may be reading: that is no reason not to run.
    let _ = std::io::stdout().write_all(greeting.as_bytes());
    EventLoop::new(switch, hands, sources, metrics).run().await;

    feed.close();
    closing.close().await;
    if let Some(closing) = status_closing {
        closing.close().await;
    }
    finish_writing(writer, &store, &workers).await
}

fn start_writing(store: &Store, outcomes: mpsc::UnboundedSender<Outcome>, workers: &Handle) -> Writer {
    let _entered = workers.enter();
    Writer::start(store, outcomes)
}

/// What may be missing or taken, opened before anything is started: ports first, so that a password is not made and shown
/// by a start that fails.
struct Ground {
    sockets: Sockets,
    door: Door,
    /// Of the status page, where it has one of its own.
    status_door: Option<Door>,
    metrics: Metrics,
    store: Store,
    kept: KeptState,
    token: Token,
    origin: Origin,
    made: Vec<Made>,
}

impl Ground {
    async fn open(loaded: &mut Loaded, workers: &Handle) -> Result<Ground, ServeError> {
        let sockets = Sockets::open(&loaded.config.sip, loaded.config.tls_files(), workers)?;
        // With the ports that the system chose: Via and Contact name them.
        loaded.config.sip.listen = sockets.listeners();
        let door = Door::open(loaded.config.api.listen)?;
        let status_door = loaded.config.status.listen.map(Door::open).transpose()?;
        let metrics = Metrics::install()?;
        let store = open_store(loaded, workers).await?;
        let kept = kept::read(&store, recording_folder(loaded), voicemail_folder(loaded), workers).await?;
        let made = secrets::furnish(&mut loaded.config)?;
        let config = &loaded.config;
        let (token, origin) = Token::load_or_make(&config.api, &config.base, &config.data_folder())?;
        Ok(Ground { sockets, door, status_door, metrics, store, kept, token, origin, made })
    }

    fn greeting<'a>(&'a self, loaded: &'a Loaded) -> Greeting<'a> {
        Greeting {
            loaded,
            listeners: self.sockets.listeners(),
            api: self.door.address(),
            status: self.status_door.as_ref().map(Door::address),
            token: &self.token,
            origin: &self.origin,
            made: &self.made,
        }
    }
}

async fn open_store(loaded: &Loaded, workers: &Handle) -> Result<Store, ServeError> {
    let (config, base) = (loaded.config.storage.clone(), loaded.config.base.clone());
    let opening = workers.spawn(async move { Store::open(&config, &base).await });
    Ok(opening.await.map_err(ServeError::Worker)??)
}

fn webhooks(loaded: &Loaded) -> Result<Vec<Webhook>, ServeError> {
    let trust = loaded.config.probes.trust.as_ref().map(|path| loaded.config.path(path));
    let open = |config| Webhook::open(config, &loaded.config.base, trust.as_deref());
    Ok(loaded.config.webhooks.iter().map(open).collect::<Result<_, _>>()?)
}

fn peers(loaded: &Loaded) -> Result<Vec<Peer>, ServeError> {
    let trust = loaded.config.probes.trust.as_ref().map(|path| loaded.config.path(path));
    let domain = &loaded.config.sip.domain;
    let open = |config| Peer::open(config, &loaded.config.base, trust.as_deref(), domain);
    Ok(loaded.config.peers.iter().map(open).collect::<Result<_, _>>()?)
}

fn listener(webhook: &Webhook) -> Listener {
    Listener { name: webhook.name.clone(), url: webhook.shown_url(), events: webhook.events().to_vec() }
}

/// Every prompt, so that the pump can encode them before somebody waits for one.
fn clips(loaded: &Loaded) -> Vec<Arc<crate::media::clip::Clip>> {
    let prompts = &loaded.prompts;
    let names = prompts.names();
    let spoken =
        names.iter().flat_map(|(name, languages)| languages.iter().filter_map(|language| prompts.find(name, language)));
    let music = prompts.music_names();
    spoken.chain(music.iter().filter_map(|name| prompts.music(name))).collect()
}

fn errands(loaded: &Loaded, workers: &Handle, told: Told, store: Store) -> Result<Errands, ServeError> {
    let _entered = workers.enter();
    let mut probes = loaded.config.probes.clone();
    probes.trust = probes.trust.map(|path| loaded.config.path(&path));
    Ok(Errands::new(
        workers.clone(),
        told.at_once.clone(),
        Http::new(probes.trust.as_deref())?,
        Probing::new(Prober::new(&probes)?, probes.at_once, told).map_err(ServeError::Runtime)?,
        Resolver::from_system()?,
        speaker(loaded, probes.trust.as_deref())?,
        Asker::new(&loaded.config.http, &loaded.config.credentials, &loaded.config.base, probes.trust.as_deref())?,
        loaded.config.messages.answer_within,
        Notifier::new(loaded.config.voicemail.clone()),
        voicemail_folder(loaded),
        store,
    ))
}

fn speaker(loaded: &Loaded, trust: Option<&Path>) -> Result<Speaker, ServeError> {
    let config = &loaded.config;
    Ok(Speaker::new(config.speech.clone(), &config.credentials, &config.base, trust)?)
}

fn voicemail_folder(loaded: &Loaded) -> std::path::PathBuf {
    loaded.config.data_folder().join("voicemail")
}

fn recording_folder(loaded: &Loaded) -> std::path::PathBuf {
    loaded.config.data_folder().join("recordings")
}

fn settings(loaded: Loaded, kept: KeptState, fingerprint: Fingerprint) -> Result<Settings, ServeError> {
    let mut digest_key = [0; 32];
    getrandom::fill(&mut digest_key).map_err(ServeError::NoRandomness)?;
    let voicemail_folder = voicemail_folder(&loaded);
    let recording_folder = recording_folder(&loaded);
    let config = loaded.config;
    Ok(Settings {
        sip: config.sip,
        media: config.media,
        registrar: config.registrar,
        extensions: config.extensions,
        trunks: config.trunks,
        queues: config.queues,
        channels: config.channels,
        kinds: config.kinds,
        messages: config.messages,
        alarm: config.alarm,
        program: loaded.program,
        language: config.dialplan.language,
        prompts: loaded.prompts,
        home: config.home,
        digest_key,
        fingerprint: Some(fingerprint),
        voicemail_folder,
        recording_folder,
        recording_format: config.recording.format,
        mailboxes: config.mailboxes,
        zone: jiff::tz::TimeZone::system(),
        version: env!("CARGO_PKG_VERSION"),
        kept,
    })
}

/// The last records are on the disk before the process ends; if the disk does not take them, that is said.
async fn finish_writing(writer: Writer, store: &Store, workers: &Handle) -> Result<(), ServeError> {
    let store = store.clone();
    let finishing = workers.spawn(async move {
        let flushed = writer.flush(event_loop::FLUSHED_WITHIN).await;
        drop(writer);
        let _ = tokio::time::timeout(event_loop::FLUSHED_WITHIN, store.close()).await;
        flushed
    });
    finishing.await.map_err(ServeError::Worker)??;
    Ok(())
}
