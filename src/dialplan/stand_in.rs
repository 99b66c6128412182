//! What stands in for others in a rehearsal: fixed answers to questions that fit, and to wishes to be called back.

use std::time::Duration;

use crate::dialplan::declarations::Declaration;
use crate::dialplan::fill::Filled;
use crate::dialplan::happening::BookingOutcome;
use crate::dialplan::happening::Happening;
use crate::dialplan::kind::Kind;
use crate::dialplan::lookup;
use crate::dialplan::lookup::Findings;
use crate::dialplan::lookup::LookUpFailure;
use crate::dialplan::lookup::Query;
use crate::dialplan::lookup::Wanted;
use crate::dialplan::order::Booking;
use crate::dialplan::verb::Parameter;
use crate::dialplan::world::Cue;
use crate::dialplan::world::Event;
use crate::dialplan::world::World;

/// `http "GET" "https://…" gives="{…}"` in a test.
#[derive(Debug, Clone)]
pub(super) struct StandIn {
    method: String,
    url: String,
    pub(super) after: Duration,
    gives: Result<String, LookUpFailure>,
}

/// The words of `fails`.
const FAILURES: &[&str] = &["timed-out", "unreachable", "too-large", "redirected"];

fn failure(word: &str) -> LookUpFailure {
    match word {
        "timed-out" => LookUpFailure::TimedOut,
        "too-large" => LookUpFailure::TooLarge,
        "redirected" => LookUpFailure::Redirected,
        _ => LookUpFailure::Unreachable,
    }
}

pub(super) const HTTP: Declaration = Declaration {
    name: "http",
    help: "What another program answers when an `http` step asks it, from here on. What no such line answers is out of \
           reach: a test asks nobody outside.",
    arguments: &[
        Parameter::required("method", Kind::Name, "of the question"),
        Parameter::required("url", Kind::Name, "as it is asked; a final `*` stands for any further signs"),
    ],
    properties: &[
        Parameter::optional("gives", Kind::Name, "nothing", "the answer's body"),
        Parameter::optional("status", Kind::Integer { least: 200, most: 599 }, "200", "its status"),
        Parameter::optional("after", Kind::Duration, "at once", "how long it takes"),
        Parameter::optional("fails", Kind::Word(FAILURES), "it answers", "why it does not answer"),
    ],
    example: "http \"GET\" \"https://api.loja.example/pedidos*\" gives=#\"{\"pedidos\":[]}\"# after=\"1s\"",
};

pub(super) const CALLBACKS: Declaration = Declaration {
    name: "callbacks",
    help: "What becomes of wishes to be called back. Default: they are booked.",
    arguments: &[Parameter::required(
        "state",
        Kind::Word(&["booked", "full", "refused"]),
        "`full`: as many are open as may; `refused`: the number is not one that we call",
    )],
    properties: &[],
    example: "callbacks \"full\"",
};

pub(super) fn read(filled: &Filled) -> StandIn {
    StandIn {
        method: filled.text("method"),
        url: filled.text("url"),
        after: filled.maybe_duration("after").unwrap_or_default(),
        gives: match (filled.maybe_word("fails"), filled.maybe_integer("status").unwrap_or(200)) {
            (Some(why), _) => Err(failure(why)),
            (None, 200..=299) => Ok(filled.maybe_text("gives").unwrap_or_default()),
            (None, status) => Err(LookUpFailure::Status(u16::try_from(status).unwrap_or(500))),
        },
    }
}

pub(super) fn callbacks(filled: &Filled) -> BookingOutcome {
    match filled.word("state") {
        "full" => BookingOutcome::Full,
        "refused" => BookingOutcome::NoNumber,
        _ => BookingOutcome::Booked,
    }
}

/// A final `*` stands for any further signs.
pub(super) fn fits(pattern: &str, url: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => url.starts_with(beginning),
        None => url == pattern,
    }
}

impl StandIn {
    pub(super) fn fits(&self, method: &str, url: &str) -> bool {
        self.method == method && fits(&self.url, url)
    }

    /// Read as a real answer is read.
    pub(super) fn answer(&self, wanted: &[Wanted]) -> Findings {
        self.gives.as_ref().map_err(|failure| *failure).and_then(|body| lookup::read(body.as_bytes(), wanted))
    }
}

