//! Carries out what the switch wants done. Nothing here decides, and nothing here waits.

use std::time::Instant;

use crate::api::feed::Feed;
use crate::io::media::pump::Pump;
use crate::io::resolve::Found;
use crate::io::sip::Sockets;
use crate::media::command::Event;
use crate::server::ask::Asking;
use crate::server::couriers::Couriers;
use crate::server::dialplans::Keeper;
use crate::server::errands::Errands;
use crate::server::metrics;
use crate::server::peers::Peers;
use crate::sip::hop::Hop;
use crate::store::writer::Write;
use crate::store::writer::Writer;
use crate::switch::effect::Effect;
use crate::switch::effect::Keep;
use crate::switch::input::Resolved;

pub(super) struct Hands {
    pub(super) sockets: Sockets,
    pub(super) pump: Pump,
    pub(super) writer: Writer,
    pub(super) feed: Feed,
    pub(super) couriers: Couriers,
    pub(super) peers: Peers,
    pub(super) errands: Errands,
    pub(super) dialplans: Keeper,
    pub(super) asking: Asking,
}

impl Hands {
    /// What the pump has to say at once is returned: it belongs into the same turn.
    pub(super) fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Sip(transmit) => self.sockets.send(transmit),
            Effect::Media(command) => return self.pump.tell(command),
            Effect::Http { ticket, request } => self.errands.http(ticket, request),
            Effect::Resolve { trunk, host, port, transport, dice } => {
                self.errands.resolve(trunk, host, port, transport, dice);
            }
            Effect::Probe(due) => self.errands.probe(due),
            Effect::Speak { ticket, text, language } => self.errands.speak(ticket, text, language),
            Effect::LookUp { ticket, query } => self.errands.look_up(ticket, query),
            Effect::StopLookingUp { ticket } => self.errands.stop_looking_up(ticket),
            Effect::ListVoicemails { ticket, mailbox } => self.errands.list_voicemails(ticket, mailbox),
            Effect::LoadSound { ticket, path } => self.errands.load_sound(ticket, path),
            Effect::ReadDialplan { ticket, errand, running } => self.dialplans.carry_out(ticket, errand, running),
            Effect::RemoveFile { path } => self.errands.remove_file(path),
            Effect::Notify { voicemail } => self.errands.notify(voicemail),
            Effect::Keep(keep) => self.writer.write(written(keep)),
            Effect::Answer { ticket, answer } => self.asking.answer(ticket, answer),
            Effect::Publish(event) => {
                self.couriers.publish(&event);
                self.feed.publish(event);
            }
            Effect::TellPeers { channel, says, reason } => self.peers.tell(&channel, says, &reason),
        }
        None
    }

    /// The places of a trunk as hops; those that no socket of ours can reach are left out.
    pub(super) fn hops(&mut self, trunk: &str, found: &Found, now: Instant) -> Result<Resolved, String> {
        let Found { places, lasts } = found;
        self.sockets.place_trunk(trunk, places.iter().map(|place| place.address));
        let hops: Vec<Hop> =
            places.iter().filter_map(|place| self.sockets.hop_towards(place.transport, place.address, now)).collect();
        match (hops.is_empty(), places.first()) {
            (true, Some(place)) => Err(format!(
                "no listener of ours can reach {} over {}; see `[sip] listen`",
                place.address, place.transport
            )),
            _ => Ok(Resolved { hops, lasts: *lasts }),
        }
    }
}

fn written(keep: Keep) -> Write {
    match keep {
        Keep::Record(record) => {
            metrics::on_record(&record);
            Write::Record(record)
        }
        Keep::Message(message) => Write::Message(message),
        Keep::Receipt { channel, provider_id, delivery } => Write::Receipt { channel, provider_id, delivery },
        Keep::Binding(binding) => Write::Binding(binding),
        Keep::ForgetBinding { extension, contact } => Write::ForgetBinding { extension, contact },
        Keep::Channel { name, snapshot } => Write::Channel { name, snapshot },
        Keep::Voicemail(voicemail) => Write::Voicemail(voicemail),
        Keep::ForgetVoicemail { id } => Write::ForgetVoicemail { id },
        Keep::Recording(recording) => Write::Recording(recording),
        Keep::ForgetRecording { id } => Write::ForgetRecording { id },
        Keep::Callback(callback) => Write::Callback(callback),
        Keep::ForgetCallback { id } => Write::ForgetCallback { id },
        Keep::Incident(incident) => Write::Incident(incident),
    }
}
