//! What a part of a dialplan says, whatever blanks and comments stand in it: the same words always look the same.

use std::fmt::Write;

use crate::dialplan::document::Node;
use crate::dialplan::document::Raw;

/// Lines as the owner could have written them, without comments.
pub(super) fn outlined(nodes: &[Node]) -> String {
    let mut text = String::new();
    for node in nodes {
        write_node(node, 0, &mut text);
    }
    text
}

/// Calls itself for each block within; the reader bounds how deep they stand.
fn write_node(node: &Node, depth: usize, text: &mut String) {
    let indent = "    ".repeat(depth);
    text.push_str(&indent);
    text.push_str(&node.name);
    for argument in &node.arguments {
        text.push(' ');
        write_value(&argument.value, text);
    }
    for property in &node.properties {
        text.push(' ');
        text.push_str(&property.name);
        text.push('=');
        write_value(&property.value, text);
    }
    match &node.children {
        None => text.push('\n'),
        Some(children) => {
            text.push_str(" {\n");
            for child in children {
                write_node(child, depth + 1, text);
            }
            text.push_str(&indent);
            text.push_str("}\n");
        }
    }
}

fn write_value(value: &Raw, text: &mut String) {
    let written = match value {
        Raw::Text(value) => write!(text, "{value:?}"),
        Raw::Integer(number) => write!(text, "{number}"),
        Raw::Other(value) => write!(text, "{value}"),
    };
    written.expect("writing to a string does not fail");
}
