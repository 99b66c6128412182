//! What no section can know by itself: whether the names in one are defined in another, and defined once.
//!
//! Works on the text's tree and not on what was read, so that a slip in one section hides no fault in another.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;

use crate::config::document::Document;
use crate::config::document::Word;
use crate::config::document::key_of;
use crate::config::document::word_of;
use crate::config::document::words_of;
use crate::config::rule::Rule;
use crate::config::tls;
use crate::config::values;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::choices;
use crate::media::prompts::Prompts;

pub(super) fn check(document: &Document<'_>, prompts: &Prompts, faults: &mut Vec<Fault>) {
    for (tables, key) in [
        ("extension", "number"),
        ("trunk", "name"),
        ("queue", "name"),
        ("channel", "name"),
        ("mailbox", "name"),
        ("credential", "name"),
        ("webhook", "name"),
        ("peer", "name"),
    ] {
        defined_once(document, tables, key, faults);
    }
    agents_exist(document, faults);
    music_exists(document, prompts, faults);
    session_timer_is_bearable(document, faults);
    listeners_differ(document, faults);
    tls::check_keys(document, faults);
    trunks_can_register(document, faults);
    networks_belong_to_one_trunk(document, faults);
    trunks_can_write_numbers(document, faults);
    one_secret_each(document, faults);
    secrets_stand_in_one_place(document, faults);
    others_have_an_address(document, faults);
    named_channels_exist(document, faults);
    speech_has_its_credential(document, faults);
    values::check(document, faults);
}

/// Secrets of tables that cannot do without one.
fn secrets_stand_in_one_place(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for (tables, plain, file) in
        [("credential", "value", "value_file"), ("webhook", "secret", "secret_file"), ("peer", "token", "token_file")]
    {
        for table in document.tables(tables) {
            let place = |key: &str| table.get_ref().as_table()?.get(key).map(Spanned::span);
            match (place(plain), place(file)) {
                (Some(_), Some(second)) => {
                    let message = format!("this {tables} has its {plain} in two places");
                    let hint = format!("keep one of `{plain}` and `{file}`");
                    faults.push(document.fault(Rule::TwoSecrets, second, message, Some(hint)));
                }
                (None, None) => {
                    let message = format!("this {tables} has no {plain}");
                    let hint = format!("add a line `{plain} = …` or `{file} = …`");
                    faults.push(document.fault(Rule::MissingKey, key_of(table, plain), message, Some(hint)));
                }
                _ => {}
            }
        }
    }
}

fn others_have_an_address(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for tables in ["webhook", "peer"] {
        for url in document.names(tables, "url") {
            if !has_scheme(&url.text) {
                let message = format!("the `url` of a {tables} begins with https:// or http://");
                faults.push(document.fault(Rule::WrongSetting, url.span, message, None));
            }
        }
    }
}

pub(super) fn has_scheme(url: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme))
}

/// A slip there would be noticed by the first caller who hears nothing.
fn speech_has_its_credential(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let Some(named) = document.word("speech", "credential") else { return };
    let known: BTreeSet<String> = texts(document.names("credential", "name"));
    if !known.contains(&named.text) {
        let message = format!("[speech] names the credential `{}`, which is not defined", named.text);
        let hint = choices("[[credential]] tables", known.iter().map(String::as_str), &named.text);
        faults.push(document.fault(Rule::WrongSetting, named.span, message, Some(hint)));
    }
}

/// A slip there would be noticed on the day when nobody is told.
fn named_channels_exist(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let channels = texts(document.names("channel", "name"));
    let shown = document.keys("status", "channels");
    for name in document.words("alarm", "text_by").into_iter().chain(shown) {
        if !channels.contains(&name.text) {
            let hint = choices("channels", channels.iter().map(String::as_str), &name.text);
            let message = format!("there is no channel `{}`", name.text);
            let hint = format!("channels are the names of [[channel]] tables. {hint}");
            faults.push(document.fault(Rule::UnknownChannel, name.span, message, Some(hint)));
        }
    }
}

fn defined_once(document: &Document<'_>, tables: &str, key: &str, faults: &mut Vec<Fault>) {
    let mut seen = BTreeMap::new();
    for word in document.names(tables, key) {
        let Word { text, span } = word;
        if let Some(first) = seen.get(&text) {
            let fault = document.fault(
                Rule::DefinedTwice,
                span,
                format!("there is a second [[{tables}]] with the {key} `{text}`"),
                None,
            );
            let hint = format!("the first stands in line {first}; give one of them another {key}");
            faults.push(Fault { help: Some(hint), ..fault });
        } else {
            let line = document.line(span.start);
            seen.insert(text, line);
        }
    }
}

