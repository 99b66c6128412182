//! `if caller="+5511*"`, `if caller="withheld"`, `if caller-in="vip"`, `if caller-country="BR"`

use crate::dialplan::action::Moment;
use crate::dialplan::condition::Compares;
use crate::dialplan::condition::Condition;
use crate::dialplan::condition::Look;
use crate::dialplan::condition::Sight;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::list::ListId;
use crate::dialplan::list::Pattern;
use crate::dialplan::verb::Parameter;
use crate::dialplan::walk::Caller;

#[derive(Debug)]
pub(super) struct ByNumber;

/// What may be said instead of a pattern.
pub(in crate::dialplan) const WITHHELD: &str = "withheld";
pub(in crate::dialplan) const EXTENSION: &str = "extension";

impl Condition for ByNumber {
    fn subject(&self) -> Parameter {
        let help = "who calls: a number, a beginning of numbers, `withheld` for whoever shows none, `extension` for a phone of ours";
        Parameter::optional("caller", Kind::Caller, "nothing", help)
    }

    fn compares(&self) -> Compares {
        Compares::Itself
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        match filled.text("caller").as_str() {
            WITHHELD => Box::new(Withheld),
            EXTENSION => Box::new(Extension),
            pattern => Box::new(Like(Pattern::of(pattern))),
        }
    }
}

#[derive(Debug)]
struct Withheld;

impl Look for Withheld {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let withheld = moment.memory.caller.is_withheld();
        Sight::itself(withheld, &"the number is withheld", &"the number is shown")
    }
}

#[derive(Debug)]
struct Extension;

impl Look for Extension {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let Caller { from, trunk, .. } = &*moment.memory.caller;
        let inside = trunk.is_none() && !from.starts_with('+') && !moment.memory.caller.is_withheld();
        Sight::itself(inside, &"a phone of ours calls", &"the call comes from outside")
    }
}

#[derive(Debug)]
struct Like(Pattern);

impl Look for Like {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        Sight::itself(self.0.fits(&moment.memory.caller.from), &"the caller's number fits", &"another number calls")
    }
}

#[derive(Debug)]
pub(super) struct ByList;

impl Condition for ByList {
    fn subject(&self) -> Parameter {
        Parameter::optional("caller-in", Kind::List, "nothing", "whether the caller's number is in a list")
    }

    fn compares(&self) -> Compares {
        Compares::Itself
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(Listed(filled.list("caller-in")))
    }
}

#[derive(Debug)]
struct Listed(ListId);

impl Look for Listed {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let listed = moment.program.list(self.0).contains(&moment.memory.caller.from);
        Sight::itself(listed, &"the caller is in the list", &"the caller is not in the list")
    }
}

#[derive(Debug)]
pub(super) struct ByCountry;

impl Condition for ByCountry {
    fn subject(&self) -> Parameter {
        let help = "the country that the caller's number belongs to; `US` and `CA` share one code and are one";
        Parameter::optional("caller-country", Kind::Country, "nothing", help)
    }

    fn compares(&self) -> Compares {
        Compares::Itself
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Look> {
        Box::new(OfCountry(filled.text("caller-country")))
    }
}

/// A country's code, with its plus. No code is the beginning of another.
#[derive(Debug)]
struct OfCountry(String);

impl Look for OfCountry {
    fn look(&self, moment: &mut Moment<'_>) -> Sight {
        let from_there = moment.memory.caller.from.starts_with(self.0.as_str());
        Sight::itself(
            from_there,
            &"the caller's number is of that country",
            &"the caller's number is not of that country",
        )
    }
}
