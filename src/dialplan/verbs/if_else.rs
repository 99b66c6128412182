//! `if` and `else`: one look at the world, two ways on. What can be looked at stands in `conditions/`.

use crate::dialplan::action::Action;
use crate::dialplan::action::Moment;
use crate::dialplan::action::Turn;
use crate::dialplan::condition::Sight;
use crate::dialplan::conditions::CONDITIONS;
use crate::dialplan::conditions::given;
use crate::dialplan::fault::choices;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::program::StepId;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Needs;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct If;

impl Verb for If {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }

    fn properties(&self) -> Vec<Parameter> {
        let subjects = CONDITIONS.iter().map(|condition| condition.subject());
        let is =
            Parameter::optional("is", Kind::Name, "needed but for `chance`", "the state in which the condition holds");
        subjects.chain(std::iter::once(is)).collect()
    }
}

static SHEET: Sheet = Sheet {
    name: "if",
    help: "Runs the steps in its braces if the condition holds, else those of the `else` below it, if there is one.",
    children: Children::Steps,
    needs: Needs::Nobody,
    example: "if hours=\"comercial\" is=\"open\" {\n    queue \"vendas\"\n}\nelse {\n    play \"closed\"\n}",
    ..Sheet::PLAIN
};

impl Compile for If {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let subjects = CONDITIONS.iter().map(|condition| condition.subject().name);
        let Some(condition) = given(filled) else {
            let message = match subjects.clone().any(|subject| filled.has(subject)) {
                true => "`if` looks at one thing at a time",
                false => "`if` needs something to look at",
            };
            let help = format!("Write one of {}.", subjects.collect::<Vec<_>>().join(", "));
            return vec![(message.to_owned(), help)];
        };
        let name = condition.subject().name;
        let words = condition.words().iter().map(|word| word.word);
        match filled.maybe_text("is") {
            None if words.len() == 0 => Vec::new(),
            None => {
                let help = choices("states", words, "");
                vec![(format!("`if {name}=…` needs an `is`"), help)]
            }
            Some(_) if words.len() == 0 => {
                vec![(format!("`if {name}=…` takes no `is`"), "Leave it out.".to_owned())]
            }
            Some(is) if words.clone().any(|word| word == is) => Vec::new(),
            Some(is) => {
                let message = format!("`{name}` is never `{is}`");
                vec![(message, choices("states", words, &is))]
            }
        }
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        let condition = given(filled).expect("the check above wants exactly one");
        Box::new(Fork {
            sight: condition.compile(filled, &filled.maybe_text("is").unwrap_or_default()),
            then: filled.steps,
            otherwise: filled.otherwise,
        })
    }
}

#[derive(Debug)]
struct Fork {
    sight: Box<dyn Sight>,
    then: StepId,
    otherwise: StepId,
}

impl Action for Fork {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        let seen = self.sight.look(moment);
        if seen.holds {
            moment.note(Reason::Holds(seen.word));
            return Turn::To(self.then);
        }
        moment.note(Reason::HoldsNot(seen.word));
        Turn::To(self.otherwise)
    }
}
