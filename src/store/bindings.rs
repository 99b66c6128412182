//! Registrations: phones need not register again because we were started again.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use sqlx::AnyConnection;

use crate::registrar::StoredBinding;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::insert::Insert;
use crate::store::page::read;

impl Store {
    /// Every binding that was kept and not forgotten; some may have expired meanwhile.
    pub async fn bindings(&self) -> Result<Vec<StoredBinding>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT document FROM bindings ORDER BY extension, contact")
            .fetch_all(&self.reading)
            .await?;
        rows.iter().map(|(document,)| read("bindings", document)).collect()
    }
}

/// Of two under the same key the later one stands.
pub(super) async fn write(connection: &mut AnyConnection, bindings: &[&StoredBinding]) -> Result<(), sqlx::Error> {
    let latest: BTreeMap<_, _> =
        bindings.iter().map(|binding| ((&binding.extension, binding.key()), *binding)).collect();
    let latest: Vec<&StoredBinding> = latest.into_values().collect();
    for (statement, portion) in UPSERT.portions(&latest) {
        let mut query = sqlx::query(statement);
        for binding in portion {
            let document = serde_json::to_string(binding).map_err(|why| sqlx::Error::Encode(why.into()))?;
            query = query.bind(&binding.extension).bind(binding.key()).bind(document);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

pub(super) async fn forget(connection: &mut AnyConnection, extension: &str, contact: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM bindings WHERE extension = $1 AND contact = $2")
        .bind(extension)
        .bind(contact)
        .execute(connection)
        .await?;
    Ok(())
}

static UPSERT: LazyLock<Insert> = LazyLock::new(|| {
    let latest = "ON CONFLICT (extension, contact) DO UPDATE SET document = excluded.document";
    Insert::new("INSERT INTO bindings (extension, contact, document)", 3, latest)
});

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;

    use super::*;
    use crate::store::bench::Folder;
    use crate::store::bench::at;
    use crate::store::bench::block_on;
    use crate::store::writer::Write;
    use crate::store::writer::Writer;

    #[test]
    fn a_phone_that_left_is_forgotten_and_one_that_came_again_stands_once() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let (outcomes, _told) = mpsc::unbounded_channel();
            let writer = Writer::start(&store, outcomes);
            for (contact, cseq) in [("sip:a", 1), ("sip:b", 1), ("sip:a", 2)] {
                writer.write(Write::Binding(Box::new(binding(contact, cseq))));
            }
            writer.write(Write::ForgetBinding { extension: "200".into(), contact: "sip:b".into() });
            writer.flush(Duration::from_secs(5)).await.unwrap();
            assert_eq!(store.bindings().await.unwrap(), [binding("sip:a", 2)]);
        });
    }

    fn binding(contact: &str, cseq: u32) -> StoredBinding {
        StoredBinding {
            extension: "200".into(),
            key: contact.into(),
            contact: contact.into(),
            transport: "udp".into(),
            local: "127.0.0.1:5060".parse().unwrap(),
            remote: "127.0.0.1:5062".parse().unwrap(),
            expires: at("2026-11-23T13:00:00Z"),
            priority: 1000,
            call_id: "1@phone".into(),
            cseq,
            instance: None,
            reg_id: None,
            path: Vec::new(),
            translation: Default::default(),
            user_agent: None,
            host: None,
        }
    }

    #[test]
    fn what_an_earlier_version_kept_is_read() {
        let mut old = serde_json::to_value(binding("sip:a", 1)).unwrap();
        for new in ["key", "reg_id", "path", "translation"] {
            old.as_object_mut().unwrap().remove(new);
        }
        let read: StoredBinding = serde_json::from_value(old).unwrap();
        assert_eq!(read.key(), "sip:a");
        assert_eq!(StoredBinding { key: "sip:a".into(), ..read }, binding("sip:a", 1));
    }
}
