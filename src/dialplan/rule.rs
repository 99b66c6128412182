//! The rules that a dialplan is held to, each with the name that editors, scripts and this project's issues know it by.
//!
//! A name never changes its meaning. What is a fault and what only a warning stands here and nowhere else.

use crate::dialplan::fault::Severity;

/// One thing that `check` can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Syntax,
    NotText,
    Unreadable,
    TooLarge,
    UnknownWord,
    UnknownStep,
    UnknownProperty,
    UnknownBranch,
    MissingValue,
    SurplusValue,
    WrittenTwice,
    WrongValue,
    MissingUnit,
    MissingQuotes,
    UnknownFlow,
    UnknownHours,
    UnknownQueue,
    UnknownExtension,
    UnknownTrunk,
    UnknownChannel,
    UnknownPrompt,
    UnknownMusic,
    UnknownLanguage,
    UnknownCredential,
    UnknownZone,
    UnknownList,
    UnknownVariable,
    OpenBrace,
    NotE164,
    NotOurs,
    NoRoute,
    DeclaredTwice,
    NeverOpen,
    RouteTrunks,
    LoneElse,
    StepValues,
    Comparison,
    AfterTheCall,
    NoBlock,
    MissingPrompt,
    EndlessRound,
    CallRound,
    CallDepth,
    TestCall,
    TestOrder,
    TestNumber,
    EmptyFlow,
    LostFlow,
    LostStep,
    UnsetVariable,
    ListedTwice,
}

/// All rules, in the order of the documentation.
pub const RULES: &[Rule] = &[
    Rule::Syntax,
    Rule::NotText,
    Rule::Unreadable,
    Rule::TooLarge,
    Rule::UnknownWord,
    Rule::UnknownStep,
    Rule::UnknownProperty,
    Rule::UnknownBranch,
    Rule::MissingValue,
    Rule::SurplusValue,
    Rule::WrittenTwice,
    Rule::WrongValue,
    Rule::MissingUnit,
    Rule::MissingQuotes,
    Rule::UnknownFlow,
    Rule::UnknownHours,
    Rule::UnknownQueue,
    Rule::UnknownExtension,
    Rule::UnknownTrunk,
    Rule::UnknownChannel,
    Rule::UnknownPrompt,
    Rule::UnknownMusic,
    Rule::UnknownLanguage,
    Rule::UnknownCredential,
    Rule::UnknownZone,
    Rule::UnknownList,
    Rule::UnknownVariable,
    Rule::OpenBrace,
    Rule::NotE164,
    Rule::NotOurs,
    Rule::NoRoute,
    Rule::DeclaredTwice,
    Rule::NeverOpen,
    Rule::RouteTrunks,
    Rule::LoneElse,
    Rule::StepValues,
    Rule::Comparison,
    Rule::AfterTheCall,
    Rule::NoBlock,
    Rule::MissingPrompt,
    Rule::EndlessRound,
    Rule::CallRound,
    Rule::CallDepth,
    Rule::TestCall,
    Rule::TestOrder,
    Rule::TestNumber,
    Rule::EmptyFlow,
    Rule::LostFlow,
    Rule::LostStep,
    Rule::UnsetVariable,
    Rule::ListedTwice,
];

