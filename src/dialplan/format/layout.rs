//! Lines → text.

use crate::dialplan::format::Block;
use crate::dialplan::format::Line;
use crate::dialplan::format::Piece;
use crate::dialplan::format::Shape;

/// A block on one line is opened up where the line would be longer, in characters.
const WIDTH: usize = 110;
const INDENT: &str = "    ";

pub(super) fn written(lines: &[Line]) -> String {
    let mut text = String::new();
    write_lines(lines, 0, &mut text);
    text
}

/// Calls itself for each block within; the reader bounds how deep they stand.
fn write_lines(lines: &[Line], depth: usize, text: &mut String) {
    for (at, line) in lines.iter().enumerate() {
        if line.parted && at > 0 {
            text.push('\n');
        }
        indent(depth, text);
        write_line(line, depth, text);
        text.push('\n');
    }
}

fn write_line(line: &Line, depth: usize, text: &mut String) {
    let mut blank = "";
    for piece in &line.pieces {
        text.push_str(blank);
        blank = " ";
        match piece {
            Piece::Word(word) => text.push_str(word),
            Piece::Comment(comment) | Piece::LastComment(comment) => text.push_str(comment),
            Piece::Fold(comment) => {
                text.push('\\');
                if let Some(comment) = comment {
                    text.push(' ');
                    text.push_str(comment);
                }
                text.push('\n');
                indent(depth + 1, text);
                blank = "";
            }
            Piece::Block(block) => write_block(block, depth, text),
        }
    }
}

fn write_block(block: &Block, depth: usize, text: &mut String) {
    let column = text.chars().rev().take_while(|letter| *letter != '\n').count();
    match on_one_line(block) {
        Some(flat) if column + flat.chars().count() <= WIDTH => text.push_str(&flat),
        _ => {
            text.push_str(&block.prefix);
            text.push('{');
            for comment in &block.head {
                text.push(' ');
                text.push_str(comment);
            }
            text.push('\n');
            write_lines(&block.lines, depth + 1, text);
            indent(depth, text);
            text.push('}');
        }
    }
}

/// None where the owner opened it up, or one line cannot hold what is in it.
fn on_one_line(block: &Block) -> Option<String> {
    if block.shape == Shape::Open {
        return None;
    }
    let mut flat = format!("{}{{", block.prefix);
    for (at, line) in block.lines.iter().enumerate() {
        flat.push_str(if at == 0 { " " } else { "; " });
        for (at, piece) in line.pieces.iter().enumerate() {
            flat.push_str(if at == 0 { "" } else { " " });
            match piece {
                Piece::Word(word) | Piece::Comment(word) if !word.contains('\n') => flat.push_str(word),
                Piece::Block(block) => flat.push_str(&on_one_line(block)?),
                Piece::Word(_) | Piece::Comment(_) | Piece::LastComment(_) | Piece::Fold(_) => return None,
            }
        }
        if flat.len() > WIDTH * LONGEST_LETTER {
            return None;
        }
    }
    flat.push_str(if block.lines.is_empty() { "}" } else { " }" });
    Some(flat)
}

/// In bytes of UTF-8.
const LONGEST_LETTER: usize = 4;

fn indent(depth: usize, text: &mut String) {
    for _ in 0..depth {
        text.push_str(INDENT);
    }
}
