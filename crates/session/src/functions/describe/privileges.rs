//! aclexplode(), acldefault(), aclcontains().

use super::At;
use catalog::system::{default_acl, parse_item};
use types::value::Array;
use types::{DataType, Error, Result, Value, err};

/// grantor, grantee, privilege_type, is_grantable: a row for each privilege of each item.
pub(super) fn explode(at: &At<'_>, list: &Array) -> Result<Vec<Vec<Value>>> {
    let directory = at.known.directory();
    let oid = |name: &str| directory.role(name).map_or(0, |role| role.oid);
    let mut out = vec![];
    for text in list.values.iter().filter_map(Value::as_str) {
        let item = parse_item(text).ok_or_else(|| malformed(text))?;
        for (letter, grantable) in item.privileges {
            out.push(vec![
                Value::Oid(oid(&item.grantor)),
                Value::Oid(oid(&item.grantee)),
                Value::text(privilege(letter)),
                Value::Bool(grantable),
            ]);
        }
    }
    Ok(out)
}

pub(super) fn default(kind: &str, owner: &str) -> Result<Value> {
    let items = kind.chars().next().and_then(|kind| default_acl(kind, owner));
    let items =
        items.ok_or_else(|| err!(InvalidParameterValue, "unrecognized object type abbreviation: {kind}"))?;
    Ok(Value::array(DataType::AclItem, items.into_iter().map(Value::Text).collect()))
}

/// Whether one item of the list has all that `item` has.
pub(super) fn contains(list: &Array, item: &str) -> Result<Value> {
    let wanted = parse_item(item).ok_or_else(|| malformed(item))?;
    for text in list.values.iter().filter_map(Value::as_str) {
        let held = parse_item(text).ok_or_else(|| malformed(text))?;
        let all = wanted.privileges.iter().all(|(letter, grantable)| {
            held.privileges.iter().any(|(has, may)| has == letter && (*may || !grantable))
        });
        if held.grantee == wanted.grantee && held.grantor == wanted.grantor && all {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn malformed(text: &str) -> Error {
    err!(InvalidTextRepresentation, "invalid input syntax for type aclitem: \"{text}\"")
}

fn privilege(letter: char) -> &'static str {
    match letter {
        'r' => "SELECT",
        'a' => "INSERT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'X' => "EXECUTE",
        'U' => "USAGE",
        'C' => "CREATE",
        'c' => "CONNECT",
        'T' => "TEMPORARY",
        's' => "SET",
        _ => "ALTER SYSTEM",
    }
}
