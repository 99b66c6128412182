//! One statement for many rows.
//!
//! A statement costs the way to the database's thread and back, whatever it writes: five rows in one take a third of the
//! CPU time of five alone. Statements are made for 1, 2, 4, … rows, so that a few of them, prepared once, serve any
//! number.

use std::fmt::Write as _;

/// The statements of one table.
pub(super) struct Insert {
    /// For 2^n rows.
    by_power: Vec<String>,
}

/// Rows in one statement: 11 columns of so many stay below what SQLite and PostgreSQL can number.
const MOST_POWER: u32 = 6;

impl Insert {
    /// `INSERT INTO … (…)`, the number of columns, `ON CONFLICT …`.
    pub(super) fn new(beginning: &str, columns: usize, end: &str) -> Insert {
        let by_power = (0..=MOST_POWER).map(|power| statement(beginning, columns, 1 << power, end)).collect();
        Insert { by_power }
    }

    /// The rows in order, in portions, each with the statement that writes it.
    pub(super) fn portions<'i, 'r, T>(&'i self, mut rows: &'r [T]) -> impl Iterator<Item = (&'i str, &'r [T])> {
        std::iter::from_fn(move || {
            let power = rows.len().checked_ilog2()?.min(MOST_POWER);
            let (portion, rest) = rows.split_at(1 << power);
            rows = rest;
            Some((self.by_power[power as usize].as_str(), portion))
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
        assert_eq!(sizes, [64, 64, 4, 2, 1]);
        assert_eq!(portions.iter().flat_map(|(_, portion)| portion.iter().copied()).collect::<Vec<_>>(), rows);
        assert_eq!(portions[3].0, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT DO NOTHING");
        assert_eq!(insert.portions::<u32>(&[]).count(), 0);
    }
}
