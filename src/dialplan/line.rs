//! The queue in which the caller of a rehearsal waits: its agents are rung one after the other.

use std::time::Duration;

use crate::dialplan::happening::Happening;
use crate::dialplan::happening::QueueOutcome;
use crate::dialplan::manner::Does;
use crate::dialplan::scene::QueueGlance;
use crate::dialplan::scene::Scene;
use crate::dialplan::world::Cue;
use crate::dialplan::world::Event;
use crate::dialplan::world::World;

/// Those who are rung, and who is next.
pub(super) struct Line {
    queue: String,
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
        let waiting = self.around.queue(queue, self.now()).waiting;
        if self.names.max_waiting.get(queue).is_some_and(|most| waiting >= *most) {
            return self.tell_soon(Happening::QueueLeft(QueueOutcome::Full));
        }
        let agents = self.around.signed_in(queue);
        if agents.is_empty() {
            return self.tell_soon(Happening::QueueLeft(QueueOutcome::NobodySignedIn));
        }
        self.waiting = Some(Line { queue: queue.to_owned(), agents, next: 0 });
        self.cue(Duration::ZERO, Cue::RingNext { link: self.link });
    }

    /// Behind all who wait, as conditions and texts see it.
    pub(super) fn tell_position(&mut self) {
        let Some(line) = &self.waiting else {
            return;
        };
        let QueueGlance { waiting, estimated_wait, .. } = self.around.queue(&line.queue, self.now());
        let position = u32::try_from(waiting).unwrap_or(u32::MAX).saturating_add(1);
        self.tell_soon(Happening::Position { position, estimate: estimated_wait });
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

#[cfg(test)]
mod tests {
    use crate::dialplan::config::Config;
    use crate::dialplan::example::names;
    use crate::dialplan::example::program;
    use crate::dialplan::example::start;
    use crate::dialplan::example::with_steps;
    use crate::dialplan::load::load;
    use crate::dialplan::rehearsal::rehearse;
    use crate::dialplan::source::SourceFile;

    fn outcome(above: &str, below: &str) -> String {
        let steps = "queue \"vendas\" up-to=\"90s\" {\nfull { play \"closed\" }\nnobody { play \"holiday\" }\n}";
        let call = "call to=\"+551140031234\"";
        let text = format!("{}test \"t\" {{\n{above}\n{call}\n{below}\n}}\n", with_steps(steps));
        rehearse(&program(&text), &names(), start())[0].to_string()
    }

    #[test]
    fn a_queue_takes_as_many_as_may_wait_in_it() {
        let at_once = "hears \"closed\" within=\"1s\"";
        assert_eq!(outcome("queue \"vendas\" waiting=200", at_once), "test t ... ok");
        let nobody_there = "agent \"200\" away\nagent \"201\" away\nqueue \"vendas\" waiting=200";
        assert_eq!(outcome(nobody_there, at_once), "test t ... ok", "as in a real queue, that it is full counts first");
        let last_place = outcome("queue \"vendas\" waiting=199", "rings \"200\"");
        assert_eq!(last_place, "test t ... ok");
        let turned_away = outcome("queue \"vendas\" waiting=200", "rings \"200\"");
        assert!(turned_away.contains("the queue is full"), "{turned_away}");
    }

    #[test]
    fn the_place_that_is_announced_is_the_one_that_texts_speak_of() {
        let mut names = names();
        let languages = names.languages();
        names.prompts.insert("estimated-wait".to_owned(), languages);
        let told = |above: &str, heard: &str| {
            let steps = with_steps("queue \"vendas\" announce-position=\"10s\" up-to=\"30s\"");
            let call = "call to=\"+551140031234\"\nhears \"queue-position\"";
            let text = format!("{steps}test \"t\" {{\n{above}\n{call}\n{heard}\n}}\n");
            let file = SourceFile { path: "a.kdl".to_owned(), text };
            let program = load(&[file], &names, &Config::default()).unwrap().program;
            rehearse(&program, &names, start())[0].to_string()
        };
        assert_eq!(told("", "hears \"digit-1\" within=\"3s\""), "test t ... ok");
        let others = "queue \"vendas\" waiting=2 estimated-wait=\"4m\"";
        let each = ["digit-3", "estimated-wait", "digit-4"].map(|prompt| format!("hears \"{prompt}\" within=\"3s\""));
        assert_eq!(told(others, &each.join("\n")), "test t ... ok");
    }
}
