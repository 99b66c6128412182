//! The kinds of values that steps and declarations take: what they look like, and what they become.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::dialplan::dates::Dates;
use crate::dialplan::hours::TimeRange;
use crate::dialplan::list::ListId;
use crate::dialplan::order::DialTarget;
use crate::dialplan::program::FlowId;
use crate::dialplan::program::HoursId;
use crate::dialplan::template::Template;
use crate::dialplan::template::VariableId;

/// What may stand in one place of a dialplan. Its `Display` is how the reference calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, in which `{caller}`, other facts and variables are filled in.
    Text,
    /// A plain word of the owner's choice.
    Name,
    Duration,
    Integer {
        least: u32,
        most: u32,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    Flow,
    Queue,
    Extension,
    Trunk,
    Prompt,
    Hours,
    Channel,
    Language,
    /// A secret of the configuration, by its name.
    Credential,
    /// Hold music.
    Music,
    /// What extensions dial: keys, no number of the telephone network.
    Code,
    /// Something of ours that can be called: a number in E.164, or a code.
    Called,
    /// One key of a telephone.
    Key,
    /// Keys, one after the other.
    Keys,
    /// A number in E.164.
    Number,
    /// A number in which a final `*` stands for any further digits.
    Pattern,
    /// Whom to ring: an extension, a number in E.164, or a SIP address.
    Target,
    /// Who gets a text: `caller`, an extension, or a number in E.164.
    Recipient,
    /// Anybody who has a telephone, ours or not.
    Anyone,
    /// A number in E.164 that is ours: of a `number` line, or a trunk's `caller_id`.
    OwnNumber,
    /// The name under which a value is kept.
    Variable,
    /// A variable that some step gives a value.
    KnownVariable,
    /// A text with variables filled in, or a number.
    Setting,
    /// A `list` at the top of a file.
    List,
    /// A pattern, `withheld` or `extension`.
    Caller,
    /// ISO 3166-1 code, or the country's telephone code.
    Country,
    Weekdays,
    TimeRange,
    /// Days of the week, or dates.
    OpenDays,
    /// One date or several in a row, with or without the year.
    Dates,
    Zone,
    /// A date and time with its offset.
    Moment,
}

/// A value that has been checked.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Credential { name: String, host: String },
    Template(Template),
    Duration(Duration),
    Integer(u32),
    Word(&'static str),
    Flow(FlowId),
    Hours(HoursId),
    Key(char),
    Target(DialTarget),
    Variable(VariableId),
    List(ListId),
    Weekdays(u8),
    TimeRange(TimeRange),
    Dates(Dates),
    Zone(TimeZone),
    Moment(Timestamp),
}

impl Kind {
    /// How it is written.
    pub fn example(self) -> &'static str {
        match self {
            Kind::Text => "\"We call you back.\"",
            Kind::Name => "\"geral\"",
            Kind::Duration => "\"90s\" or \"1m 30s\"",
            Kind::Integer { .. } => "3",
            Kind::Word(_) => "one of these words",
            Kind::Flow => "\"entrada\"",
            Kind::Queue => "\"vendas\"",
            Kind::Extension => "\"200\"",
            Kind::Trunk => "\"operadora\"",
            Kind::Prompt => "\"main-menu\"",
            Kind::Hours => "\"comercial\"",
            Kind::Channel => "\"whatsapp\"",
            Kind::Language => "\"pt-BR\"",
            Kind::Credential => "\"loja\"",
            Kind::Music => "\"default\"",
            Kind::Key => "\"1\", \"*\" or \"#\"",
            Kind::Keys => "\"10\"",
            Kind::Number => "\"+551140031234\"",
            Kind::Pattern => "\"+55*\"",
            Kind::Target => "\"200\", \"+551140031234\" or \"sip:maria@pbx.example\"",
            Kind::Recipient => "\"caller\", \"200\" or \"+5511999998888\"",
            Kind::Anyone => "\"+5511999998888\" or \"200\"",
            Kind::OwnNumber => "\"+551140031234\"",
            Kind::Code => "\"*70\"",
            Kind::Called => "\"+551140031234\"",
            Kind::Variable | Kind::KnownVariable => "\"cpf\"",
            Kind::Setting => "\"Maria\" or 3",
            Kind::List => "\"vip\"",
            Kind::Caller => "\"+5511*\", \"withheld\" or \"extension\"",
            Kind::Country => "\"BR\" or \"+55\"",
            Kind::Weekdays => "\"mon-fri\", \"sat\" or \"mon,wed\"",
            Kind::TimeRange => "\"09:00-18:00\"",
            Kind::OpenDays => "\"mon-fri\" or \"2026-12-24\"",
            Kind::Dates => "\"2026-12-25\", \"12-25\" for every year, or \"12-24..01-02\"",
            Kind::Zone => "\"America/Sao_Paulo\"",
            Kind::Moment => "\"2026-11-23T12:39:00-03:00\"",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Kind::Integer { least, most } => return write!(f, "number from {least} to {most}"),
            Kind::Word(words) => return f.write_str(&words.join(", ")),
            Kind::Text => "text",
            Kind::Name => "name",
            Kind::Duration => "duration",
            Kind::Flow => "flow",
            Kind::Queue => "queue",
            Kind::Extension => "extension",
            Kind::Trunk => "trunk",
            Kind::Prompt => "prompt",
            Kind::Hours => "hours",
            Kind::Channel => "channel",
            Kind::Language => "language",
            Kind::Credential => "credential",
            Kind::Key => "key",
            Kind::Keys => "keys",
            Kind::Number => "number in E.164",
            Kind::Pattern => "beginning of a number, with a `*` for the rest",
            Kind::Target => "extension, number in E.164, or address at the host of a trunk",
            Kind::Recipient => "`caller`, extension, or number in E.164",
            Kind::Anyone => "number or extension",
            Kind::Code => "code of keys",
            Kind::Called => "number in E.164, or a code",
            Kind::OwnNumber => "number of ours in E.164",
            Kind::Music => "music",
            Kind::Variable | Kind::KnownVariable => "variable",
            Kind::Setting => "text or number",
            Kind::List => "list",
            Kind::Caller => "number, beginning of a number with a `*` for the rest, `withheld` or `extension`",
            Kind::Country => "country",
            Kind::Weekdays => "days of the week",
            Kind::TimeRange => "time of day, from and to",
            Kind::OpenDays => "days of the week or dates",
            Kind::Dates => "date, or first and last",
            Kind::Zone => "time zone",
            Kind::Moment => "date and time with its offset",
        };
        f.write_str(word)
    }
}
