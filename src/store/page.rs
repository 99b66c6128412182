//! Pages of things in time, newest first.
//!
//! A cursor names the last thing of a page, not a number of things to skip: what arrives in between neither doubles
//! nor hides anything.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::store::error::StoreError;

/// One page, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Names the page that follows; none on the last.
    pub next: Option<String>,
}

/// The time and the id of a row as the database orders them, and its document.
pub(super) type Row = (i64, String, String);

/// `rows` holds one more than `limit` where another page follows.
pub(super) fn page<T: DeserializeOwned>(
    table: &'static str,
    mut rows: Vec<Row>,
    limit: u32,
) -> Result<Page<T>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more_follow = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more_follow);
    let next = last.map(|(at, id, _)| Cursor { at: *at, id: id.clone() }.write());
    let items = rows.iter().map(|(_, _, document)| read(table, document));
    Ok(Page { items: items.collect::<Result<_, _>>()?, next })
}

pub(super) fn read<T: DeserializeOwned>(table: &'static str, document: &str) -> Result<T, StoreError> {
    serde_json::from_str(document).map_err(|why| StoreError::Damaged { table, why: why.to_string() })
}

/// Only things older than this follow.
#[derive(Debug, PartialEq)]
pub(super) struct Cursor {
    /// Milliseconds since 1970.
    pub(super) at: i64,
    pub(super) id: String,
}

impl Cursor {
    /// Without a text: before the newest.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, StoreError> {
        let Some(text) = text else {
            return Ok(Self { at: i64::MAX, id: String::new() });
        };
        Self::decode(text).ok_or_else(|| StoreError::Cursor(text.chars().take(80).collect()))
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let plain = String::from_utf8(bytes).ok()?;
        let (at, id) = plain.split_once(' ')?;
        Some(Self { at: at.parse().ok()?, id: id.into() })
    }

    fn write(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(format!("{} {}", self.at, self.id))
    }
}

/// From the first moment, included, to the last, left out; open ends where none is given.
pub(super) fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> (i64, i64) {
    (from.map_or(i64::MIN, |from| from.as_millisecond()), to.map_or(i64::MAX, |to| to.as_millisecond()))
}

/// As the queries want it: an empty text leaves the filter out.
pub(super) fn filter(wanted: &Option<String>) -> &str {
    wanted.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_says_again_what_it_was_told() {
        let cursor = Cursor { at: 1_790_000_000_123, id: "call_0k3v".into() };
        assert_eq!(Cursor::parse(Some(&cursor.write())).unwrap(), cursor);
    }

    #[test]
    fn a_cursor_that_is_none_of_ours_is_refused() {
        for text in ["", "page-2", "AAAA", "'; DROP TABLE records; --"] {
            assert!(matches!(Cursor::parse(Some(text)), Err(StoreError::Cursor(_))));
        }
    }

    #[test]
    fn only_a_page_that_another_follows_names_it() {
        let row = |n: i64| (n, format!("id_{n}"), n.to_string());
        let full: Page<i64> = page("records", vec![row(3), row(2), row(1)], 2).unwrap();
        assert_eq!(full.items, [3, 2]);
        assert!(full.next.is_some());
        let last: Page<i64> = page("records", vec![row(1)], 2).unwrap();
        assert_eq!(last.next, None);
    }
}
