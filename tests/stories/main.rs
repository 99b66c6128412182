//! Stories on the virtual clock: the whole PBX with phones, a carrier, a pump and a store that exist only here.
//!
//! One file a story's subject. Time moves by `pbx.advance(..)` alone, so an hour of waiting takes no time and a run is the
//! same every time.

mod bench;
mod features;
mod phone;
mod pump;
mod seen;
mod store;
mod switch;
mod world;

mod addresses;
mod alarms;
mod any_order;
mod blames;
mod callbacks;
mod carriers;
#[path = "../torture/cases.rs"]
mod cases;
mod codes;
mod conditions;
mod conferences;
mod consents;
mod customers;
mod dialplans;
mod dials;
mod drills;
mod effects;
mod encryption;
mod fickle_carriers;
mod handed_on;
mod handed_over;
mod incidents;
mod lamps;
mod late_offers;
mod lookups;
mod mailboxes;
#[path = "../../src/sip/mutation.rs"]
mod mutation;
mod outages;
mod parking;
mod passwords;
mod pick_ups;
mod placed_calls;
mod recordings;
mod refusals;
mod registrations;
mod rehearsed;
mod sessions;
mod silences;
mod softphones;
mod texts;
mod torture;
mod transfers;
#[path = "../../src/sip/agent/tests/weather.rs"]
mod weather;
mod whatsapp_calls;
mod who_calls;
