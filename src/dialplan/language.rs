//! The language as data, for editors: every word with its values, ways out and help, written from the sheets that check a
//! dialplan.
//!
//! [`VERSION`] goes up when a field changes its meaning or is gone; new fields and words come without it.

use serde::Serialize;

use crate::dialplan::comparator::COMPARATORS;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Word;
use crate::dialplan::conditions::CONDITIONS;
use crate::dialplan::declarations::DECLARATIONS;
use crate::dialplan::declarations::Declaration;
use crate::dialplan::declarations::LISTED;
use crate::dialplan::fact::FACTS;
use crate::dialplan::fault::Severity;
use crate::dialplan::kind::Kind;
use crate::dialplan::opening_lines::CLOSED;
use crate::dialplan::opening_lines::HOLIDAYS;
use crate::dialplan::opening_lines::OPEN;
use crate::dialplan::routes::THEN;
use crate::dialplan::routes::TRUNK;
use crate::dialplan::rule::RULES;
use crate::dialplan::statements::STATEMENTS;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Need;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Time;
use crate::dialplan::verb::Verb;
use crate::dialplan::verbs::VERBS;

pub const VERSION: u32 = 1;

/// All that can stand in a dialplan.
#[derive(Debug, Serialize)]
pub struct Language {
    pub version: u32,
    pub declarations: Vec<WordEntry>,
    pub steps: Vec<StepEntry>,
    pub conditions: Vec<ConditionEntry>,
    /// The lines of a `test`.
    pub statements: Vec<WordEntry>,
    /// Words that compare, in `if` and in `when`.
    pub comparators: Vec<ComparatorEntry>,
    /// What every text may hold in braces, besides the variables of the dialplan; a `*` stands for a name.
    pub variables: Vec<VariableEntry>,
    pub rules: Vec<RuleEntry>,
}

/// A line that is no step.
#[derive(Debug, Serialize)]
pub struct WordEntry {
    pub name: &'static str,
    /// The word in whose block it stands; none for the top of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<&'static str>,
    pub help: &'static str,
    pub arguments: Vec<ParameterEntry>,
    pub properties: Vec<ParameterEntry>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub example: &'static str,
}

#[derive(Debug, Serialize)]
pub struct StepEntry {
    pub name: &'static str,
    pub help: &'static str,
    pub arguments: Vec<ParameterEntry>,
    pub properties: Vec<ParameterEntry>,
    /// Lines of its block that are no ways out.
    pub details: Vec<WordEntry>,
    /// What its braces hold: `none`, `branches`, `steps`, `afterwards`, and what later versions add.
    pub block: String,
    pub branches: Vec<BranchEntry>,
    /// `next`, `branch-or-next`, `branches-only`, `never`, and what later versions add.
    pub after: String,
    pub takes_time: bool,
    /// `answer`, `audio`, `caller` or `nobody`.
    pub needs: String,
    pub example: &'static str,
}

#[derive(Debug, Serialize)]
pub struct ParameterEntry {
    pub name: &'static str,
    pub kind: KindEntry,
    pub required: bool,
    /// Several may be written, one after the other.
    pub repeated: bool,
    /// What holds where it is left out, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<&'static str>,
    pub help: &'static str,
}

#[derive(Debug, Serialize)]
pub struct KindEntry {
    /// `duration`, `time-range`, `queue` …
    pub name: String,
    pub shown: String,
    pub example: &'static str,
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub words: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
}

#[derive(Debug, Serialize)]
pub struct BranchEntry {
    pub name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<KindEntry>,
    pub help: &'static str,
    /// What happens where it is not written.
    pub default: &'static str,
    /// The branch that is taken in its stead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<&'static str>,
    /// The property without which it is never taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_with: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct ConditionEntry {
    /// The property of `if` and `when`.
    pub subject: ParameterEntry,
    /// `states`, `count`, `time`, `variable`, or `itself` where nothing is compared.
    pub compares: String,
    pub states: Vec<StateEntry>,
}

