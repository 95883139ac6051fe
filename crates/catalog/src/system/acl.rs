//! Privilege lists as PostgreSQL prints them: `{stele=arwdDxt/stele,bob=r*/stele}`.

use super::source::Source;
use crate::system_tables::{PUBLIC_ROLE, privilege_letter};
use types::ddl::Privilege;
use types::schema::{Relation, RelationKind};
use types::{DataType, Oid, Value};

/// The order of an aclitem's letters.
const ORDER: &str = "arwdDxtXUCTcsA";

/// An aclitem taken apart: grantee and grantor by name (`""` is PUBLIC), letters with their grant option.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub grantee: String,
    pub grantor: String,
    pub privileges: Vec<(char, bool)>,
}

/// `bob=r*w/stele`.
pub fn parse_item(text: &str) -> Option<Item> {
    let (grantee, rest) = name(text)?;
    let (letters, grantor) = rest.strip_prefix('=')?.split_once('/')?;
    let mut privileges: Vec<(char, bool)> = vec![];
    for letter in letters.chars() {
        match (letter, privileges.last_mut()) {
            ('*', Some(last)) => last.1 = true,
            (letter, _) if ORDER.contains(letter) => privileges.push((letter, false)),
            _ => return None,
        }
    }
    Some(Item { grantee, grantor: name(grantor)?.0, privileges })
}

/// A role's name at the start, quoted or not, and what follows.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find('=').unwrap_or(text.len());
        return Some((text.get(..end)?.to_owned(), text.get(end..)?));
    };
    let mut out = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        out.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                out.push('"');
                rest = after;
            }
            None => return Some((out, after)),
        }
    }
}

/// What an owner (and everyone) has where nothing was granted or revoked: acldefault().
pub fn default_acl(kind: char, owner: &str) -> Option<Vec<String>> {
    let (everyone, letters) = match kind {
        'c' => ("", ""),
        'r' => ("", "arwdDxt"),
        's' => ("", "rwU"),
        'd' => ("Tc", "CTc"),
        'f' => ("X", "X"),
        'l' | 'T' => ("U", "U"),
        'n' => ("", "UC"),
        't' => ("", "C"),
        'F' | 'S' => ("", "U"),
        'p' => ("", "sA"),
        'L' => ("", "rw"),
        _ => return None,
    };
    let owner = quoted(owner);
    let mut items = vec![];
    if !everyone.is_empty() {
        items.push(format!("={everyone}/{owner}"));
    }
    if !letters.is_empty() {
        items.push(format!("{owner}={letters}/{owner}"));
    }
    Some(items)
}

/// A relation's list: NULL where nothing was granted.
pub(super) fn relation(relation: &Relation, source: &Source<'_>) -> Value {
    match relation.kind {
        RelationKind::System => {
            let owner = quoted(&source.role(relation.owner));
            array(vec![format!("{owner}=arwdDxt/{owner}"), format!("=r/{owner}")])
        }
        RelationKind::Sequence => object(relation.oid, relation.owner, "rwU", source),
        _ => object(relation.oid, relation.owner, "arwdDxt", source),
    }
}

/// The owner's privileges, then what was granted on an object, an item for each grantee and grantor.
pub(super) fn object(object: Oid, owner: Oid, owners: &str, source: &Source<'_>) -> Value {
    let grants = source.state.grants_on(object);
    if grants.is_empty() {
        return Value::Null;
    }
    let owner_name = quoted(&source.role(owner));
    let mut items = vec![format!("{owner_name}={owners}/{owner_name}")];
    let mut parties: Vec<(Oid, Oid)> = vec![];
    for grant in grants.iter().filter(|grant| grant.grantee != owner) {
        if !parties.contains(&(grant.grantee, grant.grantor)) {
            parties.push((grant.grantee, grant.grantor));
        }
    }
    for (grantee, grantor) in parties {
        let mut letters = String::new();
        for letter in ORDER.chars() {
            let found = grants.iter().find(|grant| {
                (grant.grantee, grant.grantor) == (grantee, grantor)
                    && privilege_letter(grant.privilege).starts_with(letter)
            });
            if let Some(grant) = found {
                letters.push(letter);
                letters.push_str(if grant.grantable { "*" } else { "" });
            }
        }
        let name = if grantee == PUBLIC_ROLE { String::new() } else { quoted(&source.role(grantee)) };
        items.push(format!("{name}={letters}/{}", quoted(&source.role(grantor))));
    }
    array(items)
}

pub(super) fn array(items: Vec<String>) -> Value {
    Value::array(DataType::AclItem, items.into_iter().map(Value::Text).collect())
}

/// The privileges that a table's owner has, by name, in the order of the standard's views.
pub(super) const TABLE_PRIVILEGES: [Privilege; 7] = [
    Privilege::Insert,
    Privilege::Select,
    Privilege::Update,
    Privilege::Delete,
    Privilege::Truncate,
    Privilege::References,
    Privilege::Trigger,
];

fn quoted(name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_taken_apart() {
        let item = parse_item("\"a \"\"b\"=r*w/stele").unwrap();
        assert_eq!((item.grantee.as_str(), item.grantor.as_str()), ("a \"b", "stele"));
        assert_eq!(item.privileges, [('r', true), ('w', false)]);
        assert_eq!(parse_item("=U/x").unwrap().grantee, "");
        for wrong in ["", "x", "a=r", "a=%/b", "a=*r/b", "\"a=r/b"] {
            assert_eq!(parse_item(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn defaults_are_those_of_postgres() {
        assert_eq!(default_acl('d', "stele").unwrap(), ["=Tc/stele", "stele=CTc/stele"]);
        assert_eq!(default_acl('r', "a b").unwrap(), ["\"a b\"=arwdDxt/\"a b\""]);
        assert_eq!(default_acl('c', "x").unwrap(), Vec::<String>::new());
        assert_eq!(default_acl('?', "x"), None);
    }
}
