//! Why something was not accepted.

use alloc::string::String;
use core::fmt;

/// The answer to anything that is not proven. There is no other failure: verification never panics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// Not in the one canonical form of its kind: cut, altered, of another version, or no proof at all.
    Unreadable(String),
    /// Well formed, and not true under this trust.
    Rejected(String),
}

impl Rejection {
    pub fn reason(&self) -> &str {
        match self {
            Rejection::Unreadable(reason) | Rejection::Rejected(reason) => reason,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

pub(crate) fn unreadable<T>(reason: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::Unreadable(reason.into()))
}

pub(crate) fn rejected<T>(reason: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::Rejected(reason.into()))
}

/// Rejects unless `condition` holds.
pub(crate) fn ensure(condition: bool, reason: &str) -> Result<(), Rejection> {
    if condition { Ok(()) } else { rejected(reason) }
}
