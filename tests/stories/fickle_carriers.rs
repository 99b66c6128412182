//! Carriers that fail at random: whatever they do, every call ends, leaves one record, and goes on to the next trunk exactly
//! where the trunk failed and not the callee.

use desvio::sip::headers::Name;
use desvio::sip::method::Method;
use desvio::switch::command::Answer;
use desvio::switch::command::Command;

use crate::bench::Bench;
use crate::bench::PhoneId;
use crate::bench::secs;

/// Each seed is another day.
const DAYS: u64 = 60;
const CALLS: usize = 12;

const NAMES: [&str; 3] = ["norte", "centro", "sul"];
const ADDRESSES: [&str; 3] = ["203.0.113.11:5060", "203.0.113.12:5060", "203.0.113.13:5060"];
const NUMBER: &str = "+5521988887777";
const PLAN: &str = "number \"+551140031234\" flow=\"entrada\"\n\
    route \"+*\" {\n    trunk \"norte\"\n    then \"centro\"\n    then \"sul\"\n}\nflow \"entrada\" { dial \"200\" }\n";

/// What a carrier does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Nothing is heard of it.
    Silent,
    /// It says that it cannot, with one of these.
    Fails(u16),
    /// The callee is busy or says no.
    Refused(u16),
    Answers,
    /// It rings, and nobody is at home.
    Rings,
    /// It rings, and then the carrier breaks.
    RingsAndFails,
}

impl Mood {
    fn any(rng: &mut fastrand::Rng) -> Mood {
        match rng.u32(..8) {
            0 | 1 => Mood::Silent,
            2 | 3 => Mood::Fails([500, 503, 502, 403, 488][rng.usize(..5)]),
            4 => Mood::Refused([486, 603, 404, 480][rng.usize(..4)]),
            5 => Mood::Answers,
            6 => Mood::Rings,
            _ => Mood::RingsAndFails,
        }
    }

    fn leads_on(self) -> bool {
        matches!(self, Mood::Silent | Mood::Fails(_))
    }
}

struct Day {
    pbx: Bench,
    rng: fastrand::Rng,
    ana: PhoneId,
    carriers: [PhoneId; 3],
}

impl Day {
    fn begin(seed: u64) -> Day {
        let trunks: String = NAMES
            .iter()
            .zip(ADDRESSES)
            .map(|(name, address)| {
                let host = address.trim_end_matches(":5060");
                format!("[[trunk]]\nname = \"{name}\"\nhost = \"{host}\"\noptions_every = \"0s\"\n")
            })
            .collect();
        let config = include_str!("../data/bench.toml");
        let mut pbx = Bench::build(&format!("{config}\n{trunks}"), PLAN);
        let carriers = ADDRESSES.map(|address| pbx.add("carrier", address.parse().expect("an address"), None));
        let ana = pbx.registered("200");
        pbx.note(&format!("seed {seed}"));
        Day { pbx, rng: fastrand::Rng::with_seed(seed), ana, carriers }
    }

    /// One call; the carriers that heard of it, and what each made of it.
    fn call(&mut self) -> (Vec<usize>, Vec<Mood>) {
        let moods: Vec<Mood> = NAMES.iter().map(|_| Mood::any(&mut self.rng)).collect();
        self.pbx.note(&format!("{moods:?}"));
        let addresses = self.carriers;
        for (mood, carrier) in moods.iter().zip(addresses) {
            let phone = &mut self.pbx.phones[carrier.0];
            phone.script.clear();
            phone.requests.clear();
            match mood {
                Mood::Fails(status) | Mood::Refused(status) => phone.will_answer(Method::Invite, *status, &[]),
                Mood::Silent | Mood::Answers | Mood::Rings | Mood::RingsAndFails => {}
            }
            phone.vanished = *mood == Mood::Silent;
        }
        self.pbx.calls(self.ana, None, NUMBER);
        let mut tried = Vec::new();
        // Four seconds of silence for each, and time to ring.
        for _ in 0..20 {
            self.pbx.advance(secs(1));
            for (index, carrier) in addresses.into_iter().enumerate() {
                if self.pbx.phones[carrier.0].ringing.is_some() && !tried.contains(&index) {
                    tried.push(index);
                    self.reacts(carrier, moods[index]);
                }
            }
        }
        (tried, moods)
    }

    fn reacts(&mut self, carrier: PhoneId, mood: Mood) {
        match mood {
            Mood::Answers => {
                self.pbx.picks_up(carrier);
                self.pbx.are_talking(self.ana, carrier);
            }
            Mood::RingsAndFails => self.pbx.declines(carrier, 503),
            _ => {}
        }
    }

    fn hangs_up(&mut self) {
        if self.pbx.phones[self.ana.0].session.is_some() {
            self.pbx.hangs_up(self.ana);
        }
        self.carriers.into_iter().for_each(|carrier| self.pbx.phones[carrier.0].vanished = false);
        self.pbx.advance(secs(40));
    }
}

#[test]
fn whatever_carriers_do_a_call_goes_on_only_where_the_trunk_failed_and_leaves_one_record() {
    let (mut talks, mut went_on) = (0, 0);
    for seed in 0..DAYS {
        let mut day = Day::begin(seed);
        for number in 1..=CALLS {
            let (rang, moods) = day.call();
            let decides = moods.iter().position(|mood| !mood.leads_on());
            let expected: Vec<usize> =
                decides.filter(|at| !matches!(moods[*at], Mood::Refused(_))).into_iter().collect();
            assert_eq!(rang, expected, "{}", day.pbx.trace);
            talks += usize::from(decides.is_some_and(|at| moods[at] == Mood::Answers));
            went_on += usize::from(decides.is_some_and(|at| at > 0));
            day.hangs_up();
            day.pbx.all_is_quiet();
            assert_eq!(day.pbx.store.records.len(), number, "{}", day.pbx.trace);
            let record = day.pbx.store.records.last().expect("a record");
            let tried: Vec<&str> = record.legs.iter().filter_map(|leg| leg.trunk.as_deref()).collect();
            let last = decides.unwrap_or(NAMES.len() - 1);
            assert_eq!(tried, NAMES[..=last], "{:?}\n{}", record.steps, day.pbx.trace);
            assert_eq!(record.trunk.as_deref(), Some(NAMES[last]));
        }
        let Ok(Answer::Status(status)) = day.pbx.asks(Command::Status) else { panic!("no status") };
        assert!(status.trunks.iter().all(|trunk| trunk.calls == 0), "{:?}", status.trunks);
    }
    assert!(talks > 20 && went_on > 100, "otherwise these days would prove nothing: {talks} talks, {went_on} went on");
}

#[test]
fn who_hangs_up_in_the_middle_of_the_search_leaves_nothing_at_any_carrier() {
    for seed in 0..DAYS {
        let mut day = Day::begin(seed);
        for number in 1..=4 {
            for carrier in day.carriers {
                let phone = &mut day.pbx.phones[carrier.0];
                phone.script.clear();
                phone.vanished = day.rng.bool();
                if day.rng.bool() {
                    phone.will_answer(Method::Invite, 503, &[(Name::RetryAfter, "1")]);
                }
            }
            day.pbx.calls(day.ana, None, NUMBER);
            day.pbx.advance(std::time::Duration::from_millis(day.rng.u64(..15_000)));
            day.hangs_up();
            day.pbx.all_is_quiet();
            assert_eq!(day.pbx.store.records.len(), number, "{}", day.pbx.trace);
            assert!(
                day.carriers.iter().all(|carrier| day.pbx.phones[carrier.0].ringing.is_none()),
                "{}",
                day.pbx.trace
            );
        }
    }
}
