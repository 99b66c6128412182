//! The picture as SVG. Lines first, cards over them; every card says in words what it is, for those who cannot see it.

use std::fmt::Write;

use crate::dialplan::graph::cards::Card;
use crate::dialplan::graph::cards::Row;
use crate::dialplan::graph::cards::Sort;
use crate::dialplan::graph::cards::Tone;
use crate::dialplan::graph::layers::Course;
use crate::dialplan::graph::layers::HEAD;
use crate::dialplan::graph::layers::INDENT;
use crate::dialplan::graph::layers::Line;
use crate::dialplan::graph::layers::MOST_LABEL;
use crate::dialplan::graph::layers::MOST_LETTERS;
use crate::dialplan::graph::layers::PADDING;
use crate::dialplan::graph::layers::Place;
use crate::dialplan::graph::layers::Plan;
use crate::dialplan::graph::layers::ROW;
use crate::dialplan::graph::layers::label_width;

const STYLE: &str = include_str!("style.css");
/// Hues of lines, so that each can be followed with the eye.
const HUES: usize = 8;
const ARROW: &str = "m-6 -4l6 4l-6 4";

pub(super) fn drawn(cards: &[Card], plan: &Plan) -> String {
    let mut drawing = Drawing(String::new());
    let Plan { width, height, .. } = plan;
    drawing.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-labelledby=\"title description\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">\n\
         <title id=\"title\">Dialplan</title>\n<desc id=\"description\">{}</desc>\n<style>\n{STYLE}</style>\n\
         <rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n",
        escaped(&described(cards))
    ));
    for line in &plan.lines {
        drawing.line(line);
    }
    for (card, place) in cards.iter().zip(&plan.boxes) {
        match card.sort {
            Sort::Flow => drawing.flow(card, *place),
            Sort::Number | Sort::Queue | Sort::Mailbox => drawing.pill(card, *place),
        }
    }
    drawing.0.push_str("</svg>\n");
    drawing.0
}

/// The whole picture in sentences.
fn described(cards: &[Card]) -> String {
    let mut sentences = Vec::new();
    for card in cards {
        let mut leads: Vec<String> = Vec::new();
        for to in card.rows.iter().flat_map(|row| &row.leads) {
            let name = named(&cards[*to]);
            if !leads.contains(&name) {
                leads.push(name);
            }
        }
        let what = match leads.is_empty() {
            true => continue,
            false => format!("{} leads to {}.", named(card), leads.join(", ")),
        };
        sentences.push(what);
    }
    sentences.join(" ")
}

fn named(card: &Card) -> String {
    let what = match card.sort {
        Sort::Number => "number",
        Sort::Flow => "flow",
        Sort::Queue => "queue",
        Sort::Mailbox => "mailbox",
    };
    format!("{what} {}", card.title)
}

struct Drawing(String);

impl Drawing {
    fn put(&mut self, what: std::fmt::Arguments<'_>) {
        self.0.write_fmt(what).expect("writing to a string does not fail");
    }

