//! One client's conversation: transaction state, prepared statements, portals, settings, roles.
//!
//! ```text
//!   Cluster (a data folder: databases, roles, secrets) ── connect ──> Session
//!                                                                       │ parse, plan        plan
//!      pg (the wire), `stele sql` ── simple / prepare / bind / execute ─┤ run                exec
//!                                                                       │ commit, DDL        catalog
//!                                                                       └ what only it knows: settings, currval, roles
//! ```
//! It does not know the wire: `pg` and `stele sql` are its callers. Everything blocks.

pub mod backup;
pub mod cluster;
pub mod session;

mod access;
mod conversation;
mod copy;
mod cursor;
mod ddl;
mod functions;
mod identity;
mod interrupt;
mod modes;
mod past;
mod plans;
mod portal;
mod prepared;
mod run;
mod scram;
mod settings;
mod stored;
mod surroundings;
mod system;
mod transaction;
mod two_phase;
mod view;

pub use cluster::{Cluster, ClusterOptions};
pub use conversation::{Notice, Outcome, Rows, SessionOptions, TransactionStatus};
pub use interrupt::Interrupt;
pub use plans::Recalled;
pub use prepared::Prepared;
pub use scram::ScramVerifier;
pub use session::Session;
