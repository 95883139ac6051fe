//! current_setting, set_config, current_schema, pg_settings.

use crate::surroundings::Known;
use catalog::Transaction;
use types::{DataType, Result, Value};

pub fn call(known: &Known, transaction: &mut Transaction, name: &str, args: &[Value]) -> Result<Value> {
    match (name, args) {
        ("current_setting", [Value::Text(name), rest @ ..]) => {
            let mut found = known.settings.borrow().get(name);
            if let (true, Some(tx)) = (name == "ledger.as_of", transaction.past_tx()) {
                found = Ok(format!("tx:{tx}"));
            }
            match found {
                Err(_) if matches!(rest, [Value::Bool(true)]) => Ok(Value::Null),
                found => found.map(Value::Text),
            }
        }
        // `local` is honoured where SET LOCAL is: the statement's transaction undoes it. See `Session::set`.
        ("set_config", [Value::Text(name), value, local]) => {
            let value = value.as_str().unwrap_or_default();
            crate::run::check_settable(known, name)?;
            // As SET does: a past that cannot be read is refused.
            if name == "ledger.as_of" && !value.is_empty() {
                let moment = known.moment_of_text(value)?;
                transaction.schema(&known.search_path(), known.current_user()).at(moment)?;
            }
            if local.as_bool() == Some(true) {
                known.pending_local(name);
            }
            known.settings.borrow_mut().set(name, Some(value))?;
            known.report(name);
            Ok(Value::Text(known.settings.borrow().get(name)?))
        }
        ("set_config", _) => Err(types::err!(NullValueNotAllowed, "SET requires parameter name")),
        ("current_schema", []) => {
            Ok(existing(known, transaction)?.into_iter().next().map_or(Value::Null, Value::Text))
        }
        ("current_schemas", [Value::Bool(implicit)]) => {
            let mut schemas = existing(known, transaction)?;
            if *implicit && !schemas.iter().any(|schema| schema == "pg_catalog") {
                schemas.insert(0, "pg_catalog".into());
            }
            Ok(Value::array(DataType::Name, schemas.into_iter().map(Value::Text).collect()))
        }
        _ => Ok(Value::Null),
    }
}

/// The search path's schemas that exist.
fn existing(known: &Known, transaction: &Transaction) -> Result<Vec<String>> {
    let path = known.search_path();
    let schema = transaction.schema(&path, known.current_user());
    let mut found = Vec::new();
    for name in path.iter() {
        if schema.namespace(name)?.is_some() {
            found.push(name.clone());
        }
    }
    Ok(found)
}

/// pg_show_all_settings(): name, setting, unit, category, short_desc, extra_desc, context, vartype, source, min_val,
/// max_val, enumvals, boot_val, reset_val, sourcefile, sourceline, pending_restart.
pub fn rows(known: &Known) -> Vec<Vec<Value>> {
    let all = known.settings.borrow().all();
    all.into_iter()
        .map(|(name, value, description)| {
            let text = |text: &str| Value::text(text);
            vec![
                Value::Text(name),
                Value::Text(value.clone()),
                Value::Null,
                text("Stele"),
                Value::Text(description),
                Value::Null,
                text("user"),
                text("string"),
                text("default"),
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Text(value.clone()),
                Value::Text(value),
                Value::Null,
                Value::Null,
                Value::Bool(false),
            ]
        })
        .collect()
}