    fn line(&mut self, line: &Line) {
        let (hue, track) = (line.to % HUES, line.track);
        self.put(format_args!("<g class=\"line h{hue}\">"));
        for (x, y) in &line.from {
            self.put(format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/><path d=\"M{x:.1} {y:.1}H{track:.1}\"/>"
            ));
        }
        // One line for all rows: each joins it beside the card.
        let highest = line.from.iter().map(|(_, y)| *y).fold(f64::MAX, f64::min);
        let lowest = line.from.iter().map(|(_, y)| *y).fold(f64::MIN, f64::max);
        if lowest > highest {
            self.put(format_args!("<path d=\"M{track:.1} {highest:.1}V{lowest:.1}\"/>"));
        }
        let leaves = line.from.get(line.from.len() / 2).map_or(0.0, |(_, y)| *y);
        self.put(format_args!("<path d=\"{}\"/></g>\n", path(line, leaves)));
    }

    fn flow(&mut self, card: &Card, place: Place) {
        let Place { x, y, width, height } = place;
        self.put(format_args!("<g class=\"card\"><title>flow {}</title>", escaped(&card.title)));
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\"/>"
        ));
        self.put(format_args!("<path class=\"rule\" d=\"M{x:.1} {:.1}h{width:.1}\"/>", y + HEAD));
        self.put(format_args!(
            "<text class=\"head\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x + PADDING,
            y + 20.0,
            escaped(&card.title)
        ));
        for (row, at) in card.rows.iter().zip(0_u32..) {
            self.row(row, x, y + HEAD + 4.0 + ROW * f64::from(at), width);
        }
        self.put(format_args!("</g>\n"));
        self.badge(card.live, x + width - 6.0, y);
    }

    fn row(&mut self, row: &Row, x: f64, y: f64, width: f64) {
        let mut left = x + PADDING + INDENT * as_float(row.depth);
        if row.depth > 0 {
            let rail = left - INDENT + 4.0;
            self.put(format_args!("<path class=\"rail\" d=\"M{rail:.1} {y:.1}v{ROW}\"/>"));
        }
        if let Some(label) = &row.label {
            let chip = label_width(row) - 8.0;
            self.put(format_args!(
                "<rect class=\"chip\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{chip:.1}\" height=\"15\" rx=\"7.5\"/>\
                 <text class=\"label\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                y + 3.0,
                left + chip / 2.0,
                y + 14.0,
                escaped(&shortened(label, MOST_LABEL))
            ));
            left += label_width(row);
        }
        let tone = tone_class(row.tone);
        let text = escaped(&shortened(&row.text, MOST_LETTERS));
        self.put(format_args!("<text class=\"step {tone}\" x=\"{left:.1}\" y=\"{:.1}\">", y + 15.0));
        if row.text.chars().count() > MOST_LETTERS {
            self.put(format_args!("<title>{}</title>", escaped(&row.text)));
        }
        match (row.tone, text.split_once(' ')) {
            (Tone::Silent, _) | (_, None) => self.put(format_args!("<tspan class=\"verb\">{text}</tspan></text>")),
            (_, Some((verb, rest))) => {
                self.put(format_args!("<tspan class=\"verb\">{verb}</tspan> {rest}</text>"));
            }
        }
        if row.tone == Tone::End {
            let (end, middle) = (x + width - 12.0, y + ROW / 2.0);
            self.put(format_args!("<circle class=\"end\" cx=\"{end:.1}\" cy=\"{middle:.1}\" r=\"4\"/>"));
        }
        self.badge(row.live, x + width - 20.0, y + ROW / 2.0);
    }

    fn pill(&mut self, card: &Card, place: Place) {
        let Place { x, y, width, height } = place;
        let (class, sign) = match card.sort {
            Sort::Number => ("number", "\u{260e}"),
            Sort::Queue => ("queue", "\u{2261}"),
            Sort::Flow | Sort::Mailbox => ("mailbox", "\u{2709}"),
        };
        let radius = if card.sort == Sort::Mailbox { 4.0 } else { height / 2.0 };
        self.put(format_args!(
            "<g class=\"pill {class}\"><title>{}</title>\
             <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"{radius:.1}\"/>\
             <text class=\"sign\" x=\"{:.1}\" y=\"{:.1}\">{sign}</text>\
             <text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text></g>\n",
            escaped(&named(card)),
            x + PADDING,
            y + 20.0,
            x + PADDING + 22.0,
            y + 20.0,
            escaped(&card.title)
        ));
        self.badge(card.live, x + width - 6.0, y);
    }

    /// How many callers are here now.
    fn badge(&mut self, live: usize, x: f64, y: f64) {
        if live == 0 {
            return;
        }
        let callers = if live == 1 { "1 caller is here".to_owned() } else { format!("{live} callers are here") };
        let width = 10.0 + 7.0 * as_float(live.to_string().len());
        self.put(format_args!(
            "<g class=\"live\"><title>{callers}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"16\" rx=\"8\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\">{live}</text></g>\n",
            x - width / 2.0,
            y - 8.0,
            y + 4.0
        ));
    }
}

/// From beside the card to the other one, with an arrow's head at the end.
fn path(line: &Line, leaves: f64) -> String {
    let mut at = (line.track, leaves);
    let mut path = format!("M{:.1} {:.1}", at.0, at.1);
    for (x, y) in &line.way {
        let is_straight = line.course == Course::Back || (at.1 - y).abs() < 0.1;
        path += &match is_straight {
            true => format!("L{x:.1} {y:.1}"),
            false => {
                let half = (at.0 + x) / 2.0;
                format!("C{half:.1} {:.1} {half:.1} {y:.1} {x:.1} {y:.1}", at.1)
            }
        };
        at = (*x, *y);
    }
    path + ARROW
}

fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Choice => "choice",
        Tone::Queue => "queue",
        Tone::Mailbox => "mailbox",
        Tone::Dial => "dial",
        Tone::Onward => "onward",
        Tone::End => "ends",
        Tone::Silent => "silent",
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML 1.0 has no place for them.
            '\u{fffe}' | '\u{ffff}' => safe.push(' '),
            letter if letter.is_control() => safe.push(' '),
            letter => safe.push(letter),
        }
    }
    safe
}

#[expect(clippy::cast_precision_loss, reason = "no picture comes near 2^52")]
fn as_float(count: usize) -> f64 {
    count as f64
}
