//! What is read, what is refused, and that the `kdl` crate reads the same.

use kdl::KdlDocument;
use kdl::KdlEntry;
use kdl::KdlNode;
use kdl::KdlValue;

use super::*;
use crate::dialplan::example::DESIGN;
use crate::dialplan::example::LOJA;

pub(in crate::dialplan) fn read_text(text: &str) -> Result<Vec<Node>, Vec<String>> {
    let files = [SourceFile { path: "a.kdl".to_owned(), text: text.to_owned() }];
    let mut faults = Faults::new(&files);
    let nodes = read(&files[0], 0, &mut faults);
    let faults = faults.into_sorted().into_iter();
    nodes.ok_or_else(|| faults.map(|fault| fault.to_string()).collect())
}

fn faults_of(text: &str) -> Vec<String> {
    read_text(text).err().unwrap_or_default()
}

#[test]
fn words_know_where_they_stand() {
    let files = [SourceFile {
        path: "a.kdl".to_owned(),
        text: "menu \"não\" wait=\"5s\"   tries=3 {\n  key \"1\"\n}\n".to_owned(),
    }];
    let mut faults = Faults::new(&files);
    let nodes = read(&files[0], 0, &mut faults).unwrap();
    let menu = &nodes[0];
    assert_eq!(faults.text(menu.name_span), "menu");
    assert_eq!(faults.text(menu.arguments[0].span), "\"não\"");
    assert_eq!(faults.text(menu.properties[1].span), "tries=3");
    assert_eq!(menu.properties[1].value, Raw::Integer(3));
    assert_eq!(faults.text(menu.head_span()), "menu \"não\" wait=\"5s\"   tries=3");
    let key = &menu.children.as_ref().unwrap()[0];
    assert_eq!(faults.place(key.name_span), "a.kdl:2");
}

#[test]
fn nesting_size_and_words_are_bounded() {
    let nested = |depth| "a {\n".repeat(depth) + &"}\n".repeat(depth);
    assert_eq!(faults_of(&nested(MOST_DEPTH)), [""; 0]);
    assert_eq!(
        faults_of(&nested(1_000)),
        [
            "a.kdl:33:3: more than 32 blocks stand in each other here\n    Move the inner ones to a flow of their own and `go` there."
        ]
    );
    let long = faults_of(&"x".repeat(MOST_BYTES + 1));
    assert_eq!(long, ["a.kdl:1:1: this file has 16777217 bytes, more than 16777216\n    Split it into several files."]);
    assert!(faults_of(&"a\n".repeat(MOST_WORDS + 1))[0].contains("more than 1000000 words"));
}

#[test]
fn a_file_of_nothing_but_slips_is_not_read_to_its_end() {
    for slip in ["}", "= ", "{", "\"\n", ")\n", "{}", "a(", "[", "a \\q\n", "#\"", "/*", "a b=\n", "a {}b"] {
        let faults = faults_of(&slip.repeat(20_000));
        assert!((1..=MOST_SLIPS).contains(&faults.len()), "{slip}: {}", faults.len());
    }
}

/// What both trees are reduced to.
type Shape = Vec<(String, Vec<(Option<String>, String)>, String)>;

fn ours(nodes: &[Node]) -> Shape {
    let written = |raw: &Raw| match raw {
        Raw::Text(text) => format!("text {text}"),
        Raw::Integer(number) => format!("number {number}"),
        Raw::Other(_) => "other".to_owned(),
    };
    let shape = nodes.iter().map(|node| {
        let arguments = node.arguments.iter().map(|it| (None, written(&it.value)));
        let properties = node.properties.iter();
        let properties = properties.map(|it| (Some(it.name.clone()), written(&it.value)));
        let children = format!("{:?}", node.children.as_ref().map(|nodes| ours(nodes)));
        (node.name.clone(), arguments.chain(properties).collect(), children)
    });
    shape.collect()
}

fn theirs(nodes: &[KdlNode]) -> Shape {
    let written = |entry: &KdlEntry| match entry.value() {
        KdlValue::String(text) => format!("text {text}"),
        KdlValue::Integer(number) => format!("number {number}"),
        _ => "other".to_owned(),
    };
    let shape = nodes.iter().map(|node| {
        let (named, plain): (Vec<_>, Vec<_>) = node.entries().iter().partition(|entry| entry.name().is_some());
        let entries = plain.into_iter().chain(named);
        let name = |entry: &KdlEntry| entry.name().map(|name| name.value().to_owned());
        let entries = entries.map(|entry| (name(entry), written(entry))).collect();
        let children = node.children().map(|children| theirs(children.nodes()));
        (node.name().value().to_owned(), entries, format!("{children:?}"))
    });
    shape.collect()
}

/// Our reader and the `kdl` crate read the same in it, or both refuse it.
pub(in crate::dialplan) fn agree(text: &str) {
    let kdl = KdlDocument::parse_v2(text);
    match (read_text(text), kdl) {
        (Ok(nodes), Ok(document)) => {
            assert_eq!(ours(&nodes), theirs(document.nodes()), "{text:?}");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("{text:?} is not KDL: {:?}", error.diagnostics),
        (Err(faults), Ok(_)) => panic!("{text:?} is KDL, but {faults:?}"),
    }
}

#[test]
fn we_read_what_the_kdl_crate_reads() {
    agree(DESIGN);
    agree(LOJA);
    for text in [
        "a 1 -2 +3 1_000 0x1f 0o17 0b101 1.5 1e3 -1.5E-3 #true #null #-inf",
        "a \"q\\n\\t\\\"\\\\\\s\\u{e7}\" #\"raw \\n\"# ##\"a\"#b\"##",
        "a \"one \\\n   two\"",
        "a \"\"\"\n    one\n      two\n\n    \"\"\"",
        "a #\"\"\"\n  \\n \"x\"\n  \"\"\"#",
        "a /- 1 2 /- b=3 c=4 /- { d } { e }",
        "/- a { b }\nc; /-d\ne",
        "a \\ // more\n  b\\\n c",
        "a /* x /* y */ z */ b // c\n",
        "\u{feff}a=1",
        "a b = \"c\" ;; d",
        "a {}; b { c }; d {\n}\n",
        "- -x +y .z ~ a-b é",
        "a true",
        "a 1x",
        "a .5",
        "a \"x",
        "a \"\\q\"",
        "a b=",
        "a {",
        "a }",
        "{ a }",
        "a { } b",
        "= 1",
        "a \u{0}",
        "a\"b\"",
        "a [b]",
        "a \"\"\"x\"\"\"",
        "a \"\\u{d800}\"",
        "a #maybe",
        "a b=c=d",
    ] {
        agree(text);
    }
}

#[test]
fn we_agree_with_the_kdl_crate_on_any_row_of_its_parts() {
    let parts = [
        "a", "b", "flow", " ", "  ", "\n", "\n", ";", "{", "}", "{", "}", "=", "\"x\"", "\"", "1", "-1", "#true",
        "// c\n", "/* c */", "\\\n", "é", "0x1f", "1.5",
    ];
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..5_000 {
        let length = rng.usize(1..12);
        let text: String = (0..length).map(|_| *rng.choice(parts.iter()).unwrap()).collect();
        agree(&text);
    }
}
