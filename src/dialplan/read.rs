//! Reads one written value as the kind that is wanted there, or says what is wrong with it.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use crate::dialplan::address;
use crate::dialplan::compile::Compiler;
use crate::dialplan::conditions::caller::EXTENSION;
use crate::dialplan::conditions::caller::WITHHELD;
use crate::dialplan::dates::Dates;
use crate::dialplan::document::Raw;
use crate::dialplan::fact;
use crate::dialplan::fault::choices;
use crate::dialplan::fault::closest;
use crate::dialplan::hours::TimeRange;
use crate::dialplan::hours::WEEKDAYS;
use crate::dialplan::hours::parse_weekdays;
use crate::dialplan::kind::Kind;
use crate::dialplan::kind::Value;
use crate::dialplan::list::ListId;
use crate::dialplan::order::DialTarget;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::HoursId;
use crate::dialplan::rule::Rule;
use crate::dialplan::source::Span;
use crate::dialplan::template::Template;
use crate::dialplan::template::TemplateFault;
use crate::dialplan::variable::MOST_VARIABLES;
use crate::dialplan::verbs::message::CALLER;
use crate::number::PhoneNumber;
use crate::number::Region;
use crate::number::countries;

/// A value as it was written, and where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'w> {
    pub(super) raw: &'w Raw,
    pub(super) span: Span,
    /// With the word that it belongs to: `go "menu"`, `flow="menu"`.
    pub(super) whole: Span,
    /// What the value is for.
    pub(super) what: &'w str,
}

/// What is wrong, and the mend. The fault is shown at the value, or at the whole where that reads better.
struct Wrong {
    rule: Rule,
    at: Span,
    message: String,
    help: Option<String>,
}

pub(super) fn read(kind: Kind, word: Word<'_>, compiler: &mut Compiler<'_>) -> Option<Value> {
    let result = match word.raw {
        Raw::Integer(number) => integer(kind, *number, word),
        Raw::Text(text) => Reader { word, text, compiler }.text(kind),
        Raw::Other(written) => Err(wrong_kind(kind, written, word)),
    };
    result.map_err(|wrong| compiler.faults.fault(wrong.rule, wrong.at, wrong.message, wrong.help)).ok()
}

fn integer(kind: Kind, number: i128, word: Word<'_>) -> Result<Value, Wrong> {
    let written = number.to_string();
    match kind {
        Kind::Integer { least, most } => match u32::try_from(number) {
            Ok(small) if (least..=most).contains(&small) => Ok(Value::Integer(small)),
            _ => Err(wrong_kind(kind, &written, word)),
        },
        Kind::Setting => Ok(Value::Template(Template::plain(written))),
        Kind::Duration => Err(Wrong {
            rule: Rule::MissingUnit,
            at: word.span,
            message: format!("{} lacks its unit", word.what),
            help: Some(format!("Write \"{written}s\" for seconds, or \"{written}m\" for minutes.")),
        }),
        _ => Err(Wrong {
            rule: Rule::MissingQuotes,
            at: word.span,
            message: format!("{} must stand in quotes", word.what),
            help: Some(format!("Write \"{written}\".")),
        }),
    }
}

fn wrong_kind(kind: Kind, written: &str, word: Word<'_>) -> Wrong {
    Wrong {
        rule: Rule::WrongValue,
        at: word.span,
        message: format!("{} must be {}, not `{written}`", word.what, with_article(kind)),
        help: Some(format!("For example {}.", kind.example())),
    }
}

fn with_article(kind: Kind) -> String {
    let name = kind.to_string();
    let article = match (kind, name.chars().next()) {
        (Kind::Weekdays | Kind::OpenDays | Kind::Keys | Kind::Hours, _) => "",
        (_, Some('a' | 'e' | 'i' | 'o' | 'u')) => "an ",
        _ => "a ",
    };
    format!("{article}{name}")
}

struct Reader<'r, 'w, 'c> {
    word: Word<'w>,
    text: &'w str,
    compiler: &'r Compiler<'c>,
}

