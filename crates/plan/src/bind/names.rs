//! Identifiers: folded, cut to 63 bytes, taken apart.

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};
use types::{Error, Result, bail};

/// PostgreSQL's NAMEDATALEN - 1.
const NAME_BYTES_MAX: usize = 63;

/// An identifier as the catalog has it: lower case unless quoted, at most 63 bytes.
pub fn fold(ident: &Ident) -> String {
    let mut name = match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    if name.len() > NAME_BYTES_MAX {
        let mut end = NAME_BYTES_MAX;
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        name.truncate(end);
    }
    name
}

/// The parts of a possibly qualified name, folded.
pub(crate) fn parts(name: &ObjectName) -> Result<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(fold(ident)),
            ObjectNamePart::Function(_) => Err(Error::unsupported("a function in place of a name")),
        })
        .collect()
}

/// `[schema.]name`. A database's name before it is accepted as PostgreSQL does: only the current one, which the caller
/// cannot know here, so it is refused.
pub fn object_name(name: &ObjectName) -> Result<(Option<String>, String)> {
    let mut parts = parts(name)?;
    let last = parts.pop();
    match (last, parts.len()) {
        (Some(last), 0) => Ok((None, last)),
        (Some(last), 1) => Ok((parts.pop(), last)),
        (Some(_), 2) => bail!(FeatureNotSupported, "cross-database references are not implemented: {name}"),
        _ => bail!(SyntaxError, "improper qualified name (too many dotted names): {name}"),
    }
}

/// The same as a name of DDL.
pub fn name(object: &ObjectName) -> Result<types::ddl::Name> {
    let (schema, name) = object_name(object)?;
    Ok(types::ddl::Name { schema, name })
}