fn agents_exist(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let extensions: BTreeSet<String> = texts(document.names("extension", "number"));
    for queue in document.tables("queue") {
        let name = word_of(queue, "name").map_or_else(|| "?".to_owned(), |name| name.text);
        let mut listed = BTreeSet::new();
        for agent in words_of(queue, "agents") {
            if !extensions.contains(&agent.text) {
                let hint = choices("extensions", extensions.iter().map(String::as_str), &agent.text);
                let message = format!("queue `{name}` lists agent `{}`, who is not defined", agent.text);
                let hint = format!("agents are the numbers of [[extension]] tables. {hint}");
                faults.push(document.fault(Rule::UnknownAgent, agent.span.clone(), message, Some(hint)));
            }
            if !listed.insert(agent.text.clone()) {
                let message = format!("queue `{name}` lists agent `{}` twice", agent.text);
                faults.push(document.fault(
                    Rule::ListedTwice,
                    agent.span,
                    message,
                    Some("remove one of them".to_owned()),
                ));
            }
        }
    }
}

fn music_exists(document: &Document<'_>, prompts: &Prompts, faults: &mut Vec<Fault>) {
    for music in document.names("queue", "hold_music") {
        if prompts.pieces(&music.text).is_empty() {
            let message = format!("there is no music `{}`", music.text);
            let hint = "`default` is shipped; other music is a file `dialplans/prompts/music/NAME.wav`, or a folder `NAME` of them";
            faults.push(document.fault(Rule::UnknownMusic, music.span, message, Some(hint.to_owned())));
        }
    }
}

fn listeners_differ(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let mut seen = BTreeSet::new();
    for listener in document.words("sip", "listen") {
        if !seen.insert(listener.text.clone()) {
            let message = format!("`{}` is listed twice", listener.text);
            faults.push(document.fault(
                Rule::ListedTwice,
                listener.span,
                message,
                Some("remove one of them".to_owned()),
            ));
        }
    }
}

/// RFC 4028 §4: less than 90 s would only make traffic.
fn session_timer_is_bearable(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let time = |key: &str| {
        let word = document.word("sip", key)?;
        let length = humantime::parse_duration(&word.text).ok()?;
        Some((length, word.span))
    };
    let usual = Duration::from_secs(90);
    let least = time("min_se");
    if let Some((_, span)) = least.clone().filter(|(least, _)| *least < usual) {
        let hint = "RFC 4028 allows 90s and more".to_owned();
        faults.push(document.fault(Rule::SessionTimer, span, "`min_se` is too short".to_owned(), Some(hint)));
    }
    let least = least.map_or(usual, |(least, _)| least).max(usual);
    if let Some((_, span)) = time("session_expires").filter(|(expires, _)| !expires.is_zero() && *expires < least) {
        let hint = format!("write at least {} s (see `min_se`), or \"0s\" for no session timer", least.as_secs());
        faults.push(document.fault(Rule::SessionTimer, span, "`session_expires` is too short".to_owned(), Some(hint)));
    }
}

fn trunks_can_register(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for trunk in document.tables("trunk") {
        let table = trunk.get_ref().as_table();
        let registers =
            table.and_then(|table| table.get("register")).filter(|value| value.get_ref().as_bool() == Some(true));
        let Some(registers) = registers else { continue };
        if word_of(trunk, "username").is_none() || word_of(trunk, "password").is_none() {
            let message = "a trunk that registers needs a `username` and a `password`".to_owned();
            let hint = "add both, or set `register = false` where the carrier knows us by our address";
            faults.push(document.fault(Rule::TrunkCredentials, registers.span(), message, Some(hint.to_owned())));
        }
    }
}

/// A form of numbers that lacks what it needs, or does not use what is said.
fn trunks_can_write_numbers(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let home = |key: &str| document.word("number", key).map(|word| word.text);
    for trunk in document.tables("trunk") {
        let own = |key: &str| word_of(trunk, key).map(|word| word.text).or_else(|| home(key));
        let format = word_of(trunk, "number_format");
        let written = format.as_ref().map_or("e164", |word| word.text.as_str());
        if let (Some(code), "e164" | "e164-without-plus") = (word_of(trunk, "operator_code"), written) {
            let message = format!("`operator_code` has no place in numbers of the form `{written}`");
            let hint = "remove it, or set `number_format` to \"national\" or \"brazil\"".to_owned();
            faults.push(document.fault(Rule::NumberForm, code.span, message, Some(hint)));
        }
        let Some(format) = format.filter(|format| format.text == "brazil") else {
            continue;
        };
        if own("country_code").is_some_and(|country| country != "55") {
            let hint = "use \"national\", or set `country_code = \"55\"` for this trunk".to_owned();
            faults.push(document.fault(
                Rule::NumberForm,
                format.span.clone(),
                "`brazil` is a form of numbers for country 55".to_owned(),
                Some(hint),
            ));
        }
        if own("area_code").is_none() {
            let message = "`brazil` leaves the area out of numbers of its own: it must be known".to_owned();
            let hint = "add `area_code = \"11\"` to the trunk or to [number]".to_owned();
            faults.push(document.fault(Rule::NumberForm, format.span, message, Some(hint)));
        }
    }
}

