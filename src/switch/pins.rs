//! `[[mailbox]]`: the PINs of mailboxes, and how often they, and those of conferences, may be guessed at.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use std::time::Instant;

use serde::Deserialize;

/// `[[mailbox]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// As a dialplan's `voicemail` and `mailbox` name it.
    pub name: String,
    /// What others than the phones of its owner type to listen, 4 to 16 digits. Default: they may not.
    #[serde(default)]
    pub pin: Option<Pin>,
}

/// Shown nowhere.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pin(String);

impl TryFrom<String> for Pin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Pin, &'static str> {
        let fits = (4..=16).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        if fits { Ok(Pin(text)) } else { Err("a PIN has 4 to 16 digits and stands in quotation marks") }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// Wrong PINs of one mailbox or conference that are borne, whoever types them, within [`WITHIN`]; after them no PIN is right for that long.
const MOST_WRONG: u32 = 10;
const WITHIN: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Default)]
pub(super) struct Pins {
    pin_by_mailbox: BTreeMap<String, Pin>,
    /// Only of mailboxes that have a PIN.
    guesses: Guesses,
}

/// What was typed wrong lately, by whomever.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    wrong_by_name: BTreeMap<String, Wrong>,
}

#[derive(Debug)]
struct Wrong {
    since: Instant,
    times: u32,
}

impl Pins {
    pub(super) fn new(mailboxes: &[Config]) -> Pins {
        let pins = mailboxes.iter().filter_map(|mailbox| Some((mailbox.name.clone(), mailbox.pin.clone()?)));
        Pins { pin_by_mailbox: pins.collect(), guesses: Guesses::default() }
    }

    /// None: the mailbox has no PIN.
    pub(super) fn fits(&self, mailbox: &str, typed: &str, now: Instant) -> Option<bool> {
        let pin = self.pin_by_mailbox.get(mailbox)?;
        Some(pin.0 == typed && !self.guesses.are_too_many(mailbox, now))
    }

    pub(super) fn on_wrong(&mut self, mailbox: &str, now: Instant) {
        if self.pin_by_mailbox.contains_key(mailbox) {
            self.guesses.on_wrong(mailbox, now);
        }
    }
}

impl Guesses {
    /// For a while no PIN is right there.
    pub(super) fn are_too_many(&self, name: &str, now: Instant) -> bool {
        let wrong = self.wrong_by_name.get(name);
        wrong.is_some_and(|wrong| wrong.times >= MOST_WRONG && now - wrong.since < WITHIN)
    }

    pub(super) fn on_wrong(&mut self, name: &str, now: Instant) {
        self.wrong_by_name.retain(|_, wrong| now - wrong.since < WITHIN);
        let wrong = self.wrong_by_name.entry(name.to_owned()).or_insert(Wrong { since: now, times: 0 });
        wrong.times += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_that_is_guessed_at_opens_nothing_for_a_while() {
        let config: Config = toml::from_str("name = \"geral\"\npin = \"4711\"").unwrap();
        assert!(!format!("{config:?}").contains("4711"));
        let mut pins = Pins::new(&[config]);
        #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for virtual time")]
        let now = Instant::now();
        assert_eq!(pins.fits("geral", "4711", now), Some(true));
        assert_eq!(pins.fits("outra", "", now), None);
        for _ in 0..MOST_WRONG {
            assert_eq!(pins.fits("geral", "1", now), Some(false));
            pins.on_wrong("geral", now);
        }
        assert_eq!(pins.fits("geral", "4711", now), Some(false));
        assert_eq!(pins.fits("geral", "4711", now + WITHIN), Some(true));
        for wrong in ["12", "12ab", "12345678901234567"] {
            let fault = toml::from_str::<Config>(&format!("name = \"x\"\npin = \"{wrong}\"")).unwrap_err();
            assert!(!fault.message().contains(wrong), "{fault}");
        }
    }
}
