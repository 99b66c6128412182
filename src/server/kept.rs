//! What an earlier run left in the store, for the switch to go on with.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use tokio::runtime::Handle;

use crate::call::record::RecordingState;
use crate::call::record::TalkRecording;
use crate::io::mend::mend;
use crate::server::error::ServeError;
use crate::store::Store;
use crate::switch::desk::GREETING;
use crate::switch::machine::KeptState;

pub(super) async fn read(
    store: &Store,
    recordings: PathBuf,
    voicemail: PathBuf,
    workers: &Handle,
) -> Result<KeptState, ServeError> {
    let store = store.clone();
    let reading = workers.spawn(async move {
        Ok(KeptState {
            bindings: store.bindings().await?,
            messages: store.unfinished_messages().await?,
            channels: store.channel_snapshots().await?,
            mailboxes: store.mailboxes().await?,
            greetings: greetings(&voicemail),
            callbacks: store.callbacks().await?,
            incidents: store.unfinished_incidents().await?,
            recordings: interrupted(store.open_recordings().await?, &recordings),
        })
    });
    reading.await.map_err(ServeError::Worker)?
}

/// The mailboxes that have a greeting of their own.
fn greetings(folder: &Path) -> BTreeSet<String> {
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let greeting = folders.filter(|entry| entry.path().join(GREETING).is_file());
    greeting.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Whatever was being recorded when the last run ended is as long as its file is.
fn interrupted(mut recordings: Vec<TalkRecording>, folder: &Path) -> Vec<TalkRecording> {
    for recording in &mut recordings {
        recording.state = RecordingState::Interrupted;
        match mend(&folder.join(&recording.path)) {
            Ok(length) => recording.length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
            Err(why) => recording.why = Some(why.to_string()),
        }
        tracing::warn!(id = recording.id, length_ms = recording.length_ms, "a recording was cut off by the last end");
    }
    recordings
}
