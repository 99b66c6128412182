//! What stands in for other programs in a rehearsal: fixed answers to questions that fit.

use std::time::Duration;

use crate::dialplan::lookup;
use crate::dialplan::lookup::Findings;
use crate::dialplan::lookup::LookUpFailure;
use crate::dialplan::lookup::Wanted;

/// `http "GET" "https://…" gives="{…}"` in a test.
#[derive(Debug, Clone)]
pub(super) struct StandIn {
    method: String,
    url: String,
    pub(super) after: Duration,
    gives: Result<String, LookUpFailure>,
}

/// The words of `fails`.
pub(super) const FAILURES: &[&str] = &["timed-out", "unreachable", "too-large", "redirected"];

pub(super) fn failure(word: &str) -> LookUpFailure {
    match word {
        "timed-out" => LookUpFailure::TimedOut,
        "too-large" => LookUpFailure::TooLarge,
        "redirected" => LookUpFailure::Redirected,
        _ => LookUpFailure::Unreachable,
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
    pub(super) fn new(method: String, url: String, after: Duration, gives: Result<String, LookUpFailure>) -> StandIn {
        StandIn { method, url, after, gives }
    }

    pub(super) fn fits(&self, method: &str, url: &str) -> bool {
        self.method == method && fits(&self.url, url)
    }

    /// Read as a real answer is read.
    pub(super) fn answer(&self, wanted: &[Wanted]) -> Findings {
        self.gives.as_ref().map_err(|failure| *failure).and_then(|body| lookup::read(body.as_bytes(), wanted))
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
}
