//! Advisory locks (PostgreSQL 15, 9.27.10): `pg_[try_]advisory_[xact_]lock[_shared]`, `pg_advisory_unlock...`.

use crate::surroundings::Known;
use catalog::Transaction;
use kv::LockWait;
use kv::lock::AdvisoryKey;
use types::{Error, Result, Value, err};

pub fn call(known: &Known, transaction: &mut Transaction, name: &str, args: &[Value]) -> Result<Value> {
    let shared = name.ends_with("_shared");
    let what = name.trim_end_matches("_shared");
    let key = match args {
        [] if what == "pg_advisory_unlock_all" => {
            known.locks.unlock_all();
            return Ok(Value::VOID);
        }
        [Value::Int8(key)] => AdvisoryKey::One(*key),
        [Value::Int4(high), Value::Int4(low)] => AdvisoryKey::Two(*high, *low),
        _ => return Err(Error::unsupported(format!("function {name}()"))),
    };
    let wait = if what.starts_with("pg_try") { LockWait::SkipLocked } else { LockWait::Block };
    let granted = match what {
        "pg_advisory_xact_lock" | "pg_try_advisory_xact_lock" => {
            transaction.lock_advisory(key, shared, wait)?
        }
        "pg_advisory_lock" | "pg_try_advisory_lock" => {
            transaction.lock_for_session(&known.locks, key, shared, wait)?
        }
        "pg_advisory_unlock" => {
            let held = known.locks.unlock(key, shared);
            if !held {
                let mode = if shared { "ShareLock" } else { "ExclusiveLock" };
                known.notice("WARNING", err!(Warning, "you don't own a lock of type {mode}"));
            }
            held
        }
        _ => return Err(Error::unsupported(format!("function {name}()"))),
    };
    let tells = wait == LockWait::SkipLocked || what == "pg_advisory_unlock";
    Ok(if tells { Value::Bool(granted) } else { Value::VOID })
}
