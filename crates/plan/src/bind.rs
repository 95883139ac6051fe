//! Names to positions, types to coercions: sqlparser syntax to [`crate::Statement`].

use crate::{Environment, Parsed, Statement};
use types::Result;

pub fn statement(_parsed: &Parsed, _environment: &Environment) -> Result<Statement> {
    todo!()
}
