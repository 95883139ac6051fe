//! regclass, regtype, regproc, regnamespace, regrole: names to OIDs and back.

use super::Answers;
use crate::surroundings::Known;
use catalog::Transaction;
use exec::run::Functions;
use types::schema::{Relation, Schema};
use types::{DataType, Oid, Result, Value, err};

/// `to_regclass('x')`: NULL instead of an error.
pub fn to_reg(
    answers: &Answers<'_>,
    transaction: &Transaction,
    function: &str,
    args: &[Value],
) -> Result<Value> {
    let data_type = match function {
        "to_regclass" => DataType::Regclass,
        "to_regtype" => DataType::Regtype,
        "to_regproc" => DataType::Regproc,
        "to_regnamespace" => DataType::Regnamespace,
        _ => DataType::Regrole,
    };
    let Some(Value::Text(name)) = args.first() else { return Ok(Value::Null) };
    Ok(answers.oid_of(transaction, data_type, name).ok().flatten().map_or(Value::Null, Value::Oid))
}

/// The name, qualified and quoted where it must be to be found again.
pub fn name_of(
    known: &Known,
    transaction: &Transaction,
    data_type: DataType,
    oid: Oid,
) -> Result<Option<String>> {
    let user = known.current_user();
    Ok(match data_type {
        DataType::Regclass => {
            let schema = transaction.schema(&known.search_path(), user);
            match schema.relation_by_oid(oid)? {
                Some(relation) => Some(visible_name(&*schema, &relation)?),
                None => None,
            }
        }
        DataType::Regtype => DataType::from_oid(oid)
            .map(|found| types::ColumnType::from(found).to_string())
            .map(|name| if name == "bpchar" { "character".into() } else { name }),
        DataType::Regproc => {
            let function = expr::function::all().find(|function| function.oid == oid && oid != 0);
            match function {
                Some(function) => Some(function.name.to_owned()),
                None => catalog::system::input_output_name(oid).map(str::to_owned),
            }
        }
        DataType::Regnamespace => schema_name(transaction, oid).map(|name| quote(&name)),
        DataType::Regrole => known.directory().role_by_oid(oid).map(|role| quote(&role.name)),
        _ => None,
    })
}

fn visible_name(schema: &dyn Schema, relation: &Relation) -> Result<String> {
    let visible = schema.relation(None, &relation.name)?.is_some_and(|found| found.oid == relation.oid);
    Ok(if visible {
        quote(&relation.name)
    } else {
        format!("{}.{}", quote(&relation.schema), quote(&relation.name))
    })
}

/// quote_ident.
pub fn quote(name: &str) -> String {
    let plain = name.bytes().enumerate().all(|(at, byte)| {
        byte.is_ascii_lowercase() || byte == b'_' || (at > 0 && (byte.is_ascii_digit() || byte == b'$'))
    });
    if plain && !name.is_empty() && !plan::parse::reserved::is_reserved(name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// The OID that a name means. 42P01, 42704, 42883, 3F000.
pub fn oid_of(
    known: &Known,
    transaction: &Transaction,
    data_type: DataType,
    name: &str,
) -> Result<Option<Oid>> {
    let parts = split(name)?;
    let (schema_name, last) = match &parts[..] {
        [last] => (None, last.as_str()),
        [schema, last] => (Some(schema.as_str()), last.as_str()),
        _ => return Err(err!(InvalidName, "invalid name syntax")),
    };
    let schema = transaction.schema(&known.search_path(), known.current_user());
    match data_type {
        DataType::Regclass => match schema.relation(schema_name, last)? {
            Some(relation) => Ok(Some(relation.oid)),
            None => {
                match crate::access::index(transaction, &ddl_name(schema_name, last), &schema.search_path()) {
                    Some((oid, _)) => Ok(Some(oid)),
                    None => Err(err!(UndefinedTable, "relation \"{}\" does not exist", parts.join("."))),
                }
            }
        },
        DataType::Regtype => {
            let tokens = plan::parse::lexer::lex(name)?;
            let mut cursor = plan::parse::cursor::Cursor::new(name, &tokens);
            let found = plan::parse::types::column_type(&mut cursor)?;
            cursor.end()?;
            Ok(Some(found.data_type.oid()))
        }
        DataType::Regproc => {
            match expr::function::all().find(|function| function.name == last && function.oid != 0) {
                Some(function) => Ok(Some(function.oid)),
                None if catalog::system::input_output_function(last).is_some() => {
                    Ok(catalog::system::input_output_function(last))
                }
                None => Err(err!(UndefinedFunction, "function \"{name}\" does not exist")),
            }
        }
        DataType::Regnamespace => match schema.namespace(last)? {
            Some(oid) => Ok(Some(oid)),
            None => Err(err!(InvalidSchemaName, "schema \"{last}\" does not exist")),
        },
        DataType::Regrole => match known.directory().role(last) {
            Some(role) => Ok(Some(role.oid)),
            None => Err(err!(UndefinedObject, "role \"{last}\" does not exist")),
        },
        _ => Ok(None),
    }
}

/// `a."B c"` to its parts, folded.
pub fn split(name: &str) -> Result<Vec<String>> {
    use plan::parse::lexer::{Kind, lex};
    let mut parts = Vec::new();
    let mut dot = true;
    for token in lex(name).map_err(|_| err!(InvalidName, "invalid name syntax"))? {
        match token.kind {
            Kind::Word(part) | Kind::Quoted(part) if dot => parts.push(part),
            Kind::Symbol(symbol) if symbol == "." && !dot => {}
            _ => return Err(err!(InvalidName, "invalid name syntax")),
        }
        dot = !dot;
    }
    if dot {
        return Err(err!(InvalidName, "invalid name syntax"));
    }
    Ok(parts)
}

fn ddl_name(schema: Option<&str>, name: &str) -> types::ddl::Name {
    types::ddl::Name { schema: schema.map(str::to_owned), name: name.to_owned() }
}

/// A schema's name by its OID.
pub fn schema_name(transaction: &Transaction, oid: Oid) -> Option<String> {
    let system = catalog::system_tables::SYSTEM_SCHEMAS
        .iter()
        .find(|(of, _)| *of == oid)
        .map(|(_, name)| (*name).to_owned());
    system.or_else(|| transaction.state().namespaces.get(&oid).map(|namespace| namespace.name.clone()))
}
