//! The text of a scenario: one statement a line, `#` begins a comment. `docs/outages.md` tells the words.

use std::time::Duration;

use jiff::Timestamp;

use crate::outage::ChannelState;
use crate::outage::Evidence;
use crate::outage::Layer;
use crate::outage::Role;
use crate::outage::backtest::scenario::Answer;
use crate::outage::backtest::scenario::Asked;
use crate::outage::backtest::scenario::Expected;
use crate::outage::backtest::scenario::Extent;
use crate::outage::backtest::scenario::Felt;
use crate::outage::backtest::scenario::Mark;
use crate::outage::backtest::scenario::Rule;
use crate::outage::backtest::scenario::Scenario;
use crate::outage::backtest::scenario::Selector;
use crate::outage::blame::Blame;
use crate::outage::config::Config;
use crate::outage::fault::Fault;
use crate::outage::probe::Probe;
use crate::outage::vantage::Resolver;
use crate::outage::vantage::Vantage;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct ScenarioFault {
    pub line: usize,
    pub fault: String,
}

/// A day of more lines was not written by hand.
const MOST_LINES: usize = 10_000;

/// Longer days belong in the noise, not in a file.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

const SHORTEST_PACE: Duration = Duration::from_secs(1);
const LONGEST_PACE: Duration = Duration::from_secs(24 * 3600);

impl Scenario {
    /// The first fault is told with its line.
    pub fn read(text: &str) -> Result<Scenario, ScenarioFault> {
        let mut reader = Reader::default();
        for (number, line) in text.lines().enumerate() {
            let at = |fault| ScenarioFault { line: number + 1, fault };
            if number >= MOST_LINES {
                return Err(at(format!("a scenario has at most {MOST_LINES} lines")));
            }
            reader.take(line.trim()).map_err(at)?;
        }
        reader.finish().map_err(|fault| ScenarioFault { line: text.lines().count(), fault })
    }
}

#[derive(Debug, Default)]
struct Reader {
    title: String,
    sources: Vec<String>,
    begin: Option<Timestamp>,
    lasts: Option<Duration>,
    every: Option<Duration>,
    timeout: Option<Duration>,
    detector: String,
    probes: Vec<Probe>,
    felt: Option<(Duration, Extent)>,
    healed: Option<Duration>,
    expected: Option<Expected>,
    rules: Vec<Rule>,
    words: Vec<(Duration, Evidence)>,
}

type Read<T> = Result<T, String>;

