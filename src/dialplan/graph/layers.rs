//! Where each card stands: in columns from left to right as calls go, and within a column so that lines cross little.
//!
//! A line that passes a column on its way has a lane of its own there, between the cards.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::dialplan::graph::cards::Card;
use crate::dialplan::graph::cards::Row;
use crate::dialplan::graph::cards::Sort;

/// Sizes in pixels.
pub(super) const ROW: f64 = 21.0;
pub(super) const HEAD: f64 = 30.0;
/// Of a letter of the fixed-width font at 12 pixels.
pub(super) const LETTER: f64 = 7.23;
pub(super) const INDENT: f64 = 18.0;
pub(super) const PADDING: f64 = 14.0;
pub(super) const MOST_LETTERS: usize = 52;
const GAP: f64 = 26.0;
const LANE: f64 = 12.0;
pub(super) const MARGIN: f64 = 28.0;
/// Between two lines that go up or down beside a card.
pub(super) const TRACK: f64 = 9.0;

/// Where the cards and the lines are.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) boxes: Vec<Place>,
    pub(super) lines: Vec<Line>,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// From one card to another, for all rows that lead there.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) to: usize,
    /// The rows' heights, at the right side of the card.
    pub(super) from: Vec<(f64, f64)>,
    /// Where it goes up or down beside its card.
    pub(super) track: f64,
    pub(super) course: Course,
    /// Points that it passes after that, the last at the other card.
    pub(super) way: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    Onward,
    /// To a card that is not further right: below all cards.
    Back,
}

/// A place in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Card(usize),
    Lane { from: usize, to: usize },
}

pub(super) fn arranged(cards: &[Card]) -> Plan {
    let pairs = pairs(cards);
    let layers = layers(cards, &pairs);
    let mut columns = columns(&layers, &pairs);
    untangle(&mut columns, &pairs);
    placed(cards, &layers, &columns, &pairs)
}

/// Which card leads to which, each once.
fn pairs(cards: &[Card]) -> BTreeSet<(usize, usize)> {
    let pairs = cards.iter().enumerate().flat_map(|(from, card)| {
        let leads = card.rows.iter().flat_map(|row| row.leads.iter().copied());
        leads.map(move |to| (from, to))
    });
    pairs.collect()
}

/// The longest way from the left, over lines that do not go back.
fn layers(cards: &[Card], pairs: &BTreeSet<(usize, usize)>) -> Vec<usize> {
    let order = order(cards, pairs);
    let rank: BTreeMap<usize, usize> = order.iter().enumerate().map(|(rank, card)| (*card, rank)).collect();
    let mut layers = vec![0; cards.len()];
    for from in &order {
        for (_, to) in pairs.range((*from, 0)..=(*from, usize::MAX)) {
            if rank[to] > rank[from] {
                layers[*to] = layers[*to].max(layers[*from] + 1);
            }
        }
    }
    layers
}

/// Each card after those that lead to it, as far as there are no rounds: what is left last in a search comes first.
fn order(cards: &[Card], pairs: &BTreeSet<(usize, usize)>) -> Vec<usize> {
    let led_to: BTreeSet<usize> = pairs.iter().filter(|(from, to)| from != to).map(|(_, to)| *to).collect();
    let all = 0..cards.len();
    let numbers = all.clone().filter(|card| cards[*card].sort == Sort::Number);
    let roots = all.clone().filter(|card| !led_to.contains(card));
    let starts: Vec<usize> = numbers.chain(roots).chain(all).collect();
    let mut seen = vec![false; cards.len()];
    let mut left = Vec::new();
    for start in starts {
        if !std::mem::replace(&mut seen[start], true) {
            search(start, pairs, &mut seen, &mut left);
        }
    }
    left.reverse();
    left
}

fn search(start: usize, pairs: &BTreeSet<(usize, usize)>, seen: &mut [bool], left: &mut Vec<usize>) {
    let mut way = vec![(start, 0)];
    while let Some((card, next)) = way.last_mut() {
        let here = *card;
        match pairs.range((here, *next)..=(here, usize::MAX)).next() {
            Some((_, to)) => {
                *next = to + 1;
                if !std::mem::replace(&mut seen[*to], true) {
                    way.push((*to, 0));
                }
            }
            None => {
                left.push(here);
                way.pop();
            }
        }
    }
}

