//! Values that would do no harm until the day on which they are needed: each is held to what its key asks for.

use std::net::IpAddr;

use crate::config::document::Document;
use crate::config::document::Word;
use crate::config::document::words_of;
use crate::config::rule::Rule;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::closest;
use crate::dialplan::mailbox_name;
use crate::switch::event_kinds::EVENT_KINDS;
use crate::switch::event_kinds::is_published;

pub(super) fn check(document: &Document<'_>, faults: &mut Vec<Fault>) {
    mailboxes_are_folders(document, faults);
    passwords_keep_somebody_out(document, faults);
    hashes_are_hashes(document, faults);
    codes_are_digits(document, faults);
    hosts_are_hosts(document, faults);
    events_are_published(document, faults);
    origins_are_origins(document, faults);
}

fn mailboxes_are_folders(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for Word { text, span } in
        [("mailbox", "name"), ("extension", "mailbox")].iter().flat_map(|(tables, key)| document.names(tables, key))
    {
        if !mailbox_name::fits(&text) {
            let message = format!("`{text}` cannot be the name of a mailbox");
            faults.push(document.fault(Rule::WrongSetting, span, message, Some(mailbox_name::MEND.to_owned())));
        }
    }
}

/// Whoever knows that it is empty would be let in.
fn passwords_keep_somebody_out(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for (tables, mend) in [
        ("extension", "write one, or remove the line to have one made at the first start and shown once"),
        ("trunk", "write the one that the carrier gave you, or remove the line if there is none"),
    ] {
        for Word { span, .. } in document.names(tables, "password").into_iter().filter(|it| it.text.trim().is_empty()) {
            let message = format!("the password of this {tables} is empty");
            faults.push(document.fault(Rule::WrongSetting, span, message, Some(mend.to_owned())));
        }
    }
}

/// With any other text no phone could ever sign in.
fn hashes_are_hashes(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for (key, digits, of) in [("ha1_sha256", 64, "sha256sum"), ("ha1_md5", 32, "md5sum")] {
        let is_hash = |text: &str| text.len() == digits && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        for Word { span, .. } in document.names("extension", key).into_iter().filter(|it| !is_hash(&it.text)) {
            let message = format!("`{key}` is not {digits} hexadecimal digits");
            let mend = format!("printf '%s' 'NUMBER:DOMAIN:PASSWORD' | {of}; the domain is that of [sip]");
            faults.push(document.fault(Rule::WrongSetting, span, message, Some(mend)));
        }
    }
}

/// With `+55` no number that is dialled without a plus would be understood.
fn codes_are_digits(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let is_code = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    for key in ["country_code", "area_code"] {
        let written = document.word("number", key).into_iter().chain(document.names("trunk", key));
        // An empty area is none.
        let is_none = |word: &Word| key == "area_code" && word.text.is_empty();
        for Word { text, span } in written.filter(|word| !is_code(&word.text) && !is_none(word)) {
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let message = format!("`{key}` is digits alone, and `{text}` is not");
            let mend =
                if digits.is_empty() { "write it as in \"55\"".to_owned() } else { format!("write \"{digits}\"") };
            faults.push(document.fault(Rule::NumberForm, span, message, Some(mend)));
        }
    }
}

fn hosts_are_hosts(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for Word { text, span } in document.names("trunk", "host").into_iter().filter(|host| !is_host(&host.text)) {
        let message = match text.contains('@') {
            // It may have come with a password.
            true => "the `host` of a trunk is neither a name nor an address".to_owned(),
            false => format!("`{text}` is neither a name nor an address"),
        };
        let mend = "`host` is \"sip.carrier.example\" or \"192.0.2.1\"; `port = 5060` and `transport = \"tcp\"` are keys of their own";
        faults.push(document.fault(Rule::WrongSetting, span, message, Some(mend.to_owned())));
    }
}

fn is_host(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let is_name = |text: &str| text.chars().all(|letter| letter.is_alphanumeric() || ".-_".contains(letter));
    bare.parse::<IpAddr>().is_ok() || !text.is_empty() && is_name(text)
}

/// A slip would be noticed by nobody: nothing comes.
fn events_are_published(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for event in document.tables("webhook").iter().flat_map(|table| words_of(table, "events")) {
        if !is_published(&event.text) {
            let message = format!("no event is called `{}`", event.text);
            let near = closest(&event.text, EVENT_KINDS.into_iter());
            let near = near.map_or(String::new(), |near| format!("did you mean `{near}`? "));
            let mend = format!("{near}docs/api.md lists them; `call.*` stands for all that begin so");
            faults.push(document.fault(Rule::UnknownChoice, event.span, message, Some(mend)));
        }
    }
}

