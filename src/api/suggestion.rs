//! "Did you mean": the nearest of the words that would have been right.

/// From a message of serde's, "unknown field `tto`, expected one of `to`, `from`": the one that was probably meant.
pub(super) fn for_fault(message: &str) -> Option<String> {
    if !(message.contains("unknown field") || message.contains("unknown variant")) {
        return None;
    }
    let mut words = message.split('`').skip(1).step_by(2);
    let wrong = words.next()?;
    nearest(wrong, words).map(ToOwned::to_owned)
}

/// The word with the fewest letters changed, when at most a third of them (and always one) are.
pub(super) fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let tolerated = (wrong.chars().count() / 3).max(1);
    right
        .into_iter()
        .map(|word| (distance(wrong, word), word))
        .filter(|(distance, _)| *distance <= tolerated)
        .min()
        .map(|(_, word)| word)
}

/// Letters to add, drop, change or swap with their neighbour (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let mut rows = vec![(0..=other.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let change = usize::from(one[i - 1] != other[j - 1]);
            let cheapest = (rows[i - 1][j] + 1).min(row[j - 1] + 1);
            let mut best = cheapest.min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_and_a_far_one_is_not() {
        let right = ["to", "from", "flow", "queue"];
        assert_eq!(nearest("form", right), Some("from"));
        assert_eq!(nearest("qeue", right), Some("queue"));
        assert_eq!(nearest("webhook", right), None);
    }

    #[test]
    fn a_fault_of_serde_holds_the_right_words() {
        let fault = "unknown field `tto`, expected one of `to`, `from` at line 1 column 6";
        assert_eq!(for_fault(fault).as_deref(), Some("to"));
        assert_eq!(for_fault("missing field `to`"), None);
    }
}