impl Reader {
    fn take(&mut self, line: &str) -> Read<()> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "" => {}
            comment if comment.starts_with('#') => {}
            "title" => self.title = rest.to_owned(),
            "source" => self.sources.push(rest.to_owned()),
            "begin" => self.begin = Some(rest.parse().map_err(|_| format!("`{rest}` is no time in UTC"))?),
            "end" => self.lasts = Some(self.time(rest)?),
            "every" => self.every = Some(pace(rest)?),
            "timeout" => self.timeout = Some(pace(rest)?),
            "detector" => self.detector.push_str(&format!("{rest}\n")),
            "probe" => self.probes.push(probe(&tokens(rest)?)?),
            "felt" => self.felt = Some(self.felt(rest)?),
            "healed" => self.healed = Some(self.time(rest)?),
            "expect" => self.expected = Some(expected(rest)?),
            time => self.rule(time, &tokens(rest)?)?,
        }
        Ok(())
    }

    fn finish(self) -> Read<Scenario> {
        let begin = self.begin.ok_or("`begin` is missing")?;
        let lasts = self.lasts.ok_or("`end` is missing")?;
        if self.probes.is_empty() && self.words.is_empty() {
            return Err("nothing is probed: a `probe` is missing".to_owned());
        }
        let detector = match self.detector.is_empty() {
            true => None,
            false => Some(toml::from_str::<Config>(&self.detector).map_err(|error| error.message().to_owned())?),
        };
        let mut rules = self.rules;
        rules.sort_by_key(|rule| rule.from);
        let mut words = self.words;
        words.sort_by_key(|(at, _)| *at);
        Ok(Scenario {
            title: self.title,
            sources: self.sources,
            begin,
            lasts,
            every: self.every.unwrap_or(Duration::from_secs(10)),
            timeout: self.timeout.unwrap_or(Duration::from_secs(5)),
            detector,
            probes: self.probes,
            felt: self.felt.map(|(from, extent)| Felt { from, until: self.healed, extent }),
            expected: self.expected.unwrap_or(Expected { state: ChannelState::Up, blame: Blame::None }),
            rules,
            words,
        })
    }

    /// `15:39`, `15:39:30` after `begin`, on the next day where it would be before it; or `+90s`.
    fn time(&self, text: &str) -> Read<Duration> {
        let begin = self.begin.ok_or("`begin` must come before any time")?;
        let fault = || format!("`{text}` is neither a word of a scenario nor a time, such as 15:39 or +90s");
        let after = match text.strip_prefix('+') {
            Some(after) => span(after)?,
            None => {
                let mut parts = text.split(':').map(|part| part.parse::<u32>().map_err(|_| fault()));
                let mut next = || parts.next().unwrap_or(Ok(0));
                let (hours, minutes, seconds) = (next()?, next()?, next()?);
                if !text.contains(':') || parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 {
                    return Err(fault());
                }
                let of_day = i64::from(hours * 3600 + minutes * 60 + seconds);
                let since = (of_day - begin.as_second()).rem_euclid(24 * 3600);
                Duration::from_secs(since.unsigned_abs())
            }
        };
        match after <= LONGEST {
            true => Ok(after),
            false => Err("a scenario lasts a month at most".to_owned()),
        }
    }

    fn felt(&self, text: &str) -> Read<(Duration, Extent)> {
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            [time, "total"] => Ok((self.time(time)?, Extent::Total)),
            [time, "partial"] => Ok((self.time(time)?, Extent::Partial)),
            _ => Err(format!("`felt {text}`: write `felt 15:39 total` or `felt 15:39 partial`")),
        }
    }

    /// `15:58 anchor dns *facebook* servfail 80% "why"`, `16:10 made say report partner reported`
    fn rule(&mut self, time: &str, tokens: &[&str]) -> Read<()> {
        let from = self.time(time)?;
        let (mark, rest) = match tokens {
            ["anchor", rest @ ..] => (Mark::Anchor, rest),
            ["reconstruction", rest @ ..] => (Mark::Reconstruction, rest),
            ["made", rest @ ..] => (Mark::Made, rest),
            _ => return Err("after the time comes `anchor`, `reconstruction` or `made`".to_owned()),
        };
        if let ["say", rest @ ..] = rest {
            let evidence = word(rest, self.begin.unwrap_or_default(), from)?;
            self.words.push((from, evidence));
            return Ok(());
        }
        let [layers, target, rest @ ..] = rest else {
            return Err("a rule names a layer (or `*`) and a target (or `*`)".to_owned());
        };
        let mut who = Selector {
            layers: layers_of(layers)?,
            target: (*target).to_owned(),
            role: Some(Role::Channel),
            vantage: Vantage::Here,
            asked: Asked::Anybody,
        };
        let rest = narrow(&mut who, rest)?;
        let (answer, share) = answer(rest)?;
        self.rules.push(Rule { from, mark, who, answer, share });
        Ok(())
    }
}

/// Words in double quotes are one.
fn tokens(text: &str) -> Read<Vec<&str>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (token, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quotation mark is missing")?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn span(text: &str) -> Read<Duration> {
    humantime::parse_duration(text).map_err(|error| format!("`{text}`: {error}"))
}

/// A pace of nothing would take for ever.
fn pace(text: &str) -> Read<Duration> {
    let pace = span(text)?;
    match (SHORTEST_PACE..=LONGEST_PACE).contains(&pace) {
        true => Ok(pace),
        false => Err(format!("`{text}`: probes are asked, and given up, after 1 s at least and a day at most")),
    }
}

fn layer(text: &str) -> Read<Layer> {
    let known = Layer::ALL.into_iter().find(|layer| layer.as_str() == text);
    known.ok_or_else(|| {
        let all = Layer::ALL.map(Layer::as_str).join(", ");
        format!("`{text}` is no layer: {all}")
    })
}