/// As a browser says it: with the scheme, and without a path.
fn origins_are_origins(document: &Document<'_>, faults: &mut Vec<Fault>) {
    for Word { text, span } in document.words("sip", "ws_origins").into_iter().filter(|it| !is_origin(&it.text)) {
        let message = format!("`{text}` is no page that a browser could come from");
        let mend =
            "write \"https://phone.example\": the scheme, the host, a port that is not the usual one, and no path";
        faults.push(document.fault(Rule::WrongSetting, span, message, Some(mend.to_owned())));
    }
}

fn is_origin(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        !scheme.is_empty() && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it))
    };
    let is_host = |host: &str| !host.is_empty() && !host.contains(['/', '*', ' ']);
    // Shells of applications and extensions of browsers have schemes of their own, or none.
    let parts = text.split_once("://");
    text == "null" || parts.is_some_and(|(scheme, rest)| is_scheme(scheme) && is_host(rest.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let (document, mut faults) = Document::parse("a.toml", text);
        assert!(faults.is_empty(), "{faults:?}");
        check(&document, &mut faults);
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_name_of_a_mailbox_leads_nowhere_else() {
        for table in ["[[mailbox]]\nname", "[[extension]]\nmailbox"] {
            let found = faults(&format!("{table} = \"../../pwned\"\n"));
            assert!(found[0].contains("cannot be the name of a mailbox"), "{found:?}");
            assert!(faults(&format!("{table} = \"vendas\"\n")).is_empty());
        }
    }

    #[test]
    fn an_extension_is_open_to_nobody_by_a_slip() {
        for text in
            ["[[extension]]\npassword = \"\"\n", "[[extension]]\npassword = \"  \"\n", "[[trunk]]\npassword = \"\"\n"]
        {
            let found = faults(text);
            assert!(found[0].starts_with("a.toml:2:12: ") && found[0].contains("is empty"), "{found:?}");
        }
        let (sha256, md5) = ("0aF".repeat(21) + "9", "0123456789abcdef".repeat(2));
        for (key, right) in [("ha1_sha256", &sha256), ("ha1_md5", &md5)] {
            assert!(faults(&format!("[[extension]]\n{key} = \"{right}\"\n")).is_empty());
            for wrong in ["zz", "", &right[1..], &right.replacen('0', "g", 1)] {
                let found = faults(&format!("[[extension]]\n{key} = \"{wrong}\"\n"));
                assert!(found[0].contains("hexadecimal digits"), "{key} {wrong}: {found:?}");
            }
        }
        assert!(faults("[[extension]]\npassword = \"x\"\n").is_empty());
    }

    #[test]
    fn slips_that_nobody_would_notice_are_told_with_their_mend() {
        for (text, mend) in [
            ("[number]\ncountry_code = \"+55\"\n", "write \"55\""),
            ("[[trunk]]\ncountry_code = \"+55\"\n", "write \"55\""),
            ("[number]\narea_code = \"(11)\"\n", "write \"11\""),
            ("[[trunk]]\nhost = \"127.0.0.1:5060\"\n", "`port = 5060`"),
            ("[[trunk]]\nhost = \"sip:carrier.example\"\n", "`port = 5060`"),
            ("[[trunk]]\nhost = \"\"\n", "`port = 5060`"),
            ("[[webhook]]\nevents = [\"call.complete\"]\n", "did you mean `call.completed`?"),
            ("[sip]\nws_origins = [\"phone.example\"]\n", "write \"https://phone.example\""),
            ("[sip]\nws_origins = [\"https://phone.example/app\"]\n", "no path"),
        ] {
            let found = faults(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].contains(mend), "{text}: {found:?}");
        }
        for right in [
            "[number]\ncountry_code = \"55\"\narea_code = \"11\"\n",
            "[[trunk]]\nhost = \"sip.carrier.example.\"\n[[trunk]]\nhost = \"::1\"\n[[trunk]]\nhost = \"[::1]\"\n",
            "[[trunk]]\nhost = \"192.0.2.1\"\n[[webhook]]\nevents = [\"call.*\", \"call.completed\", \"callback\"]\n",
            "[sip]\nws_origins = [\"https://phone.example\", \"http://localhost:8081/\"]\n",
        ] {
            assert_eq!(faults(right), [""; 0], "{right}");
        }
    }
}
