//! `if variable="cpf" is="11144477735"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Facts;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::template::VariableId;
use crate::dialplan::verb::Parameter;

#[derive(Debug)]
pub(super) struct Variable;

impl Condition for Variable {
    fn subject(&self) -> Parameter {
        Parameter::optional("variable", Kind::KnownVariable, "nothing", "what a variable holds; empty before it is set")
    }

    fn compares(&self) -> Compares {
        Compares::Variable
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Of(filled.variable("variable")))
    }

    fn reads(&self, filled: &Filled) -> Option<VariableId> {
        Some(filled.variable("variable"))
    }
}

#[derive(Debug)]
struct Of(VariableId);

impl Look for Of {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let value = moment.variable(self.0).to_owned();
        // What a caller typed is his own: the trail tells only whether there was anything.
        let told = if value.is_empty() { &"it is empty" } else { &"it has a value, which is not told here" };
        Sight::new(Facts::Text(value), told)
    }
}
