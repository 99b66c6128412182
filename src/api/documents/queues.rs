//! Queues and those who serve them.

use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

/// Callers who wait for the same group of agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Queue)]
pub struct QueueDocument {
    /// As in `[[queue]]`.
    pub name: String,
    /// Who is rung next: `ring-all`, `longest-idle`, `round-robin`, `fewest-calls` or `in-order`.
    pub strategy: String,
    /// Callers in it now.
    pub waiting: u64,
    /// How long the first of them has waited.
    pub longest_wait_seconds: u64,
    /// Extensions that serve it.
    pub agents: Vec<String>,
    /// Agents whom a caller may wait for.
    pub signed_in: u64,
    /// Agents who would be rung at once.
    pub free: u64,
    /// Agents in a call from this queue.
    pub talking: u64,
    /// Callers who reached an agent, since the start.
    pub answered: u64,
    /// Callers who hung up, timed out or were sent elsewhere, since the start.
    pub left: u64,
}

/// Somebody who takes calls from queues.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Agent)]
pub struct AgentDocument {
    /// The extension.
    pub number: String,
    /// `available`, `ringing`, `talking`, `wrap-up`, `resting`, `engaged`, `paused`, `signed-out` or `unreachable`.
    pub state: String,
    /// Of a pause; absent otherwise.
    pub reason: Option<String>,
    /// Queues that this agent serves.
    pub queues: Vec<String>,
    /// Calls taken since the start.
    pub calls: u64,
    /// Since the last call or refusal; absent before the first.
    pub idle_seconds: Option<u64>,
}