/// Calls from an address must belong to one trunk; of two equal entries only the first would ever be used.
fn networks_belong_to_one_trunk(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for trunk in document.tables("trunk") {
        let name = word_of(trunk, "name").map_or_else(|| "?".to_owned(), |name| name.text);
        for network in words_of(trunk, "from") {
            if let Some(owner) = owners.get(&network.text) {
                let message = format!("`{}` is in the `from` of trunk `{owner}` already", network.text);
                let hint = "an address can belong to one trunk only; remove it from the other";
                faults.push(document.fault(Rule::SharedNetwork, network.span, message, Some(hint.to_owned())));
            } else {
                owners.insert(network.text, name.clone());
            }
        }
    }
}

fn one_secret_each(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for extension in document.tables("extension") {
        let plain = word_of(extension, "password").or_else(|| word_of(extension, "password_file"));
        let hashed = word_of(extension, "ha1_sha256").or_else(|| word_of(extension, "ha1_md5"));
        let twice = word_of(extension, "password").and_then(|_| word_of(extension, "password_file"));
        if let Some(second) = twice.or_else(|| plain.and(hashed)) {
            let message = "this extension has its password in two places".to_owned();
            let hint = "keep one of `password`, `password_file`, or the `ha1_…` pair";
            faults.push(document.fault(Rule::TwoSecrets, second.span, message, Some(hint.to_owned())));
        }
    }
}

fn texts(words: Vec<Word>) -> BTreeSet<String> {
    words.into_iter().map(|word| word.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let (document, mut faults) = Document::parse("a.toml", text);
        assert!(faults.is_empty(), "{faults:?}");
        check(&document, &Prompts::shipped(), &mut faults);
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_agent_must_be_an_extension() {
        let found =
            faults("[[extension]]\nnumber = \"2000\"\n[[queue]]\nname = \"vendas\"\nagents = [\"2000\", \"200\"]\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("a.toml:5:19: queue `vendas` lists agent `200`, who is not defined\n    "),
            "{found:?}"
        );
        assert!(found[0].contains("Did you mean `2000`?"), "{found:?}");
    }

    #[test]
    fn a_number_is_defined_once() {
        let found = faults("[[extension]]\nnumber = \"200\"\n[[extension]]\nnumber = \"200\"\n");
        assert!(found[0].starts_with("a.toml:4:10: there is a second [[extension]]"), "{found:?}");
        assert!(found[0].contains("line 2"), "{found:?}");
    }

    #[test]
    fn what_would_only_fail_later_is_found_now() {
        assert!(faults("[sip]\nlisten = [\"tls:0.0.0.0:5061\"]\n")[0].contains("needs a certificate"));
        assert!(faults("[sip]\nmin_se = \"60s\"\n")[0].contains("`min_se` is too short"));
        let short = faults("[sip]\nsession_expires = \"2m\"\nmin_se = \"3m\"\n");
        assert!(short[0].contains("at least 180 s"), "{short:?}");
        assert!(faults("[sip]\nsession_expires = \"0s\"\n").is_empty());
        assert!(faults("[[trunk]]\nname = \"a\"\nregister = true\n")[0].contains("`username`"));
        let shared = "[[trunk]]\nname = \"a\"\nfrom = [\"::1\"]\n[[trunk]]\nname = \"b\"\nfrom = [\"::1\"]\n";
        assert!(faults(shared)[0].contains("`from` of trunk `a`"));
        let coded = "[[trunk]]\nname = \"a\"\noperator_code = \"15\"\n";
        assert!(faults(coded)[0].contains("has no place in numbers of the form `e164`"));
        let local = "[[trunk]]\nname = \"a\"\nnumber_format = \"brazil\"\n";
        assert!(faults(local)[0].starts_with("a.toml:3:17: `brazil` leaves the area out"));
        assert!(faults(&format!("[number]\narea_code = \"11\"\n{local}")).is_empty());
        assert!(faults(&format!("{local}country_code = \"351\"\narea_code = \"1\"\n"))[0].contains("country 55"));
        let both = "[[extension]]\nnumber = \"2\"\npassword = \"x\"\nha1_md5 = \"y\"\n";
        assert!(faults(both)[0].contains("two places"));
        assert!(faults("[[queue]]\nname = \"q\"\nhold_music = \"jazz\"\n")[0].contains("`jazz`"));
    }
}
