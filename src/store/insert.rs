//! One statement for many rows.
//!
//! A statement costs the way to the database's thread and back, whatever it writes: five rows in one take a third of the
//! CPU time of five alone. Statements are made for few numbers of rows, so that they are prepared once: for each of the small
//! ones, because what gathers while a record may wait should go by a single statement, then for 32 and 64.

use std::fmt::Write as _;

/// The statements of one table.
pub(super) struct Insert {
    /// In the order of [`SIZES`].
    statements: Vec<String>,
}

/// Up to so many rows are one statement.
pub(super) const ONE_STATEMENT: usize = 16;

/// Rows in one statement: 11 columns of 64 stay below what SQLite and PostgreSQL can number, and the statements of all tables
/// below the hundred that a connection keeps prepared.
const SIZES: [usize; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, ONE_STATEMENT, 32, 64];

impl Insert {
    /// `INSERT INTO … (…)`, the number of columns, `ON CONFLICT …`.
    pub(super) fn new(beginning: &str, columns: usize, end: &str) -> Insert {
        Insert { statements: SIZES.map(|rows| statement(beginning, columns, rows, end)).into() }
    }

    /// The rows in order, in portions, each with the statement that writes it.
    pub(super) fn portions<'i, 'r, T>(&'i self, mut rows: &'r [T]) -> impl Iterator<Item = (&'i str, &'r [T])> {
        std::iter::from_fn(move || {
            let fitting = SIZES.iter().zip(&self.statements).rfind(|(size, _)| **size <= rows.len());
            let (size, statement) = fitting?;
            let (portion, rest) = rows.split_at(*size);
            rows = rest;
            Some((statement.as_str(), portion))
        })
    }
}

fn statement(beginning: &str, columns: usize, rows: usize, end: &str) -> String {
    let mut text = format!("{beginning} VALUES ");
    for row in 0..rows {
        let separator = if row == 0 { "(" } else { ", (" };
        text.push_str(separator);
        for column in 1..=columns {
            let separator = if column == 1 { "$" } else { ", $" };
            let _ = write!(text, "{separator}{}", row * columns + column);
        }
        text.push(')');
    }
    text.push(' ');
    text.push_str(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_in_order_by_few_statements() {
        let insert = Insert::new("INSERT INTO t (a, b)", 2, "ON CONFLICT DO NOTHING");
        let rows: Vec<u32> = (0..135).collect();
        let portions: Vec<_> = insert.portions(&rows).collect();
        let sizes: Vec<usize> = portions.iter().map(|(_, portion)| portion.len()).collect();
        assert_eq!(sizes, [64, 64, 7]);
        assert_eq!(portions.iter().flat_map(|(_, portion)| portion.iter().copied()).collect::<Vec<_>>(), rows);
        let (two, _) = insert.portions(&rows[..2]).next().unwrap();
        assert_eq!(two, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING");
        for few in 1..=ONE_STATEMENT {
            assert_eq!(insert.portions(&rows[..few]).count(), 1, "{few} rows");
        }
        assert_eq!(insert.portions::<u32>(&[]).count(), 0);
    }
}
