//! The rules that a dialplan is held to, each with the name that editors, scripts and this project's issues know it by.
//!
//! A name never changes its meaning. What is a fault and what only a warning stands here and nowhere else.

use crate::dialplan::fault::Severity;
use crate::dialplan::fault::Severity::Fault;
use crate::dialplan::fault::Severity::Warning;

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
    SilentMenu,
    QueueWithoutAgents,
    QueueWithoutOverflow,
    LoopWithoutEnd,
    LateProgress,
    CostlyAnnouncement,
    DeadBranch,
    SettledCondition,
    WhatsappToTelephone,
    NoEmergencyRoute,
    NumbersOverlap,
    NeedlessRoute,
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
    Rule::SilentMenu,
    Rule::QueueWithoutAgents,
    Rule::QueueWithoutOverflow,
    Rule::LoopWithoutEnd,
    Rule::LateProgress,
    Rule::CostlyAnnouncement,
    Rule::DeadBranch,
    Rule::SettledCondition,
    Rule::WhatsappToTelephone,
    Rule::NoEmergencyRoute,
    Rule::NumbersOverlap,
    Rule::NeedlessRoute,
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

    fn told(self) -> (&'static str, Severity, &'static str) {
        TOLD[self as usize]
    }
}

/// Of each rule, in the order of [`Rule`]: its name, what breaking it is, and what it asks for.
const TOLD: [(&str, Severity, &str); Rule::NeedlessRoute as usize + 1] = [
    ("syntax", Fault, "a file is KDL: quotes, braces and values stand where they belong"),
    ("not-text", Fault, "a file is UTF-8 text"),
    ("unreadable", Fault, "a file that is named can be read"),
    ("too-large", Fault, "files, words and blocks within blocks have their limits"),
    ("unknown-word", Fault, "a line at the top of a file, in `hours`, `route` or `test` begins with a known word"),
    ("unknown-step", Fault, "a step begins with a known verb"),
    ("unknown-property", Fault, "a word has only the properties that it knows"),
    ("unknown-branch", Fault, "a step has only the ways out that it knows"),
    ("missing-value", Fault, "a word has all the values that it needs"),
    ("surplus-value", Fault, "a word has no more values than it takes"),
    ("written-twice", Fault, "a property or a way out is written once"),
    ("wrong-value", Fault, "a value is of the kind that is wanted"),
    ("missing-unit", Fault, "a duration has its unit"),
    ("missing-quotes", Fault, "a value that is no count stands in quotes"),
    ("unknown-flow", Fault, "a flow that is named exists"),
    ("unknown-hours", Fault, "hours that are named exist"),
    ("unknown-queue", Fault, "a queue that is named is a [[queue]]"),
    ("unknown-extension", Fault, "an extension that is named is an [[extension]]"),
    ("unknown-trunk", Fault, "a trunk that is named is a [[trunk]]"),
    ("unknown-channel", Fault, "a channel that is named is a [[channel]]"),
    ("unknown-prompt", Fault, "a prompt that is named exists in a language"),
    ("unknown-music", Fault, "music that is named exists"),
    ("unknown-language", Fault, "a language that is named has prompts"),
    ("unknown-credential", Fault, "credentials that are named are a [[credential]]"),
    ("unknown-zone", Fault, "a time zone is one of the IANA database"),
    ("unknown-list", Fault, "a list that is named exists"),
    ("unknown-variable", Fault, "what stands in the braces of a text is filled in by something"),
    ("open-brace", Fault, "a brace in a text is closed, or doubled"),
    ("not-e164", Fault, "a number is written in E.164"),
    ("not-ours", Fault, "a number that is shown as the caller's is one of ours"),
    ("no-route", Fault, "a number that is dialled has a route"),
    ("declared-twice", Fault, "a number, route, flow, or name of hours is there once"),
    ("never-open", Fault, "hours are open at some time"),
    ("route-trunks", Fault, "a route names its trunks in one place"),
    ("lone-else", Fault, "an `else` follows its `if`"),
    ("step-values", Fault, "the values of a step fit each other"),
    ("comparison", Fault, "what a condition says can be true of what it looks at"),
    ("after-the-call", Fault, "after the call only steps run that need no caller"),
    ("no-block", Fault, "only words that have a block are followed by braces"),
    ("missing-prompt", Fault, "a prompt exists in every language in which a caller can hear it"),
    ("endless-round", Fault, "flows do not go round without any time passing"),
    ("call-round", Fault, "no flow calls itself, nor do flows in a round"),
    ("call-depth", Fault, "no more than 16 flows call each other"),
    ("test-call", Fault, "a test makes one call"),
    ("test-order", Fault, "a line of a test stands on its side of the call"),
    ("test-number", Fault, "a test calls a number of ours"),
    ("empty-flow", Warning, "a flow has steps"),
    ("lost-flow", Warning, "a number or a step leads to every flow"),
    ("lost-step", Warning, "a call can come to every step"),
    ("unset-variable", Warning, "a variable has a value before it is used"),
    ("listed-twice", Warning, "a list has each of its numbers once"),
    ("silent-menu", Warning, "a question has an answer for a caller who says nothing"),
    ("queue-without-agents", Warning, "a queue in which callers wait has agents"),
    ("queue-without-overflow", Warning, "a caller whom a queue does not take is led on"),
    ("loop-without-end", Warning, "flows that go round have a way out"),
    ("late-progress", Warning, "early media begins before the call is answered"),
    ("costly-announcement", Warning, "an announcement alone costs the caller nothing"),
    ("dead-branch", Warning, "a way out that is written can be taken"),
    ("settled-condition", Warning, "a condition is not settled by one above it"),
    ("whatsapp-to-telephone", Fault, "a WhatsApp call meets no telephone network"),
    ("no-emergency-route", Warning, "phones that may call outside can call for help"),
    ("numbers-overlap", Warning, "a line of ours is there once, and is no route"),
    ("needless-route", Warning, "a route says what no wider one says already"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let codes: BTreeSet<&str> = RULES.iter().map(|rule| rule.code()).collect();
        assert_eq!(codes.len(), RULES.len());
        assert!(RULES.iter().map(|rule| *rule as usize).eq(0..TOLD.len()), "the list has another order than the enum");
        assert_eq!((Rule::LostStep.code(), Rule::NoBlock.code()), ("lost-step", "no-block"));
    }
}
