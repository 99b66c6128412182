//! What changes and what does not; that a second time changes nothing; that the meaning stays.

use super::*;
use crate::dialplan::document::tests::agree;
use crate::dialplan::document::tests::read_text;
use crate::dialplan::example::DESIGN;
use crate::dialplan::example::LOJA;
use crate::dialplan::lexer::Lexeme;
use crate::dialplan::lexer::Lexer;
use crate::dialplan::outline::outlined;

fn formatted(text: &str) -> Result<String, Vec<Fault>> {
    format(&SourceFile { path: "a.kdl".to_owned(), text: text.to_owned() })
}

fn becomes(text: &str, expected: &str) {
    assert_eq!(formatted(text).unwrap(), expected, "{text:?}");
    keeps_its_meaning(text);
}

/// Everything that must hold of any text.
fn keeps_its_meaning(text: &str) {
    let Ok(once) = formatted(text) else {
        return;
    };
    assert_eq!(formatted(&once).unwrap(), once, "a second time changes {text:?}");
    agree(&once);
    let before = outlined(&read_text(text).unwrap());
    assert_eq!(outlined(&read_text(&once).unwrap()), before, "{text:?} became {once:?}");
    assert_eq!(comments(&once), comments(text), "{text:?} became {once:?}");
}

/// The comments' words, in any order: those around a `=` move behind the value.
fn comments(text: &str) -> Vec<String> {
    let mut lexer = Lexer::new(text);
    let mut end = 0;
    let mut found = Vec::new();
    loop {
        let token = lexer.next();
        let between = &text[end..token.start];
        found.extend(between.split_whitespace().filter(|word| word.starts_with('c')).map(str::to_owned));
        end = token.end;
        if token.lexeme == Lexeme::EndOfFile {
            found.sort();
            return found;
        }
    }
}

#[test]
fn blanks_and_indents_are_put_in_order() {
    becomes(
        "flow   \"a\"{\n\nplay    \"x\"   ;hangup\n\n\n\n  key \"1\"   {go \"b\";hangup;}\n\n}",
        "flow \"a\" {\n    play \"x\"\n    hangup\n\n    key \"1\" { go \"b\"; hangup }\n}\n",
    );
    becomes("\u{feff}a b = 1\r\n\r\n\r\nc {\r\n}\r\nd { }", "a b=1\n\nc {\n}\nd {}\n");
    becomes("", "");
}

#[test]
fn comments_stay_where_they_were() {
    becomes(
        "// c1\n\n// c2\nflow \"a\" { // c3\n// c4\nplay /* c5 */ \"x\" // c6\n/* c7 */ hangup; // c8\n// c9\n} // c10\n// c11",
        "// c1\n\n// c2\nflow \"a\" { // c3\n    // c4\n    play /* c5 */ \"x\" // c6\n    /* c7 */ hangup // c8\n    // c9\n} // c10\n// c11\n",
    );
    becomes("a { b /* c1 */; /* c2 */ }\n", "a { b /* c1 */ /* c2 */ }\n");
    becomes("a b /* c1 */ = /* c2 */ 3", "a b=3 /* c1 */ /* c2 */\n");
    becomes("a { b /* c1\n   c2 */ }", "a {\n    b /* c1\n   c2 */\n}\n");
}

#[test]
fn what_is_hidden_stays_hidden() {
    becomes("/-  flow \"a\" {\nb\n}\na /- 1 /-  b=2 /- { c }", "/-flow \"a\" {\n    b\n}\na /-1 /-b=2 /-{ c }\n");
    becomes("/- // c1\n a\nb /- // c2\n 1", "// c1\n/-a\nb \\ // c2\n    /-1\n");
}

#[test]
fn a_step_over_several_lines_stays_on_them() {
    becomes("a \\ // c1\n  1   \\\n\t2\n", "a \\ // c1\n    1 \\\n    2\n");
    becomes("a { b \\\n 1 }", "a {\n    b \\\n        1\n}\n");
    becomes("a \\\n\n\\\n b", "a\nb\n");
    becomes("a \\ // c1\n// c2\n", "a // c1\n// c2\n");
}

#[test]
fn texts_are_not_touched() {
    becomes(
        "a   \"x  y\" #\"\\ {\"# \"\"\"\n    one\n      two\n    \"\"\"",
        "a \"x  y\" #\"\\ {\"# \"\"\"\n    one\n      two\n    \"\"\"\n",
    );
    becomes("a \"\"\"\r\n  x\r\n  \"\"\"", "a \"\"\"\n  x\n  \"\"\"\n");
}

#[test]
fn a_line_that_would_be_too_long_is_opened_up_from_the_outside() {
    let name = "x".repeat(60);
    becomes(
        &format!("key \"1\" {{ queue \"{name}\" {{ timeout {{ go \"{name}\" }} }} }}"),
        &format!("key \"1\" {{\n    queue \"{name}\" {{\n        timeout {{ go \"{name}\" }}\n    }}\n}}\n"),
    );
}

#[test]
fn a_file_with_slips_is_left_alone_and_said() {
    let faults = formatted("a {\n").unwrap_err();
    assert_eq!(faults[0].to_string(), "a.kdl:1:3: this `{` is never closed\n    Each `{` needs its `}`.");
}

#[test]
fn the_shipped_shop_and_the_sample_are_in_form() {
    for text in [DESIGN, LOJA] {
        becomes(text, text);
    }
}

#[test]
fn any_row_of_parts_keeps_its_meaning_and_is_stable() {
    let parts = [
        "a",
        "b",
        "flow",
        " ",
        "  ",
        "\n",
        "\n",
        "\r\n",
        ";",
        "{",
        "}",
        "{",
        "}",
        " = ",
        "=",
        "\"x\"",
        "1",
        "-1",
        "#true",
        "// c1\n",
        "/* c2 */",
        "/* c3\n c4 */",
        "\\\n",
        "\\ // c5\n",
        " /-",
        "/- ",
        "é",
        "\"\"\"\n x\n \"\"\"",
        "#\"c\"#",
    ];
    let mut rng = fastrand::Rng::with_seed(23);
    for _ in 0..40_000 {
        let length = rng.usize(1..14);
        let text: String = (0..length).map(|_| *rng.choice(parts.iter()).unwrap()).collect();
        keeps_its_meaning(&text);
    }
}

#[test]
fn a_dialplan_with_its_blanks_shaken_comes_back_to_the_same_form() {
    let mut rng = fastrand::Rng::with_seed(5);
    for _ in 0..50 {
        let shake = |line: &str| format!("{}{}", " ".repeat(rng.usize(0..6)), line.trim_start());
        let shaken: Vec<String> = LOJA.lines().map(shake).collect();
        assert_eq!(formatted(&shaken.join("\n")).unwrap(), LOJA);
    }
}
