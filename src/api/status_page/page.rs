//! The page as HTML: plain, without a script, readable on the smallest telephone.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::api::status_page::Shown;
use crate::api::status_page::Word;
use crate::api::status_page::config::Config;
use crate::api::status_page::language::Language;

pub(super) struct Page<'a> {
    pub(super) config: &'a Config,
    pub(super) channels: &'a [Shown],
    pub(super) language: Language,
    pub(super) zone: &'a TimeZone,
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, title) = (self.language.code(), escaped(&self.title()));
        write!(f, "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n")?;
        write!(
            f,
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n"
        )?;
        write!(f, "<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n")?;
        self.notice(f)?;
        self.states(f)?;
        self.ways(f)?;
        self.languages(f)?;
        f.write_str("</main>\n</body>\n</html>\n")
    }
}

impl Page<'_> {
    fn say(&self, portuguese: &'static str, english: &'static str) -> &'static str {
        match self.language {
            Language::Portuguese => portuguese,
            Language::English => english,
        }
    }

    fn title(&self) -> String {
        let word = self.say("Como falar conosco agora", "How to reach us now");
        match self.config.name.as_str() {
            "" => word.to_owned(),
            name => format!("{name}: {}", word.to_lowercase()),
        }
    }

    fn notice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notice = &self.config.notice;
        let code = self.language.code();
        let words = notice
            .get(code)
            .or_else(|| notice.iter().find(|(key, _)| Language::named(key) == self.language).map(|(_, words)| words));
        match words {
            Some(words) => writeln!(f, "<p>{}</p>", escaped(words)),
            None => Ok(()),
        }
    }

    fn states(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.channels.is_empty() {
            return Ok(());
        }
        f.write_str("<ul class=\"channels\">\n")?;
        for shown in self.channels {
            let (class, word) = (shown.word.class(), self.word(shown.word));
            write!(f, "<li class=\"{class}\"><b>{}</b> {word}", escaped(&shown.name))?;
            if let Some(since) = shown.since.filter(|_| shown.word != Word::Works) {
                write!(f, ", {} {}", self.say("desde", "since"), self.clock(since))?;
            }
            f.write_str("</li>\n")?;
        }
        f.write_str("</ul>\n")
    }

    fn word(&self, word: Word) -> &'static str {
        match word {
            Word::Works => self.say("funciona", "works"),
            Word::Unreliable => {
                self.say("está com problemas: mensagens podem não chegar", "has problems: messages may not arrive")
            }
            Word::Down => self.say("está fora do ar", "is out of order"),
            Word::ComingBack => self.say("está voltando", "is coming back"),
        }
    }

    fn ways(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fails = self.channels.iter().any(|shown| shown.word != Word::Works);
        let call = match fails {
            true => self.say("Ligue para nós, por favor", "Please call us"),
            false => self.say("Por telefone", "By telephone"),
        };
        numbers(f, call, "tel", &self.config.phone)?;
        numbers(f, self.say("Por SMS", "By text message"), "sms", &self.config.text)
    }

    fn languages(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<p class=\"languages\">")?;
        for language in Language::ALL.iter().filter(|language| **language != self.language) {
            let code = language.code();
            let name = match language {
                Language::Portuguese => "Português",
                Language::English => "English",
            };
            write!(f, "<a href=\"?lang={code}\" hreflang=\"{code}\">{name}</a>")?;
        }
        f.write_str("</p>\n")
    }

    fn clock(&self, at: Timestamp) -> String {
        let clock = at.to_zoned(self.zone.clone());
        match self.language {
            Language::Portuguese => clock.strftime("%d/%m %H:%M").to_string(),
            Language::English => clock.strftime("%-d %b %H:%M").to_string(),
        }
    }
}

impl Word {
    fn class(self) -> &'static str {
        match self {
            Word::Works => "works",
            Word::Unreliable | Word::ComingBack => "unsure",
            Word::Down => "down",
        }
    }
}

fn numbers(f: &mut fmt::Formatter<'_>, heading: &str, scheme: &str, numbers: &[String]) -> fmt::Result {
    if numbers.is_empty() {
        return Ok(());
    }
    write!(f, "<h2>{heading}</h2>\n<p class=\"numbers\">")?;
    for number in numbers {
        let dialled: String = number.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
        write!(f, "<a href=\"{scheme}:{dialled}\">{}</a> ", escaped(number))?;
    }
    f.write_str("</p>\n")
}

/// As it may stand in text and in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

const STYLE: &str = "body{font:1.1rem/1.5 sans-serif;margin:0;background:#fff;color:#111}\
main{max-width:34rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-bottom:0}\
.channels{list-style:none;padding:0}.channels li{padding:.6rem .8rem;margin:.4rem 0;border-left:.4rem solid}\
.works{border-color:#2a7d3f}.unsure{border-color:#b97a00}.down{border-color:#b3261e}\
.numbers a{font-size:1.4rem;margin-right:1rem}\
@media(prefers-color-scheme:dark){body{background:#111;color:#eee}a{color:#9cf}}";

#[cfg(test)]
mod tests {
    use super::*;

    fn page(config: &Config, channels: &[Shown], language: Language) -> String {
        Page { config, channels, language, zone: &TimeZone::UTC }.to_string()
    }

    fn down(name: &str) -> Shown {
        Shown { name: name.to_owned(), word: Word::Down, since: "2026-11-23T15:39:00Z".parse().ok() }
    }

    #[test]
    fn customers_read_what_fails_and_whom_to_call() {
        let config: Config = toml::from_str(
            "name = 'Loja da Ana'\nphone = ['+55 11 4003-1234']\ntext = ['+5511999990000']\nnotice = { pt-BR = 'Até as 18h.' }",
        )
        .unwrap();
        let html = page(&config, &[down("WhatsApp")], Language::Portuguese);
        assert!(html.contains("<b>WhatsApp</b> está fora do ar, desde 23/11 15:39"), "{html}");
        assert!(html.contains("<a href=\"tel:+551140031234\">+55 11 4003-1234</a>"), "{html}");
        assert!(html.contains("<a href=\"sms:+5511999990000\">"), "{html}");
        assert!(html.contains("Até as 18h."), "{html}");
        let html = page(&config, &[down("WhatsApp")], Language::English);
        assert!(html.contains("<b>WhatsApp</b> is out of order, since 23 Nov 15:39"), "{html}");
        assert!(!html.contains("Até"), "a notice in another language is left out: {html}");
        assert!(!html.contains("<script"), "{html}");
    }

    #[test]
    fn nothing_that_is_configured_becomes_markup() {
        let config: Config = toml::from_str("name = '<b>&\"x'\nphone = ['\"><script>1']").unwrap();
        let html = page(&config, &[down("<img src=x>")], Language::English);
        assert!(!html.contains("<img") && !html.contains("<script") && !html.contains("<b>&\""), "{html}");
        assert!(html.contains("&lt;b&gt;&amp;&quot;x"), "{html}");
    }
}
