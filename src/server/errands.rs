//! What takes time, done by the workers; what comes of it is reported to the event loop.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::AbortHandle;

use crate::call::record::Voicemail;
use crate::channel::HttpRequest;
use crate::dialplan::lookup::Query;
use crate::io::http::Http;
use crate::io::lookup::Asker;
use crate::io::notify::Notifier;
use crate::io::resolve::Found;
use crate::io::resolve::Resolver;
use crate::io::speech::Speaker;
use crate::media::clip::Clip;
use crate::media::ogg_opus;
use crate::outage::schedule::Due;
use crate::server::metrics;
use crate::server::probing::Probing;
use crate::sip::hop::Transport;
use crate::store::Store;
use crate::switch::input::Input;
use crate::switch::input::Ticket;

/// What an errand came back with.
#[derive(Debug)]
pub(super) enum Report {
    /// Goes to the switch as it is.
    Input(Input),
    /// Becomes hops once the sockets have said by which address of ours each place is reached.
    Resolved { trunk: String, result: Result<Found, String> },
}

/// Every errand answers an effect of the switch, which never has more than a bounded number under way: so the queue of
/// reports needs no bound of its own.
pub(super) struct Errands {
    workers: Handle,
    reports: UnboundedSender<Report>,
    http: Http,
    probing: Probing,
    resolver: Arc<Resolver>,
    speaker: Arc<Speaker>,
    asker: Asker,
    /// Questions that can still be called off.
    questions: Arc<Mutex<BTreeMap<Ticket, AbortHandle>>>,
    answer_within: Duration,
    notifier: Arc<Notifier>,
    voicemail_folder: PathBuf,
    store: Store,
}

/// Messages of one mailbox that can be listened to by telephone.
const MOST_LISTED: u32 = 100;

impl Errands {
    #[expect(clippy::too_many_arguments, reason = "each is a different thing and none may be left out")]
    pub(super) fn new(
        workers: Handle,
        reports: UnboundedSender<Report>,
        http: Http,
        probing: Probing,
        resolver: Resolver,
        speaker: Speaker,
        asker: Asker,
        answer_within: Duration,
        notifier: Notifier,
        voicemail_folder: PathBuf,
        store: Store,
    ) -> Errands {
        Errands {
            workers,
            reports,
            http,
            probing,
            resolver: Arc::new(resolver),
            speaker: Arc::new(speaker),
            asker,
            questions: Arc::default(),
            answer_within,
            notifier: Arc::new(notifier),
            voicemail_folder,
            store,
        }
    }

    pub(super) fn http(&self, ticket: Ticket, request: HttpRequest) {
        let (http, within) = (self.http.clone(), self.answer_within);
        self.run(async move {
            let result = http.carry_out(request, within).await;
            Report::Input(Input::HttpAnswered { ticket, result })
        });
    }

    pub(super) fn probe(&self, due: Due) {
        self.probing.start(due);
    }

    pub(super) fn resolve(
        &self,
        trunk: String,
        host: String,
        port: Option<u16>,
        transport: Option<Transport>,
        dice: u64,
    ) {
        let resolver = self.resolver.clone();
        self.run(async move {
            let result = resolver.places(&host, port, transport, dice).await;
            Report::Resolved { trunk, result: result.map_err(|error| error.to_string()) }
        });
    }

    pub(super) fn speak(&self, ticket: Ticket, text: String, language: String) {
        let speaker = self.speaker.clone();
        self.run(async move {
            let result = speaker.speak(&text, &language).await.map_err(|error| error.to_string());
            Report::Input(Input::Spoken { ticket, result })
        });
    }

    pub(super) fn look_up(&self, ticket: Ticket, query: Box<Query>) {
        let (asker, reports, questions) = (self.asker.clone(), self.reports.clone(), self.questions.clone());
        // Held until the question is in the list: its end takes it out.
        let mut listed = self.questions.lock().unwrap_or_else(PoisonError::into_inner);
        let task = self.workers.spawn(async move {
            let findings = asker.ask(&query).await;
            metrics::on_looked_up(&findings);
            questions.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket);
            let _ = reports.send(Report::Input(Input::LookedUp { ticket, findings }));
        });
        listed.insert(ticket, task.abort_handle());
    }

    pub(super) fn stop_looking_up(&self, ticket: Ticket) {
        let question = self.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(&ticket);
        if let Some(question) = question {
            question.abort();
        }
    }

    pub(super) fn list_voicemails(&self, ticket: Ticket, mailbox: String) {
        let store = self.store.clone();
        self.run(async move {
            let page = store.voicemails(Some(&mailbox), None, MOST_LISTED).await;
            let messages = page.map(|page| page.items).unwrap_or_else(|why| {
                tracing::error!(%why, mailbox, "the messages of a mailbox cannot be read");
                Vec::new()
            });
            Report::Input(Input::Voicemails { ticket, messages })
        });
    }

    pub(super) fn load_sound(&self, ticket: Ticket, path: PathBuf) {
        self.run(async move {
            let read = tokio::fs::read(&path).await.map_err(|why| format!("{}: {why}", path.display()));
            Report::Input(Input::Loaded { ticket, result: read.and_then(sound).map(Arc::new) })
        });
    }

    pub(super) fn remove_file(&self, path: PathBuf) {
        self.workers.spawn(async move {
            if let Err(why) = tokio::fs::remove_file(&path).await {
                tracing::warn!(%why, path = %path.display(), "the file of a deleted message cannot be removed");
            }
        });
    }

    pub(super) fn notify(&self, voicemail: Box<Voicemail>) {
        if !self.notifier.is_on() {
            return;
        }
        let (notifier, file) = (self.notifier.clone(), self.voicemail_folder.join(&voicemail.path));
        self.run(async move {
            let result = notifier.notify(&voicemail, &file).await;
            if let Err(why) = &result {
                tracing::error!(why, id = voicemail.id, mailbox = voicemail.mailbox, "nobody was told of a message");
            }
            Report::Input(Input::Notified { voicemail, result })
        });
    }

    fn run(&self, errand: impl Future<Output = Report> + Send + 'static) {
        let reports = self.reports.clone();
        self.workers.spawn(async move {
            // Nobody listens any more: the process is ending.
            let _ = reports.send(errand.await);
        });
    }
}

/// A message or a greeting, in whichever format it was recorded. Decoding takes milliseconds for each minute.
fn sound(file: Vec<u8>) -> Result<Clip, String> {
    if file.starts_with(b"OggS") {
        let samples = ogg_opus::read(&file).map_err(|why| why.to_string())?;
        return Ok(Clip::from_pcm("message", samples, ogg_opus::READ_RATE));
    }
    Clip::from_wav("message", Cow::Owned(file)).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::recording::Format;
    use crate::media::recording::Writer;

    #[test]
    fn a_message_is_played_in_whichever_format_it_was_left() {
        for format in [Format::Wav, Format::Opus] {
            let mut writer = Writer::new(format, 8_000, 1, 1);
            let (mut file, samples) = (writer.header(), vec![900; 16_000]);
            writer.samples(&samples, &mut file);
            writer.finish(&mut file);
            let header = writer.header();
            file[..header.len()].copy_from_slice(&header);
            let clip = sound(file).unwrap();
            assert_eq!(clip.duration().as_millis(), 2_000, "{format:?}");
        }
        assert!(sound(b"OggS".to_vec()).is_err());
        assert!(sound(Vec::new()).is_err());
    }
}
