//! Idempotency keys: a request that is sent twice, because its answer was lost, is carried out once.
//!
//! A key is claimed before the work begins and answered when it is done, both on the disk. In between, and after a crash
//! in between, the outcome is unknown and the second request is told so.

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::store::Store;
use crate::store::error::StoreError;

/// What holds for a request that names a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The first with this key: carry it out, then [`Store::keep_answer`] or [`Store::release`].
    Fresh,
    /// Carried out before, with this answer.
    Answered(String),
    /// The first is still under way, or its outcome was lost.
    Unanswered,
    /// The key was used for something else.
    OtherRequest,
}

impl Store {
    /// Claims `key` for the request that `fingerprint` stands for. Keys are forgotten after [`KEPT_FOR`].
    pub async fn claim(&self, key: &str, fingerprint: &str, now: Timestamp) -> Result<Claim, StoreError> {
        sqlx::query("DELETE FROM idempotency_keys WHERE created_ms < $1")
            .bind((now - KEPT_FOR).as_millisecond())
            .execute(&self.writing)
            .await?;
        let inserted =
            sqlx::query(INSERT).bind(key).bind(fingerprint).bind(now.as_millisecond()).execute(&self.writing).await?;
        if inserted.rows_affected() == 1 {
            return Ok(Claim::Fresh);
        }
        self.earlier(key, fingerprint).await
    }

    async fn earlier(&self, key: &str, fingerprint: &str) -> Result<Claim, StoreError> {
        let row: Option<(String, Option<String>)> =
            sqlx::query_as(SELECT).bind(key).fetch_optional(&self.writing).await?;
        Ok(match row {
            Some((earlier, _)) if earlier != fingerprint => Claim::OtherRequest,
            Some((_, Some(answer))) => Claim::Answered(answer),
            // Gone again: it was released between our two questions, and the caller may try again.
            Some((_, None)) | None => Claim::Unanswered,
        })
    }

    /// The request was carried out: this is what every later one with its key hears.
    pub async fn keep_answer(&self, key: &str, answer: &str) -> Result<(), StoreError> {
        sqlx::query("UPDATE idempotency_keys SET answer = $2 WHERE idempotency_key = $1")
            .bind(key)
            .bind(answer)
            .execute(&self.writing)
            .await?;
        Ok(())
    }

    /// The request was refused and changed nothing: its key may be used again.
    pub async fn release(&self, key: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM idempotency_keys WHERE idempotency_key = $1 AND answer IS NULL")
            .bind(key)
            .execute(&self.writing)
            .await?;
        Ok(())
    }
}

/// How long a key is remembered.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

const INSERT: &str = "INSERT INTO idempotency_keys (idempotency_key, fingerprint, created_ms)
    VALUES ($1, $2, $3) ON CONFLICT (idempotency_key) DO NOTHING";
const SELECT: &str = "SELECT fingerprint, answer FROM idempotency_keys WHERE idempotency_key = $1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::bench::Folder;
    use crate::store::bench::at;
    use crate::store::bench::block_on;

    #[test]
    fn the_second_request_with_a_key_hears_the_first_answer() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let noon = at("2026-11-23T12:00:00Z");
            assert_eq!(store.claim("k", "body", noon).await.unwrap(), Claim::Fresh);
            let again = store.claim("k", "body", noon).await.unwrap();
            assert_eq!(again, Claim::Unanswered);
            store.keep_answer("k", "{\"id\":1}").await.unwrap();
            let again = store.claim("k", "body", noon).await.unwrap();
            assert_eq!(again, Claim::Answered("{\"id\":1}".into()));
            let other = store.claim("k", "other body", noon).await.unwrap();
            assert_eq!(other, Claim::OtherRequest);
        });
    }

    #[test]
    fn a_refused_request_gives_its_key_back() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let noon = at("2026-11-23T12:00:00Z");
            store.claim("k", "wrong body", noon).await.unwrap();
            store.release("k").await.unwrap();
            let mended = store.claim("k", "right body", noon).await.unwrap();
            assert_eq!(mended, Claim::Fresh);
        });
    }

    #[test]
    fn a_key_is_forgotten_after_a_day() {
        let folder = Folder::new();
        block_on(async {
            let store = folder.store().await;
            let noon = at("2026-11-23T12:00:00Z");
            store.claim("k", "body", noon).await.unwrap();
            store.keep_answer("k", "{}").await.unwrap();
            let next_day = noon + KEPT_FOR + SignedDuration::from_secs(1);
            let claim = store.claim("k", "other body", next_day).await.unwrap();
            assert_eq!(claim, Claim::Fresh);
        });
    }
}
