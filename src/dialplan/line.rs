//! The queue in which the caller of a rehearsal waits: its agents are rung one after the other.

use std::time::Duration;

use crate::dialplan::happening::Happening;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::manner::Does;
use crate::dialplan::scene::Scene;
use crate::dialplan::world::Cue;
use crate::dialplan::world::Event;
use crate::dialplan::world::World;

/// Those who are rung, and who is next.
pub(super) struct Line {
    agents: Vec<String>,
    next: usize,
}

/// How long an agent's phone rings before the next one's does.
const AGENT_RINGS: Duration = Duration::from_secs(20);
/// Before the first agent is rung again.
const ROUND_PAUSE: Duration = Duration::from_secs(1);

impl World<'_> {
    pub(super) fn join(&mut self, queue: &str) {
        self.unlink();
        let agents = self.around.signed_in(queue);
        if agents.is_empty() {
            let left = Happening::QueueLeft(QueueOutcome::NobodySignedIn);
            return self.cue(Duration::ZERO, Cue::Linked { link: self.link, happening: left });
        }
        self.waiting = Some(Line { agents, next: 0 });
        self.cue(Duration::ZERO, Cue::RingNext { link: self.link });
    }

    pub(super) fn ring_next(&mut self) {
        let Some(line) = &mut self.waiting else {
            return;
        };
        let link = self.link;
        let agent = line.agents[line.next].clone();
        line.next = (line.next + 1) % line.agents.len();
        let pause = if line.next == 0 { ROUND_PAUSE } else { Duration::ZERO };
        let manner = self.around.manner_of(&agent);
        let rings_for = match manner.does {
            Does::BeBusy | Does::BeAway => return self.cue(pause, Cue::RingNext { link }),
            Does::Answer if manner.after < AGENT_RINGS => {
                self.events.push(Event::Rang(agent));
                let lasts = manner.talks;
                return self.cue(manner.after, Cue::Talk { link, lasts });
            }
            Does::Decline => manner.after.min(AGENT_RINGS),
            Does::Answer | Does::Ignore => AGENT_RINGS,
        };
        self.events.push(Event::Rang(agent));
        self.cue(rings_for + pause, Cue::RingNext { link });
    }
}
