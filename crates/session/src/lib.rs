//! One client's conversation: transaction state, prepared statements, portals, settings, roles.
//!
//! It does not know the wire: `pg` and `stele sql` are its callers. Everything blocks.

pub mod session;
pub mod cluster;

pub use cluster::{Cluster, ClusterOptions};
pub use session::{CopyIn, Notice, Outcome, Prepared, Rows, Session, SessionOptions, TransactionStatus};
