//! pg_stat_activity, pg_locks, pg_prepared_xacts, pg_prepared_statements, pg_cursors, pg_timezone_names, extensions.

use super::row::{NULL, Rows, row};
use super::source::Source;
use types::datetime::TimeZone;
use types::{Interval, Value};

pub(super) fn rows(name: &str, source: &Source<'_>) -> Option<Rows> {
    Some(match name {
        "pg_stat_activity" => activity(source),
        // Whether a connection is encrypted is the server's knowledge.
        "pg_stat_ssl" => per_session(source, |pid| row![pid, NULL, NULL, NULL, NULL, NULL, NULL, NULL]),
        "pg_stat_gssapi" => per_session(source, |pid| row![pid, false, NULL, false]),
        "pg_locks" => locks(source),
        "pg_prepared_xacts" => prepared(source),
        "pg_prepared_statements" | "pg_cursors" => source.surroundings.session_rows(name),
        "pg_timezone_names" => zones(source),
        _ => return None,
    })
}

/// The session knows process, database, user, address and start; what others run is not told.
fn activity(source: &Source<'_>) -> Rows {
    let databases = source.surroundings.databases()?;
    let mut out = vec![];
    for session in source.surroundings.session_rows("pg_stat_activity")? {
        let [pid, database, user, address, started] = session.as_slice() else { continue };
        let database_oid = databases.iter().find(|(_, name, _)| Some(name.as_str()) == database.as_str());
        let role = source.roles.iter().find(|role| Some(role.name.as_str()) == user.as_str());
        let (host, port) = match address.as_str() {
            Some(address) => match address.rsplit_once(':') {
                Some((host, port)) => (Some(host.to_owned()), port.parse::<i32>().ok()),
                None => (Some(address.to_owned()), None),
            },
            None => (None, None),
        };
        let mut row = row![
            database_oid.map(|(oid, ..)| *oid),
            database.clone(),
            pid.clone(),
            NULL,
            role.map(|role| role.oid),
            user.clone(),
            NULL,
            host,
            NULL,
            port,
            started.clone(),
        ];
        row.extend(std::iter::repeat_n(NULL, 10));
        row.push(Value::text("client backend"));
        out.push(row);
    }
    Ok(out)
}

fn per_session(source: &Source<'_>, row: impl Fn(Value) -> Vec<Value>) -> Rows {
    let sessions = source.surroundings.session_rows("pg_stat_activity")?;
    Ok(sessions.into_iter().filter_map(|session| session.into_iter().next()).map(row).collect())
}

/// Locks belong to transactions; which process runs one is the session's knowledge, so `pid` is NULL.
fn locks(source: &Source<'_>) -> Rows {
    let database = source.database_oid()?;
    let locks = source.transaction.store().locks();
    let rows = locks.into_iter().map(|(owner, what, mode, granted)| {
        let relation = what.strip_prefix("relation ").and_then(|oid| oid.parse::<u32>().ok());
        let kind = if relation.is_some() { "relation" } else { "tuple" };
        row![
            kind,
            database,
            relation,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            NULL,
            format!("{owner}"),
            NULL,
            mode,
            granted,
            false,
            NULL,
        ]
    });
    Ok(rows.collect())
}

/// Of this database. PostgreSQL shows those of all.
fn prepared(source: &Source<'_>) -> Rows {
    let rows = source.transaction.shared.prepared().into_iter().map(|prepared| {
        let owner = source.role(prepared.owner);
        let at = Value::Timestamp(prepared.prepared_at);
        row![prepared.number as u32, prepared.gid, at, owner, source.database.clone()]
    });
    Ok(rows.collect())
}

/// Offsets as they are at the transaction's now.
fn zones(source: &Source<'_>) -> Rows {
    let now = source.transaction.settings.now;
    let zones = TimeZone::names().into_iter().filter_map(|name| Some((TimeZone::parse(&name).ok()?, name)));
    let rows = zones.map(|(zone, name)| {
        let offset = Interval { months: 0, days: 0, micros: i64::from(zone.offset_at(now)) * 1_000_000 };
        row![name, zone.abbreviation_at(now), Value::Interval(offset), zone.is_dst_at(now)]
    });
    Ok(rows.collect())
}
