//! The contract of a step's word: what it is called, what it takes, and what it becomes.
//!
//! The sheet is data. From it come the checks, the reference in the docs and the edges along which flows are searched
//! for dead ends; a verb itself says only how its values become an action.

use crate::dialplan::action::Action;
use crate::dialplan::compile::Compiler;
use crate::dialplan::document::Node;
use crate::dialplan::fill::Filled;
use crate::dialplan::fill::Form;
use crate::dialplan::fill::fill;
use crate::dialplan::kind::Kind;
use crate::dialplan::variable::VariableKind;

/// One word of the dialplan's vocabulary.
pub trait Verb: Sync {
    fn sheet(&self) -> &'static Sheet;

    /// `key="value"` pairs. Most verbs list them in their sheet.
    fn properties(&self) -> Vec<Parameter> {
        self.sheet().properties.to_vec()
    }
}

/// How a verb becomes what it does. The values have been read and checked one by one.
pub(super) trait Compile: Verb {
    /// Rules between values, such as "one of these two"; returns what is wrong and how to mend it.
    fn check(&self, _filled: &Filled) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Rules between values and what else is known of the house.
    fn check_among(&self, filled: &Filled, _compiler: &Compiler<'_>) -> Vec<(String, String)> {
        self.check(filled)
    }

    /// Reads what stands on the line. Most verbs are read against their sheet.
    fn read(&self, node: &Node, compiler: &mut Compiler<'_>) -> Option<Filled> {
        let properties = self.properties();
        let Sheet { name, arguments, example, .. } = *self.sheet();
        fill(node, Form { name, arguments, properties: &properties, example }, compiler)
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action>;

    /// The language in which the caller is spoken to after this step, if the step changes it.
    fn language_after(&self, _filled: &Filled) -> Option<String> {
        None
    }
}

/// All that is known about a verb without running it.
#[derive(Debug, Clone, Copy)]
pub struct Sheet {
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    pub arguments: &'static [Parameter],
    pub properties: &'static [Parameter],
    /// Lines in its block that are no ways out.
    pub details: &'static [Detail],
    pub children: Children,
    pub after: After,
    pub time: Time,
    pub needs: Needs,
    /// The variable that it gives a value.
    pub yields: Option<Yields>,
    /// Prompts that the step speaks with, whatever its values are.
    pub speaks_with: &'static [&'static str],
    /// Steps that load as they stand, in a flow of their own.
    pub example: &'static str,
}

/// One value of a verb.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    pub need: Need,
    pub help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    Required,
    /// May be left out; what holds then, in words.
    Optional {
        default: &'static str,
    },
    /// One or more, at the end of the arguments.
    Repeated,
}

/// A line in a verb's block that says more about the step, as often as the owner likes.
#[derive(Debug, Clone, Copy)]
pub struct Detail {
    pub name: &'static str,
    pub help: &'static str,
    pub arguments: &'static [Parameter],
    pub properties: &'static [Parameter],
}

/// What a step leaves behind for later texts and conditions.
#[derive(Debug, Clone, Copy)]
pub struct Yields {
    /// The value of the step that names the variable.
    pub parameter: &'static str,
    /// None where it depends on what the variable is set to.
    pub kind: Option<VariableKind>,
    pub help: &'static str,
}

/// What may stand in a verb's braces.
#[derive(Debug, Clone, Copy)]
pub enum Children {
    None,
    /// Ways out with names, each with steps of its own.
    Branches(&'static [Branch]),
    /// Steps, after which the walk goes on below.
    Steps,
    /// Steps that run when the call is over.
    Afterwards,
    /// Branches that depend on what the line looks at.
    Cases,
}

/// A way out of a step.
#[derive(Debug, Clone, Copy)]
pub struct Branch {
    pub name: &'static str,
    /// A branch with a value may be written once for each value, one without only once.
    pub value: Option<Kind>,
    pub help: &'static str,
    /// What happens where it is not written.
    pub default: &'static str,
    /// The branch that is taken where this one is not written.
    pub fallback: Option<&'static str>,
    /// Whether time has surely passed when the walk comes out here.
    pub time: Time,
    /// The property without which the walk never comes out here.
    pub only_with: Option<&'static str>,
}

/// Where the walk goes when the step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Next,
    /// To a branch; to the next step where the branch is not written.
    BranchOrNext,
    BranchesOnly,
    /// Nowhere, or to another flow.
    Never,
    /// Through a flow, and then to the next step.
    Call,
    /// To the end of the flow.
    Return,
}

/// Whether a step surely takes time. A round of steps that take none would never end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Takes,
    Instant,
}

/// What a step needs of the caller. The walk answers by itself before a step that needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// An answered call.
    Answer,
    /// An answered call or early media.
    Audio,
    Caller,
    /// May also run after the caller has gone.
    Nobody,
}

impl Sheet {
    /// A step without values that takes no time: the ground on which the sheets are written.
    pub const PLAIN: Sheet = Sheet {
        name: "",
        help: "",
        arguments: &[],
        properties: &[],
        details: &[],
        children: Children::None,
        after: After::Next,
        time: Time::Instant,
        needs: Needs::Caller,
        yields: None,
        speaks_with: &[],
        example: "",
    };

    /// The branches that may be written, none for a verb without any.
    pub fn branches(&self) -> &'static [Branch] {
        match self.children {
            Children::Branches(branches) => branches,
            Children::None | Children::Steps | Children::Afterwards | Children::Cases => &[],
        }
    }
}

impl Parameter {
    pub const fn required(name: &'static str, kind: Kind, help: &'static str) -> Parameter {
        Parameter { name, kind, need: Need::Required, help }
    }

    pub const fn optional(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Parameter {
        Parameter { name, kind, need: Need::Optional { default }, help }
    }

    pub const fn repeated(name: &'static str, kind: Kind, help: &'static str) -> Parameter {
        Parameter { name, kind, need: Need::Repeated, help }
    }
}

impl Branch {
    /// A way out that is reached only after some time, and that is passed over where it is not written.
    pub const fn new(name: &'static str, help: &'static str) -> Branch {
        Branch {
            name,
            value: None,
            help,
            default: "the walk goes on with the next step",
            fallback: None,
            time: Time::Takes,
            only_with: None,
        }
    }

    pub const fn at_once(self) -> Branch {
        Branch { time: Time::Instant, ..self }
    }

    pub const fn only_with(self, property: &'static str) -> Branch {
        Branch { only_with: Some(property), ..self }
    }

    pub const fn or(self, fallback: &'static str, default: &'static str) -> Branch {
        Branch { fallback: Some(fallback), default, ..self }
    }
}