impl Rule {
    /// The name that stays.
    pub fn code(self) -> &'static str {
        self.told().0
    }

    pub fn severity(self) -> Severity {
        self.told().1
    }

    /// What it asks for, in one sentence.
    pub fn help(self) -> &'static str {
        self.told().2
    }

    #[expect(clippy::too_many_lines, reason = "a table with a row for each rule")]
    fn told(self) -> (&'static str, Severity, &'static str) {
        use Severity::Fault;
        use Severity::Warning;
        match self {
            Rule::Syntax => ("syntax", Fault, "a file is KDL: quotes, braces and values stand where they belong"),
            Rule::NotText => ("not-text", Fault, "a file is UTF-8 text"),
            Rule::Unreadable => ("unreadable", Fault, "a file that is named can be read"),
            Rule::TooLarge => ("too-large", Fault, "files, words and blocks within blocks have their limits"),
            Rule::UnknownWord => (
                "unknown-word",
                Fault,
                "a line at the top of a file, in `hours`, `route` or `test` begins with a known word",
            ),
            Rule::UnknownStep => ("unknown-step", Fault, "a step begins with a known verb"),
            Rule::UnknownProperty => ("unknown-property", Fault, "a word has only the properties that it knows"),
            Rule::UnknownBranch => ("unknown-branch", Fault, "a step has only the ways out that it knows"),
            Rule::MissingValue => ("missing-value", Fault, "a word has all the values that it needs"),
            Rule::SurplusValue => ("surplus-value", Fault, "a word has no more values than it takes"),
            Rule::WrittenTwice => ("written-twice", Fault, "a property or a way out is written once"),
            Rule::WrongValue => ("wrong-value", Fault, "a value is of the kind that is wanted"),
            Rule::MissingUnit => ("missing-unit", Fault, "a duration has its unit"),
            Rule::MissingQuotes => ("missing-quotes", Fault, "a value that is no count stands in quotes"),
            Rule::UnknownFlow => ("unknown-flow", Fault, "a flow that is named exists"),
            Rule::UnknownHours => ("unknown-hours", Fault, "hours that are named exist"),
            Rule::UnknownQueue => ("unknown-queue", Fault, "a queue that is named is a [[queue]]"),
            Rule::UnknownExtension => ("unknown-extension", Fault, "an extension that is named is an [[extension]]"),
            Rule::UnknownTrunk => ("unknown-trunk", Fault, "a trunk that is named is a [[trunk]]"),
            Rule::UnknownChannel => ("unknown-channel", Fault, "a channel that is named is a [[channel]]"),
            Rule::UnknownPrompt => ("unknown-prompt", Fault, "a prompt that is named exists in a language"),
            Rule::UnknownLanguage => ("unknown-language", Fault, "a language that is named has prompts"),
            Rule::UnknownCredential => ("unknown-credential", Fault, "credentials that are named are a [[credential]]"),
            Rule::UnknownMusic => ("unknown-music", Fault, "music that is named exists"),
            Rule::UnknownZone => ("unknown-zone", Fault, "a time zone is one of the IANA database"),
            Rule::UnknownList => ("unknown-list", Fault, "a list that is named exists"),
            Rule::UnknownVariable => {
                ("unknown-variable", Fault, "what stands in the braces of a text is filled in by something")
            }
            Rule::OpenBrace => ("open-brace", Fault, "a brace in a text is closed, or doubled"),
            Rule::NotE164 => ("not-e164", Fault, "a number is written in E.164"),
            Rule::NotOurs => ("not-ours", Fault, "a number that is shown as the caller's is one of ours"),
            Rule::NoRoute => ("no-route", Fault, "a number that is dialled has a route"),
            Rule::DeclaredTwice => ("declared-twice", Fault, "a number, route, flow, or name of hours is there once"),
            Rule::NeverOpen => ("never-open", Fault, "hours are open at some time"),
            Rule::RouteTrunks => ("route-trunks", Fault, "a route names its trunks in one place"),
            Rule::LoneElse => ("lone-else", Fault, "an `else` follows its `if`"),
            Rule::StepValues => ("step-values", Fault, "the values of a step fit each other"),
            Rule::Comparison => ("comparison", Fault, "what a condition says can be true of what it looks at"),
            Rule::AfterTheCall => ("after-the-call", Fault, "after the call only steps run that need no caller"),
            Rule::NoBlock => ("no-block", Fault, "only words that have a block are followed by braces"),
            Rule::MissingPrompt => {
                ("missing-prompt", Fault, "a prompt exists in every language in which a caller can hear it")
            }
            Rule::EndlessRound => ("endless-round", Fault, "flows do not go round without any time passing"),
            Rule::CallRound => ("call-round", Fault, "no flow calls itself, nor do flows in a round"),
            Rule::CallDepth => ("call-depth", Fault, "no more than 16 flows call each other"),
            Rule::TestCall => ("test-call", Fault, "a test makes one call"),
            Rule::TestOrder => ("test-order", Fault, "a line of a test stands on its side of the call"),
            Rule::TestNumber => ("test-number", Fault, "a test calls a number of ours"),
            Rule::EmptyFlow => ("empty-flow", Warning, "a flow has steps"),
            Rule::LostFlow => ("lost-flow", Warning, "a number or a step leads to every flow"),
            Rule::LostStep => ("lost-step", Warning, "a call can come to every step"),
            Rule::UnsetVariable => ("unset-variable", Warning, "a variable has a value before it is used"),
            Rule::ListedTwice => ("listed-twice", Warning, "a list has each of its numbers once"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code()).collect();
        assert_eq!(codes.len(), RULES.len());
        assert_eq!(RULES.last().map(|rule| *rule as usize + 1), Some(RULES.len()), "a rule is missing in the list");
    }
}
