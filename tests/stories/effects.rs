//! What the switch orders, carried out: the disk, the names, the voices and the programs of the bench.

use std::net::SocketAddr;
use std::sync::Arc;

use desvio::media::clip::Clip;
use desvio::sip::hop::Hop;
use desvio::sip::hop::Transport;
use desvio::switch::effect::Effect;
use desvio::switch::input::Errand;
use desvio::switch::input::Input;
use desvio::switch::input::Reread;
use desvio::switch::input::Resolved;
use desvio::switch::input::Unread;

use crate::bench::Bench;
use crate::bench::SERVER;
use crate::bench::secs;
use crate::switch::checked;

impl Bench {
    pub(crate) fn carry_out(&mut self, effect: Effect) {
        let now = self.now;
        if let Some(held) = &mut self.held
            && matches!(effect, Effect::ListVoicemails { .. } | Effect::LoadSound { .. })
        {
            return held.push(effect);
        }
        match effect {
            Effect::Sip(transmit) => self.deliver(transmit),
            Effect::Media(command) => {
                for event in self.pump.carry_out(command, now) {
                    self.switch.handle(Input::Media(event), now);
                }
            }
            Effect::Http { ticket, request } => self.http.push((ticket, request)),
            Effect::Resolve { trunk, host, port, .. } => {
                let result = self.resolved(&host, port.unwrap_or(5060));
                self.switch.handle(Input::Resolved { trunk, result }, now);
            }
            Effect::Probe(due) => self.probe(due),
            Effect::Speak { ticket, .. } => {
                self.switch.handle(Input::Spoken { ticket, result: Err("this bench has no voice".to_owned()) }, now);
            }
            Effect::LookUp { ticket, query } => self.questions.push((ticket, query)),
            Effect::StopLookingUp { ticket } => self.questions.retain(|(asked, _)| *asked != ticket),
            Effect::ListVoicemails { ticket, mailbox } => {
                let messages =
                    self.store.voicemails.iter().filter(|message| message.mailbox == mailbox).cloned().collect();
                self.switch.handle(Input::Voicemails { ticket, messages }, now);
            }
            Effect::LoadSound { ticket, path } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let clip = Clip::from_pcm(&name, vec![1000; 16_000], 8_000);
                self.switch.handle(Input::Loaded { ticket, result: Ok(Arc::new(clip)) }, now);
            }
            Effect::ReadDialplan { ticket, errand, .. } => {
                let plan = match errand {
                    Errand::RollBack => self.earlier.clone(),
                    Errand::Reload(_) | Errand::Compare => Some(self.on_disk.clone()),
                };
                let read = plan.map(|plan| checked(&self.config, &plan).map_err(Unread::Faults));
                let result = read.unwrap_or(Err(Unread::NothingEarlier));
                let prompts = self.prompts_on_disk.clone().map(Box::new);
                let result = result.map(|checked| Reread { checked, prompts });
                self.switch.handle(Input::DialplanRead { ticket, errand, result }, now);
            }
            Effect::RemoveFile { path } => self.removed.push(path),
            Effect::Notify { voicemail } => {
                let result = self.mail_fails.clone().map_or(Ok(()), Err);
                self.switch.handle(Input::Notified { voicemail, result }, now);
            }
            Effect::Keep(keep) => self.keep(keep),
            Effect::Answer { ticket, answer } => self.answers.push_back((ticket, answer)),
            Effect::Publish(event) => self.events.push(event),
            Effect::TellPeers { channel, says, .. } => self.told_to_peers.push((channel, says)),
        }
    }

    fn resolved(&self, host: &str, port: u16) -> Result<Resolved, String> {
        let remotes = match (host.parse(), self.names.get(host)) {
            (Ok(ip), _) => vec![SocketAddr::new(ip, port)],
            (Err(_), Some(known)) => known.clone(),
            (Err(_), None) => return Err(format!("nobody knows {host}")),
        };
        let hop = |remote| Hop {
            transport: Transport::Udp,
            local: SERVER.parse().expect("an address"),
            remote,
            connection: None,
        };
        Ok(Resolved { hops: remotes.into_iter().map(hop).collect(), lasts: secs(60) })
    }
}
