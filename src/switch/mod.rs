//! The whole PBX as ONE machine: who gets which input, which number leads to which flow, and the trunks.
//!
//! One task owns the [`Switch`] and calls it with everything that happens, in the order in which it happens. So there are
//! no locks, and a run can be told again from its inputs. It never touches the world: it says what it wants done.
//!
//! | file | decides |
//! |---|---|
//! | `machine` | the four methods, and which part an input belongs to |
//! | `signalling` | what a SIP request may do: register, call, text |
//! | `senders` | who sent a request: a trunk, or an extension that signs in |
//! | `incoming` | where a called number leads |
//! | `doorman` | who guesses passwords, and is not listened to for a while |
//! | `sessions` | whose leg each SIP session is |
//! | `transfers` | REFER and Replaces: who may hand a call over to whom |
//! | `lamps` | who is told of whose calls, presence and messages |
//! | `mailboxes` | how many messages wait |
//! | `trunk`, `trunks` | whom we trust by address, where a trunk is and whether it answers, how many calls it carries |
//! | `identity` | who a call comes from, and what a trunk is told of it |
//! | `ways` | the phones and trunks by which somebody is reached |
//! | `desk` | what calls may look up |
//! | `calls` | the running calls: carries out what each wants |
//! | `queueing`, `callbacks` | what calls and queues tell each other; who is called back, and what came of it |
//! | `lookups` | what calls ask other programs |
//! | `lot` | who is parked in which slot |
//! | `conferences` | who is in which conference and may speak there |
//! | `messages` | texts in and out |
//! | `channels` | when to probe, what follows from a change of state |
//! | `dialplans` | which dialplan new calls walk |
//! | `alarm` | who is told of it, by text and call |
//! | `drills` | exercises, and what they find |
//! | `incidents` | which outages go on, and what happens to customers meanwhile |
//! | `traffic` | what our own texts say of a channel |
//! | `gauges` | what `/metrics` shows |
//! | `commands` | what the API may ask |
//!
//! [`Switch`]: machine::Switch

pub mod alarm;
mod callbacks;
mod calls;
mod channels;
pub mod command;
mod commands;
mod conference_orders;
mod conferences;
pub mod desk;
mod dialplans;
mod doorman;
mod drill_orders;
mod drills;
pub mod effect;
pub mod event_kinds;
pub mod gauges;
mod identity;
mod incident_orders;
mod incidents;
mod incoming;
pub mod input;
mod lamps;
mod lookups;
mod lot;
pub mod machine;
mod mailboxes;
mod measuring;
mod messages;
mod networks;
pub mod pins;
mod proven;
mod queueing;
mod recordings;
mod senders;
mod sessions;
mod signalling;
mod supervisions;
mod traffic;
mod transfers;
pub mod trunk;
mod trunk_errands;
pub mod trunks;
mod ways;
