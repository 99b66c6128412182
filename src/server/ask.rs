//! Which answer of the switch goes to which waiting API request.

use std::collections::HashMap;

use tokio::sync::oneshot;

use crate::api::Asked;
use crate::switch::command::Answer;
use crate::switch::command::Problem;
use crate::switch::input::Input;
use crate::switch::input::Ticket;

/// Requests that were given up are swept out when this many wait.
const SWEEP_AT: usize = 256;

type Reply = oneshot::Sender<Result<Answer, Problem>>;

#[derive(Debug, Default)]
pub(super) struct Asking {
    waiting: HashMap<Ticket, Reply>,
    asked: u64,
}

impl Asking {
    pub(super) fn take(&mut self, (command, reply): Asked) -> Input {
        if self.waiting.len() >= SWEEP_AT {
            self.waiting.retain(|_, reply| !reply.is_closed());
        }
        // Ours are odd, the switch's own are even: neither meets the other's.
        let ticket = Ticket(self.asked * 2 + 1);
        self.asked += 1;
        self.waiting.insert(ticket, reply);
        Input::Command { ticket, command }
    }

    pub(super) fn answer(&mut self, ticket: Ticket, answer: Result<Answer, Problem>) {
        if let Some(reply) = self.waiting.remove(&ticket) {
            // Whoever asked may have hung up meanwhile.
            let _ = reply.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switch::command::Command;

    #[test]
    fn each_answer_reaches_the_one_who_asked() {
        let mut asking = Asking::default();
        let (first, mut first_hears) = oneshot::channel();
        let (second, mut second_hears) = oneshot::channel();
        let Input::Command { ticket: one, .. } = asking.take((Command::Status, first)) else { panic!() };
        let Input::Command { ticket: two, .. } = asking.take((Command::Status, second)) else { panic!() };
        asking.answer(two, Ok(Answer::Done {}));
        assert!(second_hears.try_recv().is_ok());
        assert!(first_hears.try_recv().is_err());
        assert_eq!((one.0 % 2, two.0 % 2), (1, 1));
    }
}
