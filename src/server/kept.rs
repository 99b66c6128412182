//! What an earlier run left in the store, for the switch to go on with.

use tokio::runtime::Handle;

use crate::server::error::ServeError;
use crate::store::Store;
use crate::switch::machine::KeptState;

pub(super) async fn read(store: &Store, workers: &Handle) -> Result<KeptState, ServeError> {
    let store = store.clone();
    let reading = workers.spawn(async move {
        Ok(KeptState {
            bindings: store.bindings().await?,
            messages: store.unfinished_messages().await?,
            channels: store.channel_snapshots().await?,
            mailboxes: store.mailboxes().await?,
        })
    });
    reading.await.map_err(ServeError::Worker)?
}