impl World<'_> {
    pub(super) fn book(&mut self, booking: Booking) {
        let outcome = match (self.callbacks, booking.number.is_empty()) {
            (_, true) => BookingOutcome::NoNumber,
            (outcome, false) => outcome,
        };
        if outcome == BookingOutcome::Booked {
            self.events.push(Event::Booked { queue: booking.queue, number: booking.number });
        }
        self.cue(Duration::ZERO, Cue::Tell(Happening::Booked(outcome)));
    }

    /// What no stand-in answers is out of reach: a rehearsal touches nothing outside.
    pub(super) fn ask(&mut self, query: Query) {
        let Query { id, method, url, body, within, wanted, .. } = query;
        let mut known = self.stand_ins.iter().rev();
        let (after, findings) = match known.find(|known| known.fits(method, &url)) {
            Some(known) => (known.after, known.answer(&wanted)),
            None => (Duration::ZERO, Err(LookUpFailure::Unreachable)),
        };
        self.events.push(Event::Asked { method, url, body: body.map(|body| body.text).unwrap_or_default() });
        if after < within && findings != Err(LookUpFailure::TimedOut) {
            self.cue(after, Cue::Tell(Happening::LookedUp { query: id, findings }));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::dialplan::example::names;
    use crate::dialplan::example::program;
    use crate::dialplan::example::start;
    use crate::dialplan::example::with_steps;
    use crate::dialplan::rehearsal::rehearse;

    const LOOK_UP: &str = "answer\nhttp \"GET\" \"https://api.loja.example/pedidos?fone={caller}\" timeout=\"3s\" music=\"calma\" credentials=\"loja\" {
        take \"pedidos.0.status\" into=\"situacao\"
        take \"pedidos.0.total\" into=\"total\" as=\"number\"
        failed { play \"all-busy\" }
        not-found { play \"closed\" }
        missing { play \"holiday\" }
    }
    say text=\"Pedido {situacao}, {total}\"";

    /// The test's outcome in words; these lines are its scene and what is expected.
    fn outcome(steps: &str, above: &str, below: &str) -> String {
        let call = "call from=\"+5511999998888\" to=\"+551140031234\"";
        let text = format!("{}test \"t\" {{\n{above}\n{call}\n{below}\n}}\n", with_steps(steps));
        rehearse(&program(&text), &names(), start())[0].to_string()
    }

    const ASKED: &str = "http \"GET\" \"https://api.loja.example/pedidos?fone=%2B5511999998888\"";

    #[test]
    fn what_another_program_answers_is_said() {
        let gives = format!(
            "{ASKED} gives=#\"{{\"pedidos\":[{{\"status\":\"pago {{caller}}\",\"total\":12.5}}]}}\"# after=\"2s\""
        );
        let says = "says \"Pedido pago {caller}, 12.5\"";
        assert_eq!(outcome(LOOK_UP, &gives, says), "test t ... ok", "what comes in is filled in, and not read again");
        let asks = "asks \"https://api.loja.example/pedidos?fone=%2B55*\"";
        assert_eq!(outcome(LOOK_UP, &gives, asks), "test t ... ok");
    }

    #[test]
    fn each_failure_takes_its_stated_way() {
        for (answer, heard) in [
            (format!("{ASKED} status=404"), "closed"),
            (format!("{ASKED} status=500"), "all-busy"),
            (format!("{ASKED} gives=\"<html>\""), "all-busy"),
            (format!("{ASKED} gives=\"{{}}\" after=\"3s\""), "all-busy"),
            (format!("{ASKED} fails=\"timed-out\""), "all-busy"),
            (format!("{ASKED} fails=\"too-large\""), "all-busy"),
            (format!("{ASKED} gives=\"{{}}\""), "holiday"),
            (format!("{ASKED} gives=#\"{{\"pedidos\":[{{\"status\":\"pago\",\"total\":\"caro\"}}]}}\"#"), "holiday"),
            (String::new(), "all-busy"),
        ] {
            assert_eq!(outcome(LOOK_UP, &answer, &format!("hears \"{heard}\"")), "test t ... ok", "{answer}");
        }
    }

    #[test]
    fn a_failure_that_has_no_way_goes_on_with_empty_values_and_says_why_in_the_trail() {
        let steps = "answer\nhttp \"GET\" \"https://api.loja.example/\" { take \"a\" into=\"x\" }\nsay text=\"<{x}>\"";
        assert_eq!(outcome(steps, "", "says \"<>\""), "test t ... ok");
        let told = outcome(steps, "", "hears \"goodbye\"");
        assert!(told.contains("http \"GET\" \"https://api.loja.example/\" → nobody answers there"), "{told}");
    }

    #[test]
    fn fields_become_json_a_form_or_a_query_and_nothing_breaks_out_of_them() {
        let asked = |head: &str, expected: &str| {
            let block = "{ field \"cliente.fone\" \"{caller}\"; field \"n\" \"1\" as=\"number\" }";
            let steps = format!("answer\nhttp {head} {block}");
            outcome(&steps, "", expected)
        };
        let url = "\"https://api.loja.example/x\"";
        let json =
            "asks \"https://api.loja.example/x\" containing=#\"{\"cliente\":{\"fone\":\"+5511999998888\"},\"n\":1}\"#";
        assert_eq!(asked(&format!("\"POST\" {url}"), json), "test t ... ok");
        let form = "asks \"https://api.loja.example/x\" containing=\"cliente.fone=%2B5511999998888&n=1\"";
        assert_eq!(asked(&format!("\"POST\" {url} body=\"form\""), form), "test t ... ok");
        let query = "asks \"https://api.loja.example/x?cliente.fone=%2B5511999998888&n=1\"";
        assert_eq!(asked(&format!("\"GET\" {url}"), query), "test t ... ok");
    }

    #[test]
    fn who_hangs_up_hears_of_no_answer() {
        let gives = format!("{ASKED} gives=\"{{}}\" after=\"2s\"");
        let told = outcome(LOOK_UP, &gives, "passes \"1s\"\nhangs-up\nhears \"holiday\"");
        assert!(told.contains("not before the call was over"), "{told}");
    }

    #[test]
    fn other_programs_are_told_during_the_call_and_after_it() {
        let steps = "on-hangup { event \"cliente.desligou\" }\nevent \"cliente.ligou\" { field \"fone\" \"{caller}\" }\nqueue \"vendas\"";
        let expected =
            "emits \"cliente.ligou\" containing=\"fone=+5511999998888\"\nhangs-up\nemits \"cliente.desligou\"";
        assert_eq!(outcome(steps, "", expected), "test t ... ok");
    }

    const CALLBACK: &str = "answer\ncallback \"vendas\" offer=\"welcome\" confirm=\"voicemail\" enter=\"mailbox-keys\" hours=\"comercial\" {
        booked { play \"thank-you\" }
        declined { play \"closed\" }
        full { play \"queue-full\" }
        failed { play \"holiday\" }
    }";

    #[test]
    fn a_callback_is_offered_confirmed_and_booked() {
        let offered = "hears \"welcome\"\npress \"1\"\nhears \"voicemail\"\nhears \"digit-5\"\n";
        let own = format!("{offered}press \"1\"\nbooks \"vendas\" number=\"+5511999998888\"\nhears \"thank-you\"");
        assert_eq!(outcome(CALLBACK, "", &own), "test t ... ok");
        let silent = format!("{offered}passes \"60s\"\nbooks \"vendas\" number=\"+5511999998888\"");
        assert_eq!(outcome(CALLBACK, "", &silent), "test t ... ok");
        let other = format!(
            "{offered}press \"2\"\nhears \"mailbox-keys\"\npress \"11988887777#\"\nbooks \"vendas\" number=\"11988887777\""
        );
        assert_eq!(outcome(CALLBACK, "", &other), "test t ... ok");
        let full = format!("{offered}press \"1\"\nhears \"queue-full\"");
        assert_eq!(outcome(CALLBACK, "callbacks \"full\"", &full), "test t ... ok");
        let refused = format!("{offered}press \"1\"\nhears \"holiday\"");
        assert_eq!(outcome(CALLBACK, "callbacks \"refused\"", &refused), "test t ... ok");
    }

    #[test]
    fn a_callback_that_is_not_wanted_is_declined() {
        for answer in ["press \"9\"", "passes \"1s\"", "passes \"12s\""] {
            let declined = format!("hears \"welcome\"\n{answer}\nhears \"closed\"");
            assert_eq!(outcome(CALLBACK, "", &declined), "test t ... ok", "{answer}");
        }
        let nothing_typed = "hears \"welcome\"\npress \"1\"\npress \"2\"\nhears \"mailbox-keys\"\nhears \"closed\"";
        assert_eq!(outcome(CALLBACK, "", nothing_typed), "test t ... ok");
    }

    #[test]
    fn who_waits_hears_his_place_and_may_leave_by_a_key() {
        let steps = "queue \"vendas\" up-to=\"65s\" announce-position=\"20s\" music=\"calma\" {\nkey \"2\" { play \"holiday\" }\ntimeout { play \"closed\" }\n}";
        let twice = "hears \"queue-position\"\nhears \"queue-position\"\nhears \"closed\"\n";
        assert_eq!(outcome(steps, "", twice), "test t ... ok");
        let late = "passes \"64s\"\nhears \"closed\" within=\"2s\"";
        assert_eq!(outcome(steps, "", late), "test t ... ok", "announcements do not make the wait longer");
        let told = outcome(steps, "", "passes \"3s\"\npress \"12\"\nhears \"holiday\" within=\"1s\"");
        assert_eq!(told, "test t ... ok", "a key that is no way out does nothing");
        let talking = "agent \"200\" answers after=\"5s\" talks=\"60s\"";
        let pressed = outcome(steps, talking, "passes \"10s\"\npress \"2\"\nhears \"holiday\"");
        assert!(pressed.contains("FAILED"), "keys belong to the talk: {pressed}");
    }
}