fn layers_of(text: &str) -> Read<Vec<Layer>> {
    match text {
        "*" => Ok(Vec::new()),
        several => several.split(',').map(layer).collect(),
    }
}

/// `probe dns graph.facebook.com other:1.1.1.1 path:lte control`
fn probe(tokens: &[&str]) -> Read<Probe> {
    let [kind, target, rest @ ..] = tokens else {
        return Err("write `probe LAYER TARGET`".to_owned());
    };
    let mut probe = Probe::new(layer(kind)?, target, Role::Channel);
    for option in rest {
        if *option == "control" {
            probe.control = true;
        } else if let Ok(vantage) = option.parse::<Vantage>() {
            probe.vantage = vantage;
        } else if let Ok(resolver) = option.parse::<Resolver>() {
            probe.resolver = Some(resolver);
        } else {
            return Err(format!(
                "`{option}`: after the target come `control`, `path:NAME`, `ours`, `other:NAME`, `authoritative`"
            ));
        }
    }
    Ok(probe)
}

fn narrow<'a, 'b>(who: &mut Selector, mut tokens: &'a [&'b str]) -> Read<&'a [&'b str]> {
    while let [option, rest @ ..] = tokens {
        match *option {
            "control" => who.role = Some(Role::Control),
            "everybody" => who.role = None,
            "ours" => who.asked = Asked::Ours,
            "others" => who.asked = Asked::Others,
            "authoritative" => who.asked = Asked::Authoritative,
            other => match other.parse::<Vantage>() {
                Ok(vantage) => who.vantage = vantage,
                Err(_) => return Ok(tokens),
            },
        }
        tokens = rest;
    }
    Ok(tokens)
}

/// `answers`, `answers 3s`, `timeout`, `503 60% "why"`
fn answer(tokens: &[&str]) -> Read<(Answer, u8)> {
    let [what, rest @ ..] = tokens else {
        return Err("the rule does not say what is answered".to_owned());
    };
    if *what == "answers" {
        let took = rest.first().map_or(Ok(Duration::from_millis(30)), |took| span(took))?;
        return Ok((Answer::Answered { took }, 100));
    }
    let fault = fault(what)?;
    let (mut share, mut why) = (100, fault.to_string());
    for option in rest {
        match option.strip_suffix('%').map(str::parse::<u8>) {
            Some(Ok(percent @ 0..=100)) => share = percent,
            Some(_) => return Err(format!("`{option}` is no share: 0% to 100%")),
            None => why = (*option).to_owned(),
        }
    }
    Ok((Answer::Failed { fault, why }, share))
}

/// A bare number is an HTTP status.
fn fault(text: &str) -> Read<Fault> {
    match text.parse::<u16>() {
        Ok(code) => Ok(Fault::Status(code)),
        Err(_) => text.parse::<Fault>().map_err(|error| error.to_string()),
    }
}

/// `report partner outside:partner reported "no message arrives"`
fn word(tokens: &[&str], begin: Timestamp, after: Duration) -> Read<Evidence> {
    let [kind, target, rest @ ..] = tokens else {
        return Err("write `say LAYER WHO OUTCOME`".to_owned());
    };
    let mut probe = Probe::new(layer(kind)?, target, Role::Channel);
    let mut rest = rest;
    if let [first, others @ ..] = rest
        && let Ok(vantage) = first.parse::<Vantage>()
    {
        probe.vantage = vantage;
        rest = others;
    }
    let (answer, _) = answer(rest)?;
    let at = begin.checked_add(after).map_err(|_| "the time is out of range".to_owned())?;
    Ok(probe.evidence(answer.outcome(), at))
}

/// `down channel`, `degraded our-credential`, `up our-line`
fn expected(text: &str) -> Read<Expected> {
    let fault = || format!("`expect {text}`: write `expect STATE BLAME`, such as `expect down channel`");
    let (state, blame) = text.split_once(' ').ok_or_else(fault)?;
    let state = ChannelState::ALL.into_iter().find(|known| known.as_str() == state).ok_or_else(fault)?;
    let blame = Blame::ALL.into_iter().find(|known| known.as_str() == blame.trim()).ok_or_else(fault)?;
    Ok(Expected { state, blame })
}
