//! Certificates of SIP: whether what is configured can work, and whether the files that it names are there and fit.

use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use crate::config::Config;
use crate::config::document::Document;
use crate::config::document::Span;
use crate::config::document::key_of;
use crate::config::document::word_of;
use crate::config::rule::Rule;
use crate::dialplan::fault::Fault;
use crate::io::sip::tls::Tls;
use crate::io::sip::tls::files::Setting;
use crate::io::sip::tls::files::self_signed;
use crate::sip::config::Listener;
use crate::sip::hop::Transport;

/// What the text alone shows.
pub(super) fn check_keys(document: &Document<'_>, faults: &mut Vec<Fault>) {
    listeners_have_a_certificate(document, faults);
    clients_can_be_believed(document, faults);
    let trunks = document.tables("trunk").iter();
    for table in document.section("sip").into_iter().chain(trunks) {
        pairs_are_whole(document, table, faults);
    }
}

fn listeners_have_a_certificate(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let has_further = certificates(document).is_some_and(|further| !further.is_empty());
    if document.word("sip", "certificate").is_some() || has_further {
        return;
    }
    for listener in document.words("sip", "listen") {
        let transport = listener.text.parse::<Listener>().map(|listener| listener.transport);
        if let Ok(transport @ (Transport::Tls | Transport::Wss)) = transport {
            let message = format!("`{}`: {} needs a certificate", listener.text, transport.via_text());
            let domain = document.word("sip", "domain").map_or_else(|| "desvio.local".to_owned(), |word| word.text);
            let hint = format!(
                "name `certificate` and `certificate_key` under [sip]; a pair for trying out is made by: {}",
                self_signed(&domain, Path::new("config/tls.pem"), Path::new("config/tls.key"))
            );
            faults.push(document.fault(Rule::Certificate, listener.span, message, Some(hint)));
        }
    }
}

fn clients_can_be_believed(document: &Document<'_>, faults: &mut Vec<Fault>) {
    let asked = document.word("sip", "client_certificates").filter(|word| word.text == "ask" || word.text == "require");
    if let Some(asked) = asked.filter(|_| document.word("sip", "client_trust").is_none()) {
        let message = format!("client_certificates = \"{}\" lacks `client_trust`", asked.text);
        let hint = "name the PEM file with the authorities, or the certificates themselves, that are believed";
        faults.push(document.fault(Rule::Certificate, asked.span, message, Some(hint.to_owned())));
    }
}

fn pairs_are_whole(document: &Document<'_>, table: &Spanned<DeValue<'_>>, faults: &mut Vec<Fault>) {
    for (present, absent) in [("certificate", "certificate_key"), ("certificate_key", "certificate")] {
        let alone = word_of(table, present).filter(|_| word_of(table, absent).is_none());
        if let Some(alone) = alone {
            let hint = format!("add `{absent}`: both are needed, in one file or in two");
            faults.push(document.fault(
                Rule::Certificate,
                alone.span,
                format!("`{present}` stands without `{absent}`"),
                Some(hint),
            ));
        }
    }
}

/// What the files show.
pub(super) fn check_files(document: &Document<'_>, config: &Config, faults: &mut Vec<Fault>) {
    let found = Tls::load(&config.tls_files()).err().unwrap_or_default();
    let found = found.iter().map(|fault| {
        document.fault(
            Rule::Certificate,
            place(document, &fault.setting),
            fault.why.to_string(),
            Some(fault.why.mend()),
        )
    });
    faults.extend(found);
}

fn place(document: &Document<'_>, setting: &Setting) -> Span {
    let found = match setting {
        Setting::Sip(key) => document.section("sip").map(|table| key_of(table, key)),
        Setting::Certificates(index) => {
            certificates(document).and_then(|further| further.get(*index)).map(Spanned::span)
        }
        Setting::Trunk(name, key) => {
            let mut trunks = document.tables("trunk").iter();
            let is_its = |table: &&Spanned<DeValue<'_>>| word_of(table, "name").is_some_and(|word| word.text == *name);
            trunks.find(is_its).map(|table| key_of(table, key))
        }
    };
    found.unwrap_or(0..0)
}

fn certificates<'d, 't>(document: &'d Document<'t>) -> Option<&'d [Spanned<DeValue<'t>>]> {
    let further = document.section("sip")?.get_ref().as_table()?.get("certificates")?;
    further.get_ref().as_array().map(|array| &array[..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let (document, mut faults) = Document::parse("a.toml", text);
        assert!(faults.is_empty(), "{faults:?}");
        check_keys(&document, &mut faults);
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tls_listener_without_a_certificate_hears_how_to_make_one() {
        let found = faults("[sip]\ndomain = \"pbx.example\"\nlisten = [\"udp:0.0.0.0:5060\", \"tls:0.0.0.0:5061\"]\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("a.toml:3:31: `tls:0.0.0.0:5061`: TLS needs a certificate"), "{found:?}");
        assert!(found[0].contains("openssl req -x509") && found[0].contains("DNS:pbx.example"), "{found:?}");
        let pair = "certificate = \"a.pem\"\ncertificate_key = \"a.key\"\n";
        assert!(faults(&format!("[sip]\nlisten = [\"wss:0.0.0.0:443\"]\n{pair}")).is_empty());
        assert!(faults(&format!("[sip]\nlisten = [\"tls:0.0.0.0:5061\"]\n[[sip.certificates]]\n{pair}")).is_empty());
        assert!(faults("[sip]\nlisten = [\"ws:0.0.0.0:80\"]\n").is_empty());
    }

    #[test]
    fn half_a_pair_and_clients_that_nobody_can_believe_are_faults() {
        let found = faults("[sip]\ncertificate = \"a.pem\"\nclient_certificates = \"ask\"\n");
        assert!(found.iter().any(|fault| fault.contains("stands without `certificate_key`")), "{found:?}");
        assert!(found.iter().any(|fault| fault.contains("lacks `client_trust`")), "{found:?}");
        assert!(faults("[[trunk]]\nname = \"x\"\ncertificate_key = \"a.key\"\n")[0].starts_with("a.toml:3:19: "));
    }
}
