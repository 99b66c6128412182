//! `[alarm]`: whether it can reach anybody. A slip there would be noticed on the day when nobody is told.

use crate::config::Config;
use crate::config::document::Document;
use crate::config::document::Span;
use crate::config::document::Word;
use crate::config::document::key_of;
use crate::config::rule::Rule;
use crate::dialplan::fault::Fault;
use crate::dialplan::fault::choices;
use crate::dialplan::program::Program;
use crate::media::prompts::Prompts;
use crate::number::PhoneNumber;
use crate::switch::alarm::config::SHORTEST_PAUSE;
use crate::switch::alarm::config::SHORTEST_RING;

/// What an alarm's calls begin with, in each language that has them.
const SPOKEN_FIRST: &str = "alarm-notice";

/// `program`: some numbers are none but where a route leads to them. None where the dialplan has faults of its own.
pub(super) fn check(
    document: &Document<'_>,
    config: &Config,
    program: Option<&Program>,
    prompts: &Prompts,
    faults: &mut Vec<Fault>,
) {
    let mut found = |span: Span, rule: Rule, message: String, mend: String| {
        faults.push(document.fault(rule, span, message, Some(mend)));
    };
    for Word { text, span } in document.words("alarm", "text").into_iter().filter(|to| !is_party(&to.text, config)) {
        found(span, Rule::WrongSetting, nobody(&text), whom("text", config, &text));
    }
    let is_routed = |to: &str| program.is_none_or(|program| program.route_for(to).is_some());
    for Word { text, span } in document.words("alarm", "call") {
        if !is_party(&text, config) && !is_routed(&text) {
            found(span, Rule::WrongSetting, nobody(&text), whom("call", config, &text));
        }
    }
    for Word { text, span } in document.words("alarm", "text_by").into_iter().filter(|by| is_mute(&by.text, config)) {
        let mend = choices("channels that do", senders(config).into_iter(), &text);
        found(span, Rule::WrongSetting, format!("channel `{text}` sends no texts"), mend);
    }
    if let Some(Word { text, span }) = document.word("alarm", "language")
        && prompts.find(SPOKEN_FIRST, &text).is_none()
    {
        let known = prompts.languages_of(SPOKEN_FIRST);
        let mend = choices("languages with that prompt", known.iter().map(String::as_str), &text);
        found(span, Rule::LanguageWithoutPrompts, format!("there is no prompt `{SPOKEN_FIRST}` in `{text}`"), mend);
    }
    if let Some(Word { text, span }) = document.word("alarm", "from")
        && !is_party(&text, config)
        && !is_number(&text)
    {
        let mend = "this is what those who are called see: a number such as \"+551140031234\", or an extension";
        found(span, Rule::WrongSetting, format!("`{text}` is not a number that can be shown"), mend.to_owned());
    }
    for (key, mend) in limits(config) {
        let span = document.section("alarm").map_or(0..0, |table| key_of(table, key));
        found(span, Rule::WrongSetting, format!("`{key}` is too little"), mend);
    }
}

fn nobody(to: &str) -> String {
    format!("`{to}` is neither an extension nor a telephone number")
}

fn whom(key: &str, config: &Config, to: &str) -> String {
    let known = config.extensions.iter().map(|extension| extension.number.as_str());
    format!("`{key}` lists numbers, best as \"+5511999998888\", and extensions. {}", choices("extensions", known, to))
}

fn is_party(to: &str, config: &Config) -> bool {
    let is_extension = config.extensions.iter().any(|extension| extension.number == to);
    is_extension || PhoneNumber::parse(to, &config.home).is_ok()
}

/// Short numbers and those of other houses are shown as well.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// One that is not there at all is told by `named_channels_exist`.
fn is_mute(channel: &str, config: &Config) -> bool {
    config.kinds.find(channel).is_some_and(|channel| !channel.can_send())
}

fn senders(config: &Config) -> Vec<&str> {
    config.kinds.iter().filter(|channel| channel.can_send()).map(|channel| channel.name()).collect()
}

/// The keys whose value would tell nobody anything, and the least that would.
fn limits(config: &Config) -> Vec<(&'static str, String)> {
    let alarm = &config.alarm;
    let least = [
        ("tries", alarm.tries < 1, "1, or no `call` where nobody is to be called".to_owned()),
        ("repeats", alarm.repeats < 1, "1".to_owned()),
        ("ring_for", alarm.ring_for < SHORTEST_RING, format!("\"{}s\"", SHORTEST_RING.as_secs())),
        ("pause", alarm.pause < SHORTEST_PAUSE, format!("\"{}s\"", SHORTEST_PAUSE.as_secs())),
    ];
    least.into_iter().filter(|(_, wrong, _)| *wrong).map(|(key, _, least)| (key, format!("at least {least}"))).collect()
}