fn columns(layers: &[usize], pairs: &BTreeSet<(usize, usize)>) -> Vec<Vec<Slot>> {
    let count = layers.iter().max().map_or(0, |last| last + 1);
    let mut columns = vec![Vec::new(); count];
    for (card, layer) in layers.iter().enumerate() {
        columns[*layer].push(Slot::Card(card));
    }
    for (from, to) in pairs {
        for column in columns.iter_mut().take(layers[*to]).skip(layers[*from] + 1) {
            column.push(Slot::Lane { from: *from, to: *to });
        }
    }
    columns
}

/// Puts what is linked at the same height: a few sweeps by the mean place of the neighbours.
fn untangle(columns: &mut [Vec<Slot>], pairs: &BTreeSet<(usize, usize)>) {
    let linked = linked(pairs);
    for sweep in 0..8 {
        for turn in 1..columns.len() {
            let (at, beside) = match sweep % 2 {
                0 => (turn, turn - 1),
                _ => (columns.len() - 1 - turn, columns.len() - turn),
            };
            let means = means(&columns[beside], &linked);
            let mut column: Vec<(f64, Slot)> = columns[at]
                .iter()
                .enumerate()
                .map(|(old, slot)| (means.get(slot).map_or(old as f64, Mean::place), *slot))
                .collect();
            column.sort_by(|one, other| one.0.total_cmp(&other.0));
            columns[at] = column.into_iter().map(|(_, slot)| slot).collect();
        }
    }
}

/// Which cards a card leads to or is led to from.
fn linked(pairs: &BTreeSet<(usize, usize)>) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut linked: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in pairs {
        linked.entry(*from).or_default().insert(*to);
        linked.entry(*to).or_default().insert(*from);
    }
    linked
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: f64,
}

impl Mean {
    fn place(&self) -> f64 {
        self.sum / self.count
    }
}

/// Of the places in this column, for all that may stand beside it. Each link is looked at once: a column may have
/// thousands of lanes.
fn means(column: &[Slot], linked: &BTreeMap<usize, BTreeSet<usize>>) -> BTreeMap<Slot, Mean> {
    let mut means: BTreeMap<Slot, Mean> = BTreeMap::new();
    for (place, slot) in column.iter().enumerate() {
        let mut meet = |other: Slot| {
            let mean = means.entry(other).or_default();
            mean.sum += place as f64;
            mean.count += 1.0;
        };
        match *slot {
            Slot::Lane { from, to } => [Slot::Card(from), Slot::Card(to), *slot].into_iter().for_each(meet),
            Slot::Card(card) => {
                for other in linked.get(&card).into_iter().flatten() {
                    meet(Slot::Card(*other));
                    meet(Slot::Lane { from: card, to: *other });
                    meet(Slot::Lane { from: *other, to: card });
                }
            }
        }
    }
    means
}

fn placed(cards: &[Card], layers: &[usize], columns: &[Vec<Slot>], pairs: &BTreeSet<(usize, usize)>) -> Plan {
    let mut boxes: Vec<Place> = cards.iter().map(size).collect();
    let mut lanes: BTreeMap<(usize, usize), Vec<(f64, f64)>> = BTreeMap::new();
    let heights: Vec<f64> = columns.iter().map(|column| column.iter().map(|slot| room(*slot, &boxes)).sum()).collect();
    let height = heights.iter().copied().fold(0.0, f64::max);
    let mut rights = vec![0.0; cards.len()];
    let mut x = MARGIN;
    for (column, own) in columns.iter().zip(&heights) {
        let cards_here = column.iter().filter_map(|slot| match slot {
            Slot::Card(card) => Some(*card),
            Slot::Lane { .. } => None,
        });
        let cards_here: Vec<usize> = cards_here.collect();
        let width = cards_here.iter().map(|card| boxes[*card].width).fold(0.0, f64::max);
        // A column that is much shorter than the picture stands in its upper half, where reading begins.
        let mut y = MARGIN + (height - own) * 0.3;
        for slot in column {
            match slot {
                Slot::Card(card) => {
                    (boxes[*card].x, boxes[*card].y) = (x, y);
                    rights[*card] = x + width;
                }
                Slot::Lane { from, to } => {
                    let lane = lanes.entry((*from, *to)).or_default();
                    lane.extend([(x, y + LANE / 2.0), (x + width, y + LANE / 2.0)]);
                }
            }
            y += room(*slot, &boxes);
        }
        let tracks = cards_here.iter().map(|card| pairs.range((*card, 0)..=(*card, usize::MAX)).count()).max();
        x += width + 56.0 + TRACK * tracks.unwrap_or(0) as f64;
    }
    let mut plan = Plan { boxes, lines: Vec::new(), width: x, height: height + 2.0 * MARGIN };
    lines(cards, layers, pairs, &rights, &mut lanes, &mut plan);
    plan
}