impl Reader<'_, '_, '_> {
    fn text(&self, kind: Kind) -> Result<Value, Wrong> {
        let names = self.compiler.names;
        let text = self.text;
        match kind {
            Kind::Text | Kind::Setting => self.template(),
            Kind::Name | Kind::Anyone => self.plain(),
            Kind::Duration => self.duration(),
            Kind::Integer { .. } => Err(wrong_kind(kind, text, self.word)),
            Kind::Word(words) => self.one_of(words),
            Kind::Flow => self.flow(),
            Kind::Hours => self.hours(),
            Kind::Queue => self.known(Rule::UnknownQueue, "queue", "queues", names.queues.iter()),
            Kind::Extension => self.known(Rule::UnknownExtension, "extension", "extensions", names.extensions.iter()),
            Kind::Trunk => self.known(Rule::UnknownTrunk, "trunk", "trunks", names.trunks.iter()),
            Kind::Channel => self.known(Rule::UnknownChannel, "channel", "channels", names.channels.iter()),
            Kind::Prompt => self.known(Rule::UnknownPrompt, "prompt", "prompts", names.prompts.keys()),
            Kind::Language => self.language(),
            Kind::Credential => self.credential(),
            Kind::Key => self.key(),
            Kind::Keys => self.keys(),
            Kind::Number => self.number(),
            Kind::Pattern => self.pattern(),
            Kind::Target => self.target(),
            Kind::OwnNumber => self.own_number(),
            Kind::Code => self.parsed(kind, is_code(self.text).then(|| Value::Text(self.text.to_owned()))),
            Kind::Called if is_code(self.text) => Ok(Value::Text(self.text.to_owned())),
            Kind::Called => self.number(),
            Kind::Music => self.known(Rule::UnknownMusic, "music", "music", names.music.iter()),
            Kind::Recipient => self.recipient(),
            Kind::Variable => self.variable(),
            Kind::KnownVariable => self.known_variable(),
            Kind::List => self.list(),
            Kind::Caller => self.caller(),
            Kind::Country => self.country(),
            Kind::Weekdays => self.weekdays(),
            Kind::TimeRange => self.parsed(kind, TimeRange::parse(text).map(Value::TimeRange)),
            Kind::Dates => self.parsed(kind, Dates::parse(text).map(Value::Dates)),
            Kind::OpenDays => Dates::parse(text).map_or_else(|| self.weekdays(), |dates| Ok(Value::Dates(dates))),
            Kind::Moment => self.parsed(kind, text.parse::<Timestamp>().ok().map(Value::Moment)),
            Kind::Zone => self.zone(),
        }
    }

    fn plain(&self) -> Result<Value, Wrong> {
        if self.text.trim().is_empty() {
            return Err(self.wrong(Rule::WrongValue, format!("{} is empty", self.word.what), None));
        }
        Ok(Value::Text(self.text.to_owned()))
    }

    fn parsed(&self, kind: Kind, value: Option<Value>) -> Result<Value, Wrong> {
        value.ok_or_else(|| wrong_kind(kind, self.text, self.word))
    }

    fn template(&self) -> Result<Value, Wrong> {
        let variables = &self.compiler.variable_by_name;
        let fault = match Template::parse(self.text, variables, self.compiler.names) {
            Ok(template) => return Ok(Value::Template(template)),
            Err(fault) => fault,
        };
        Err(match fault {
            TemplateFault::NeverClosed => {
                let help = "Write `{{` for a brace that is meant as such.";
                self.wrong(Rule::OpenBrace, "a `{` in this text is never closed".to_owned(), Some(help.to_owned()))
            }
            TemplateFault::UnknownName(name) => {
                let mut known: Vec<&str> = variables.keys().map(String::as_str).collect();
                for fact in fact::names() {
                    known.push(fact);
                }
                let help = self.hint("names", known.iter().copied(), &name);
                self.wrong(Rule::UnknownVariable, format!("`{{{name}}}` is filled in by nothing"), help)
            }
        })
    }

    fn duration(&self) -> Result<Value, Wrong> {
        let written = humantime::parse_duration(self.text);
        let Ok(duration) = written else {
            return Err(wrong_kind(Kind::Duration, self.text, self.word));
        };
        if duration.is_zero() || duration > LONGEST {
            let message = format!("{} cannot be {}", self.word.what, self.text);
            return Err(self.wrong(Rule::WrongValue, message, Some("It lies between 1ms and 24h.".to_owned())));
        }
        Ok(Value::Duration(duration))
    }

    fn one_of(&self, words: &'static [&'static str]) -> Result<Value, Wrong> {
        let found = words.iter().find(|word| **word == self.text);
        found.copied().map(Value::Word).ok_or_else(|| {
            let message = format!("{} cannot be `{}`", self.word.what, self.text);
            let help = self.hint("possible", words.iter().copied(), self.text);
            self.wrong(Rule::WrongValue, message, help)
        })
    }

    fn flow(&self) -> Result<Value, Wrong> {
        if let Some(flow) = self.compiler.flow_by_name.get(self.text) {
            return Ok(Value::Flow(*flow));
        }
        if self.compiler.is_incomplete() {
            return Ok(Value::Flow(FlowId(0)));
        }
        let written = self.compiler.faults.text(self.word.whole);
        let flows = self.compiler.flow_by_name.keys();
        Err(Wrong {
            rule: Rule::UnknownFlow,
            at: self.word.whole,
            message: format!("`{written}` leads nowhere"),
            help: self.hint("flows", flows.map(String::as_str), self.text),
        })
    }

    fn hours(&self) -> Result<Value, Wrong> {
        let known = self.compiler.hours_by_name.get(self.text).copied();
        let found = known.or(self.compiler.is_incomplete().then_some(0));
        found.map(|id| Value::Hours(HoursId(id))).ok_or_else(|| {
            let known = self.compiler.hours_by_name.keys().map(String::as_str);
            let help = self.hint("hours", known, self.text);
            self.wrong(Rule::UnknownHours, format!("no hours are called `{}`", self.text), help)
        })
    }

    fn known<'n>(
        &self,
        rule: Rule,
        one: &str,
        many: &str,
        names: impl Iterator<Item = &'n String> + Clone,
    ) -> Result<Value, Wrong> {
        if names.clone().any(|name| name == self.text) {
            return Ok(Value::Text(self.text.to_owned()));
        }
        let help = self.hint(many, names.map(String::as_str), self.text);
        Err(self.wrong(rule, format!("there is no {one} `{}`", self.text), help))
    }

    fn credential(&self) -> Result<Value, Wrong> {
        let credentials = &self.compiler.names.credentials;
        if let Some(host) = credentials.get(self.text) {
            return Ok(Value::Credential { name: self.text.to_owned(), host: host.clone() });
        }
        let help = self.hint("credentials", credentials.keys().map(String::as_str), self.text);
        let help = help.map(|help| help + " They are the [[credential]] tables of the configuration.");
        Err(self.wrong(Rule::UnknownCredential, format!("there is no credential `{}`", self.text), help))
    }

    fn language(&self) -> Result<Value, Wrong> {
        let languages = &self.compiler.languages;
        self.known(Rule::UnknownLanguage, "language", "languages with prompts", languages.iter())
    }

    fn key(&self) -> Result<Value, Wrong> {
        let mut letters = self.text.chars();
        match (letters.next(), letters.next()) {
            (Some(key), None) if KEYS.contains(key) => Ok(Value::Key(key)),
            _ => {
                let message = format!("`{}` is not a key", self.text);
                Err(self.wrong(Rule::WrongValue, message, Some("A key is one of 0 to 9, * and #.".to_owned())))
            }
        }
    }

    fn keys(&self) -> Result<Value, Wrong> {
        if !self.text.is_empty() && self.text.chars().all(|key| KEYS.contains(key)) {
            return Ok(Value::Text(self.text.to_owned()));
        }
        Err(wrong_kind(Kind::Keys, self.text, self.word))
    }

    fn number(&self) -> Result<Value, Wrong> {
        if is_e164(self.text) {
            return Ok(Value::Text(self.text.to_owned()));
        }
        let message = format!("`{}` is not a number in E.164", self.text);
        Err(self.wrong(Rule::NotE164, message, Some(e164_hint(self.text))))
    }

    fn pattern(&self) -> Result<Value, Wrong> {
        let digits = self.text.strip_suffix('*').unwrap_or(self.text);
        let digits = digits.strip_prefix('+').unwrap_or(digits);
        let fits = digits.bytes().all(|byte| byte.is_ascii_digit()) && !self.text.is_empty();
        let fits = fits && self.text != "+";
        self.parsed(Kind::Pattern, fits.then(|| Value::Text(self.text.to_owned())))
    }

    fn target(&self) -> Result<Value, Wrong> {
        let text = self.text.to_owned();
        if self.text.contains('@') || self.text.starts_with("sip:") {
            return self.address();
        }
        if self.compiler.names.extensions.contains(&text) {
            return Ok(Value::Target(DialTarget::Extension(text)));
        }
        if !self.text.starts_with('+') {
            return self.no_extension(" Numbers outside begin with `+`.");
        }
        self.number()?;
        if self.compiler.routes.route_for(self.text).is_none() && !self.compiler.is_incomplete() {
            let help = "Write one at the top of the file: `route \"+*\" trunk=\"…\"`.";
            return Err(self.wrong(Rule::NoRoute, format!("no `route` leads to {text}"), Some(help.to_owned())));
        }
        Ok(Value::Target(DialTarget::Number(text)))
    }

    /// What no trunk leads to is not dialled: a dialplan that reached strangers' addresses would be an open relay.
    fn address(&self) -> Result<Value, Wrong> {
        let Some(host) = address::host_of(self.text) else {
            let message = format!("`{}` is not an address that can be dialled", self.text);
            let help = "Write `sip:`, who, `@`, and the `host` of a trunk; port and transport are the trunk's.";
            return Err(self.wrong(Rule::WrongValue, message, Some(help.to_owned())));
        };
        let trunks = self.compiler.names.trunks_to(host);
        if trunks.is_empty() {
            let known = self.compiler.names.hosts.iter().map(|(_, host)| host.as_str());
            let help = match closest(host, known) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("Name one in the configuration: `[[trunk]]` with `host = \"{host}\"`."),
            };
            return Err(self.wrong(Rule::NoRoute, format!("no trunk leads to {host}"), Some(help)));
        }
        Ok(Value::Target(DialTarget::Address { uri: self.text.to_owned(), trunks }))
    }

    fn recipient(&self) -> Result<Value, Wrong> {
        if self.text == CALLER || self.compiler.names.extensions.contains(self.text) {
            return Ok(Value::Text(self.text.to_owned()));
        }
        if self.text.starts_with('+') {
            return self.number();
        }
        self.no_extension(" Or write `caller`, or a number that begins with `+`.")
    }

    fn own_number(&self) -> Result<Value, Wrong> {
        let ours = &self.compiler.own_numbers;
        if ours.contains(self.text) || (self.compiler.is_incomplete() && is_e164(self.text)) {
            return Ok(Value::Text(self.text.to_owned()));
        }
        let help = self.hint("our numbers", ours.iter().map(String::as_str), self.text);
        let help = help.map(|help| help + " They are those of `number` lines, and what trunks have as `caller_id`.");
        Err(self.wrong(Rule::NotOurs, format!("{} is no number of ours", self.text), help))
    }

    fn no_extension(&self, addition: &str) -> Result<Value, Wrong> {
        let extensions = self.compiler.names.extensions.iter();
        let help = self.hint("extensions", extensions.map(String::as_str), self.text);
        let help = help.map(|help| help + addition);
        Err(self.wrong(Rule::UnknownExtension, format!("there is no extension `{}`", self.text), help))
    }

    fn variable(&self) -> Result<Value, Wrong> {
        let found = self.compiler.variable_by_name.get(self.text);
        found.map(|variable| Value::Variable(variable.id)).ok_or_else(|| {
            let message = format!("`{}` cannot be the name of a variable", self.text);
            let help = match self.compiler.variable_by_name.len() {
                ..MOST_VARIABLES => {
                    "It is made of letters, digits, `-` and `_`, and is not `caller` or another fact.".to_owned()
                }
                _ => format!("A dialplan has {MOST_VARIABLES} variables at most."),
            };
            self.wrong(Rule::WrongValue, message, Some(help))
        })
    }

    fn known_variable(&self) -> Result<Value, Wrong> {
        let variables = &self.compiler.variable_by_name;
        if let Some(variable) = variables.get(self.text) {
            return Ok(Value::Variable(variable.id));
        }
        let help = self.hint("variables", variables.keys().map(String::as_str), self.text);
        Err(self.wrong(Rule::UnknownVariable, format!("no step gives `{}` a value", self.text), help))
    }

    fn list(&self) -> Result<Value, Wrong> {
        let known = self.compiler.list_by_name.get(self.text).copied();
        let found = known.or(self.compiler.is_incomplete().then_some(ListId(0)));
        found.map(Value::List).ok_or_else(|| {
            let known = self.compiler.list_by_name.keys().map(String::as_str);
            let help = self.hint("lists", known, self.text);
            self.wrong(Rule::UnknownList, format!("no list is called `{}`", self.text), help)
        })
    }

    fn caller(&self) -> Result<Value, Wrong> {
        match self.text {
            WITHHELD | EXTENSION => Ok(Value::Text(self.text.to_owned())),
            _ => self.pattern().map_err(|_| wrong_kind(Kind::Caller, self.text, self.word)),
        }
    }

    fn country(&self) -> Result<Value, Wrong> {
        let code = countries::code_of(self.text);
        self.parsed(Kind::Country, code.map(|code| Value::Text(format!("+{code}"))))
    }

    fn weekdays(&self) -> Result<Value, Wrong> {
        let days = parse_weekdays(self.text).map(Value::Weekdays);
        days.ok_or_else(|| {
            let message = format!("`{}` are no days of the week", self.text);
            let help = format!("Days: {}. For example \"mon-fri\" or \"mon,wed\".", WEEKDAYS.join(", "));
            self.wrong(Rule::WrongValue, message, Some(help))
        })
    }

    fn zone(&self) -> Result<Value, Wrong> {
        let zones = TimeZoneDatabase::bundled();
        zones.get(self.text).map(Value::Zone).map_err(|_| {
            let available: Vec<String> = zones.available().map(|name| name.to_string()).collect();
            let near = closest(self.text, available.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("Did you mean `{near}`?"),
                None => "Time zones are called as in \"America/Sao_Paulo\".".to_owned(),
            };
            self.wrong(Rule::UnknownZone, format!("there is no time zone `{}`", self.text), Some(help))
        })
    }

    fn wrong(&self, rule: Rule, message: String, help: Option<String>) -> Wrong {
        Wrong { rule, at: self.word.span, message, help }
    }

    /// Not worked out for faults that nobody will see.
    fn hint<'n>(&self, what: &str, known: impl Iterator<Item = &'n str> + Clone, wanted: &str) -> Option<String> {
        (!self.compiler.faults.is_full()).then(|| choices(what, known, wanted))
    }
}

/// The longest time that a dialplan may state.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const KEYS: &str = "0123456789*#";

/// A plus, then 7 to 15 digits of which the first is not 0. ITU-T E.164 §6.
pub(super) fn is_e164(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else {
        return false;
    };
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits && (7..=15).contains(&digits.len()) && !digits.starts_with('0')
}

/// 2 to 15 keys.
fn is_code(text: &str) -> bool {
    (2..=15).contains(&text.len()) && text.chars().all(|key| KEYS.contains(key))
}

fn e164_hint(text: &str) -> String {
    match PhoneNumber::parse(text, &Region::default()) {
        Ok(number) if number.as_str() != text => format!("Did you mean `{}`?", number.as_str()),
        _ => "Write a plus, the country, the area and the number, without blanks: `+551140031234`.".to_owned(),
    }
}
