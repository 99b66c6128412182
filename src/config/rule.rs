//! The rules that a configuration is held to, each with the name that editors and scripts know it by.

/// One thing that `check` can find in `desvio.toml` and beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    NotToml,
    UnknownSection,
    WrongBrackets,
    UnknownKey,
    MissingKey,
    UnknownChoice,
    WrongSetting,
    DefinedTwice,
    ListedTwice,
    UnknownAgent,
    UnknownChannel,
    UnknownMusic,
    SessionTimer,
    TrunkCredentials,
    NumberForm,
    SharedNetwork,
    TwoSecrets,
    Certificate,
    CannotStart,
    Channel,
    NoDialplan,
    LanguageWithoutPrompts,
    UnplayablePrompt,
}

/// All of them, in the order of the documentation.
pub const RULES: &[Rule] = &[
    Rule::NotToml,
    Rule::UnknownSection,
    Rule::WrongBrackets,
    Rule::UnknownKey,
    Rule::MissingKey,
    Rule::UnknownChoice,
    Rule::WrongSetting,
    Rule::DefinedTwice,
    Rule::ListedTwice,
    Rule::UnknownAgent,
    Rule::UnknownChannel,
    Rule::UnknownMusic,
    Rule::SessionTimer,
    Rule::TrunkCredentials,
    Rule::NumberForm,
    Rule::SharedNetwork,
    Rule::TwoSecrets,
    Rule::Certificate,
    Rule::CannotStart,
    Rule::Channel,
    Rule::NoDialplan,
    Rule::LanguageWithoutPrompts,
    Rule::UnplayablePrompt,
];

impl Rule {
    /// The name that stays.
    pub fn code(self) -> &'static str {
        self.told().0
    }

    /// What it asks for, in one sentence.
    pub fn help(self) -> &'static str {
        self.told().1
    }

    fn told(self) -> (&'static str, &'static str) {
        match self {
            Rule::NotToml => ("not-toml", "the file is TOML"),
            Rule::UnknownSection => ("unknown-section", "a section is one that Desvio knows"),
            Rule::WrongBrackets => ("wrong-brackets", "what may be there several times stands in double brackets"),
            Rule::UnknownKey => ("unknown-key", "a key is one that its section knows"),
            Rule::MissingKey => ("missing-key", "a section has the keys that it needs"),
            Rule::UnknownChoice => ("unknown-choice", "a word is one of those that can be chosen"),
            Rule::WrongSetting => ("wrong-setting", "a value is of its kind and within its limits"),
            Rule::DefinedTwice => ("defined-twice", "a number or name is given to one table only"),
            Rule::ListedTwice => ("listed-twice", "a list names each thing once"),
            Rule::UnknownAgent => ("unknown-agent", "an agent of a queue is an [[extension]]"),
            Rule::UnknownChannel => ("unknown-channel", "a channel that is named is a [[channel]]"),
            Rule::UnknownMusic => ("unknown-music", "music on hold exists"),
            Rule::SessionTimer => ("session-timer", "session timers are as long as RFC 4028 allows"),
            Rule::TrunkCredentials => ("trunk-credentials", "a trunk that registers has a user name and a password"),
            Rule::NumberForm => ("number-form", "the form of a trunk's numbers has what it needs"),
            Rule::SharedNetwork => ("shared-network", "an address belongs to one trunk"),
            Rule::TwoSecrets => ("two-secrets", "a secret stands in one place"),
            Rule::Certificate => ("certificate", "certificates and keys are there and fit each other"),
            Rule::CannotStart => {
                ("cannot-start", "what the server reads and opens when it starts can be read and opened")
            }
            Rule::Channel => ("channel-setting", "a channel has what its kind needs"),
            Rule::NoDialplan => ("no-dialplan", "the files of the dialplan are there"),
            Rule::LanguageWithoutPrompts => ("language-without-prompts", "the language of the dialplan has prompts"),
            Rule::UnplayablePrompt => ("unplayable-prompt", "a prompt is a WAV file that can be played"),
        }
    }
}