fn size(card: &Card) -> Place {
    let title = card.title.chars().count() as f64 * 8.2 + 2.0 * PADDING + 34.0;
    if card.sort != Sort::Flow {
        return Place { width: title, height: HEAD, ..Place::default() };
    }
    let rows = card.rows.iter().map(row_width).fold(0.0, f64::max);
    Place { width: title.max(rows), height: HEAD + 8.0 + ROW * card.rows.len() as f64, ..Place::default() }
}

fn row_width(row: &Row) -> f64 {
    let text = row.text.chars().count().min(MOST_LETTERS) as f64 * LETTER;
    let badge = if row.live > 0 { 30.0 } else { 0.0 };
    2.0 * PADDING + row.depth as f64 * INDENT + label_width(row) + text + badge + 12.0
}

/// The chip before a row's text, with the gap behind it.
pub(super) fn label_width(row: &Row) -> f64 {
    let letters = row.label.as_deref().map(|label| label.chars().count().min(MOST_LABEL));
    letters.map_or(0.0, |letters| letters as f64 * 6.3 + 20.0)
}

pub(super) const MOST_LABEL: usize = 24;

fn room(slot: Slot, boxes: &[Place]) -> f64 {
    match slot {
        Slot::Card(card) => boxes[card].height + GAP,
        Slot::Lane { .. } => LANE + 6.0,
    }
}

fn lines(
    cards: &[Card],
    layers: &[usize],
    pairs: &BTreeSet<(usize, usize)>,
    rights: &[f64],
    lanes: &mut BTreeMap<(usize, usize), Vec<(f64, f64)>>,
    plan: &mut Plan,
) {
    let mut tracks: BTreeMap<usize, f64> = BTreeMap::new();
    let mut backs = 0.0;
    for (from, to) in pairs {
        let (card, there) = (plan.boxes[*from], plan.boxes[*to]);
        let used = tracks.entry(*from).or_insert(0.0);
        // Beside the whole column: no card of it is crossed.
        let track = rights[*from] + 14.0 + *used * TRACK;
        *used += 1.0;
        let rows = cards[*from].rows.iter().enumerate().filter(|(_, row)| row.leads.contains(to));
        let is_flow = cards[*from].sort == Sort::Flow;
        let height = |at: usize| if is_flow { HEAD + 4.0 + ROW * (at as f64 + 0.5) } else { HEAD / 2.0 };
        let starts = rows.map(|(at, _)| (card.x + card.width, card.y + height(at)));
        let end = (there.x, there.y + HEAD / 2.0);
        let course = if layers[*to] > layers[*from] { Course::Onward } else { Course::Back };
        let way = match course {
            Course::Onward => lanes.remove(&(*from, *to)).unwrap_or_default().into_iter().chain([end]).collect(),
            Course::Back => {
                backs += 1.0;
                let low = plan.height + backs * TRACK;
                vec![(track, low), (there.x - 18.0, low), (there.x - 18.0, end.1), end]
            }
        };
        plan.lines.push(Line { to: *to, from: starts.collect(), track, course, way });
    }
    plan.height += backs * TRACK + if backs > 0.0 { 12.0 } else { 0.0 };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_drawn_to_the_mean_of_its_neighbours_and_of_the_lanes_that_pass_to_it() {
        let pairs = BTreeSet::from([(0, 3), (1, 3), (2, 4), (9, 3)]);
        let lane = Slot::Lane { from: 9, to: 3 };
        let means = means(&[Slot::Card(0), Slot::Card(1), Slot::Card(2), lane], &linked(&pairs));
        let place = |slot| means.get(&slot).map(Mean::place);
        assert_eq!(place(Slot::Card(3)), Some((0.0 + 1.0 + 3.0) / 3.0));
        assert_eq!(place(Slot::Card(4)), Some(2.0));
        assert_eq!(place(lane), Some(3.0));
        assert_eq!(place(Slot::Lane { from: 0, to: 3 }), Some(0.0));
        assert_eq!(place(Slot::Card(7)), None);
    }
}