#[derive(Debug, Serialize)]
pub struct ComparatorEntry {
    pub name: &'static str,
    pub help: &'static str,
    /// `states`, `counts`, `times`, `variables`
    pub said_of: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct VariableEntry {
    pub name: &'static str,
    /// `text`, `digits` or `number`.
    pub kind: String,
    pub help: &'static str,
}

#[derive(Debug, Serialize)]
pub struct StateEntry {
    pub word: &'static str,
    pub help: &'static str,
}

#[derive(Debug, Serialize)]
pub struct RuleEntry {
    pub code: &'static str,
    pub severity: Severity,
    pub help: &'static str,
}

/// The language of this version.
pub fn describe() -> Language {
    let inside = [
        ("route", &TRUNK),
        ("route", &THEN),
        ("hours", &OPEN),
        ("hours", &CLOSED),
        ("hours", &HOLIDAYS),
        ("list", &LISTED),
    ];
    let inside = inside.map(|(outer, declaration)| word(declaration, Some(outer)));
    let rules = RULES.iter();
    Language {
        version: VERSION,
        declarations: DECLARATIONS.iter().map(|declaration| word(declaration, None)).chain(inside).collect(),
        steps: VERBS.iter().map(|verb| step(*verb)).collect(),
        conditions: conditions(),
        statements: STATEMENTS.iter().map(|statement| word(statement, Some("test"))).collect(),
        comparators: comparators(),
        variables: variables(),
        rules: rules
            .map(|rule| RuleEntry { code: rule.code(), severity: rule.severity(), help: rule.help() })
            .collect(),
    }
}

fn word(declaration: &Declaration, inside: Option<&'static str>) -> WordEntry {
    WordEntry {
        name: declaration.name,
        inside,
        help: declaration.help,
        arguments: parameters(declaration.arguments),
        properties: parameters(declaration.properties),
        example: declaration.example,
    }
}

fn step(verb: &dyn Verb) -> StepEntry {
    let sheet = verb.sheet();
    let details = sheet.details.iter().map(|detail| WordEntry {
        name: detail.name,
        inside: Some(sheet.name),
        help: detail.help,
        arguments: parameters(detail.arguments),
        properties: parameters(detail.properties),
        example: "",
    });
    StepEntry {
        name: sheet.name,
        help: sheet.help,
        arguments: parameters(sheet.arguments),
        properties: parameters(&verb.properties()),
        details: details.collect(),
        block: block(sheet.children),
        branches: sheet.branches().iter().map(branch).collect(),
        after: after(sheet.after),
        takes_time: sheet.time == Time::Takes,
        needs: needs(sheet.needs),
        example: sheet.example,
    }
}

fn parameters(parameters: &[Parameter]) -> Vec<ParameterEntry> {
    parameters.iter().map(parameter).collect()
}

fn parameter(parameter: &Parameter) -> ParameterEntry {
    let default = match parameter.need {
        Need::Optional { default } => Some(default),
        Need::Required | Need::Repeated => None,
    };
    ParameterEntry {
        name: parameter.name,
        kind: kind(parameter.kind),
        required: default.is_none(),
        repeated: parameter.need == Need::Repeated,
        default,
        help: parameter.help,
    }
}

fn kind(kind: Kind) -> KindEntry {
    let (words, least, most) = match kind {
        Kind::Word(words) => (words, None, None),
        Kind::Integer { least, most } => (&[][..], Some(least), Some(most)),
        _ => (&[][..], None, None),
    };
    KindEntry {
        name: kebab(&format!("{kind:?}")),
        shown: kind.to_string(),
        example: kind.example(),
        words,
        least,
        most,
    }
}

fn branch(branch: &Branch) -> BranchEntry {
    BranchEntry {
        name: branch.name,
        value: branch.value.map(kind),
        help: branch.help,
        default: branch.default,
        fallback: branch.fallback,
        only_with: branch.only_with,
    }
}

fn conditions() -> Vec<ConditionEntry> {
    let state = |word: &Word| StateEntry { word: word.word, help: word.help };
    let conditions = CONDITIONS.iter().map(|condition| ConditionEntry {
        subject: parameter(&condition.subject()),
        compares: kebab(&format!("{:?}", condition.compares())),
        states: match condition.compares() {
            Compares::States(words) => words.iter().map(state).collect(),
            _ => Vec::new(),
        },
    });
    conditions.collect()
}

fn comparators() -> Vec<ComparatorEntry> {
    let sorts = [
        (Compares::States(&[]), "states"),
        (Compares::Count, "counts"),
        (Compares::Time, "times"),
        (Compares::Variable, "variables"),
    ];
    let comparators = COMPARATORS.iter().map(|comparator| ComparatorEntry {
        name: comparator.name,
        help: comparator.help,
        said_of: sorts.iter().filter(|(compares, _)| comparator.fits(*compares)).map(|(_, name)| *name).collect(),
    });
    comparators.collect()
}

fn variables() -> Vec<VariableEntry> {
    let facts = FACTS.iter();
    facts
        .map(|fact| VariableEntry { name: fact.name, kind: kebab(&format!("{:?}", fact.kind)), help: fact.help })
        .collect()
}

fn block(children: Children) -> String {
    kebab(&format!("{children:?}"))
}

fn after(after: After) -> String {
    kebab(&format!("{after:?}"))
}

fn needs(needs: Needs) -> String {
    kebab(&format!("{needs:?}"))
}

/// `TimeRange { .. }` → `time-range`
fn kebab(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars().take_while(|letter| letter.is_alphanumeric()) {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;

    fn names(list: &Value) -> Vec<&str> {
        list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn every_word_of_the_language_is_described() {
        let told = json!(describe());
        assert_eq!(told["version"], 1);
        let verbs: Vec<&str> = VERBS.iter().map(|verb| verb.sheet().name).collect();
        assert_eq!(names(&told["steps"]), verbs);
        assert_eq!(names(&told["statements"]), STATEMENTS.iter().map(|it| it.name).collect::<Vec<_>>());
        let declared = names(&told["declarations"]);
        assert!(DECLARATIONS.iter().all(|it| declared.contains(&it.name)));
        assert!(["trunk", "then", "open", "closed", "holidays"].iter().all(|it| declared.contains(it)));
        let subjects = told["conditions"].as_array().unwrap().iter();
        let subjects: Vec<&str> = subjects.map(|it| it["subject"]["name"].as_str().unwrap()).collect();
        assert_eq!(subjects, CONDITIONS.iter().map(|it| it.subject().name).collect::<Vec<_>>());
        assert_eq!(told["rules"].as_array().unwrap().len(), RULES.len());
        assert_eq!(names(&told["variables"]), FACTS.iter().map(|it| it.name).collect::<Vec<_>>());
        assert_eq!(names(&told["comparators"]), COMPARATORS.iter().map(|it| it.name).collect::<Vec<_>>());
    }

    #[test]
    fn of_a_step_everything_is_told_that_its_sheet_holds() {
        let told = json!(describe());
        let steps = told["steps"].as_array().unwrap();
        for (verb, step) in VERBS.iter().zip(steps) {
            let sheet = verb.sheet();
            assert_eq!(names(&step["properties"]), verb.properties().iter().map(|it| it.name).collect::<Vec<_>>());
            assert_eq!(names(&step["branches"]), sheet.branches().iter().map(|it| it.name).collect::<Vec<_>>());
            assert_eq!(step["example"], sheet.example);
        }
        let queue = steps.iter().find(|step| step["name"] == "queue").unwrap();
        assert_eq!(queue["arguments"][0]["kind"]["name"], "queue");
        let timeout = queue["branches"].as_array().unwrap().iter().find(|branch| branch["name"] == "timeout").unwrap();
        assert_eq!(timeout["only_with"], "up-to");
        assert_eq!((&queue["block"], &queue["needs"]), (&json!("branches"), &json!("answer")));
        let menu = steps.iter().find(|step| step["name"] == "menu").unwrap();
        assert_eq!((&menu["properties"][1]["kind"]["most"], &menu["after"]), (&json!(10), &json!("branches-only")));
    }
}
