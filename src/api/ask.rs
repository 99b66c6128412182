//! Asks the switch, and does not wait for ever.

use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::api::Api;
use crate::api::problem::problem;
use crate::switch::command::Answer;
use crate::switch::command::Command;
use crate::switch::command::Problem;

impl Api {
    pub(super) async fn ask(&self, command: Command) -> Result<Answer, Problem> {
        let (answer, answered) = oneshot::channel();
        self.commands.try_send((command, answer)).map_err(|error| match error {
            TrySendError::Full(_) => overloaded(),
            TrySendError::Closed(_) => ending(),
        })?;
        match timeout(PATIENCE, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ending()),
            Err(_) => Err(silent()),
        }
    }
}

/// An order that must not be lost.
impl Api {
    /// Answered once what follows from it is on the disk. One that takes nothing holds up nobody for longer than
    /// [`WRITTEN_WITHIN`]: the order is in force, and `/health/ready` tells of the disk.
    pub(super) async fn ask_for_good(&self, command: Command) -> Result<Answer, Problem> {
        let answer = self.ask(command).await?;
        if let Err(why) = self.writer.flush(WRITTEN_WITHIN).await {
            tracing::warn!(%why, "an order is in force and would not survive the end of the process");
        }
        Ok(answer)
    }
}

fn overloaded() -> Problem {
    problem(
        503,
        "overloaded",
        "Too many requests at once",
        "More commands wait for the switch than it takes.",
        "Nothing was done. Try again in a moment.",
    )
}

fn ending() -> Problem {
    problem(
        503,
        "ending",
        "The server is ending",
        "It takes no more commands.",
        "Nothing was done. Try again when it runs again.",
    )
}

fn silent() -> Problem {
    problem(
        503,
        OUTCOME_UNKNOWN,
        "No answer yet",
        format!("The switch did not answer within {} s.", PATIENCE.as_secs()),
        "It may still be carried out: look before you repeat it.",
    )
}

/// The rule of the one refusal after which the command may still be carried out.
pub(super) const OUTCOME_UNKNOWN: &str = "outcome-unknown";
/// Long enough for a text that must be on the disk first, when the disk is slow.
const PATIENCE: Duration = Duration::from_secs(15);
const WRITTEN_WITHIN: Duration = Duration::from_secs(3);
