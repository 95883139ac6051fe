//! Run-time settings (PostgreSQL 15, chapter 20): which exist, what they may be, what they are now.
//!
//! A setting that PostgreSQL has and that would change what a client sees is honoured or refused; one that only tunes
//! PostgreSQL's own machinery is kept and shown, so that clients which set it go on.

mod ready;

pub use ready::Ready;

use crate::modes::level_name;
use std::collections::BTreeMap;
use std::sync::Arc;
use types::settings::{ByteaOutput, DateOrder, DateStyle, IntervalStyle};
use types::{Error, Result, TextSettings, err};

/// The PostgreSQL version whose behaviour this is.
pub const SERVER_VERSION: &str = "15.18 (Stele 0.1)";
pub const SERVER_VERSION_NUMBER: &str = "150018";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    /// Smallest, largest, and the unit that a bare number has.
    Int(i64, i64, Unit),
    Real,
    Text,
    Enum(&'static [&'static str]),
    /// Cannot be set.
    Fixed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    None,
    Milliseconds,
    Kilobytes,
    Pages,
    Seconds,
}

struct Setting {
    name: &'static str,
    kind: Kind,
    default: &'static str,
    /// Told to the client by ParameterStatus.
    reported: bool,
    description: &'static str,
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    reported: bool,
    description: &'static str,
) -> Setting {
    Setting { name, kind, default, reported, description }
}

const ISOLATION: &[&str] = &["serializable", "repeatable read", "read committed", "read uncommitted"];
const LEVELS: &[&str] =
    &["debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"];
const FOREVER_MS: i64 = i32::MAX as i64;
use Kind::{Bool, Enum, Fixed, Int, Real, Text};

/// Sorted by name, case-insensitively, as SHOW ALL prints.
#[rustfmt::skip]
const SETTINGS: &[Setting] = &[
    setting("allow_system_table_mods", Fixed, "off", false, "Allows modifications of the structure of system tables."),
    setting("application_name", Text, "", true, "Sets the application name to be reported in statistics and logs."),
    setting("array_nulls", Bool, "on", false, "Enable input of NULL elements in arrays."),
    setting("backslash_quote", Enum(&["safe_encoding", "on", "off"]), "safe_encoding", false, "Sets whether \"\\'\" is allowed in string literals."),
    setting("block_size", Fixed, "8192", false, "Shows the size of a disk block."),
    setting("bytea_output", Enum(&["hex", "escape"]), "hex", false, "Sets the output format for bytea."),
    setting("check_function_bodies", Bool, "on", false, "Check routine bodies during CREATE FUNCTION and CREATE PROCEDURE."),
    setting("client_encoding", Text, "UTF8", true, "Sets the client's character set encoding."),
    setting("client_min_messages", Enum(LEVELS), "notice", false, "Sets the message levels that are sent to the client."),
    setting("constraint_exclusion", Enum(&["partition", "on", "off"]), "partition", false, "Enables the planner to use constraints to optimize queries."),
    setting("cursor_tuple_fraction", Real, "0.1", false, "Sets the planner's estimate of the fraction of a cursor's rows that will be retrieved."),
    setting("DateStyle", Text, "ISO, MDY", true, "Sets the display format for date and time values."),
    setting("deadlock_timeout", Int(1, FOREVER_MS, Unit::Milliseconds), "1s", false, "Sets the time to wait on a lock before checking for deadlock."),
    setting("default_statistics_target", Int(1, 10000, Unit::None), "100", false, "Sets the default statistics target."),
    setting("default_table_access_method", Text, "heap", false, "Sets the default table access method for new tables."),
    setting("default_tablespace", Text, "", false, "Sets the default tablespace to create tables and indexes in."),
    setting("default_text_search_config", Text, "pg_catalog.english", false, "Sets default text search configuration."),
    setting("default_toast_compression", Text, "pglz", false, "Sets the default compression method for compressible values."),
    setting("default_transaction_deferrable", Bool, "off", false, "Sets the default deferrable status of new transactions."),
    setting("default_transaction_isolation", Enum(ISOLATION), "read committed", false, "Sets the transaction isolation level of each new transaction."),
    setting("default_transaction_read_only", Bool, "off", true, "Sets the default read-only status of new transactions."),
    setting("effective_cache_size", Int(1, FOREVER_MS, Unit::Pages), "4GB", false, "Sets the planner's assumption about the total size of the data caches."),
    setting("enable_bitmapscan", Bool, "on", false, "Enables the planner's use of bitmap-scan plans."),
    setting("enable_hashagg", Bool, "on", false, "Enables the planner's use of hashed aggregation plans."),
    setting("enable_hashjoin", Bool, "on", false, "Enables the planner's use of hash join plans."),
    setting("enable_indexonlyscan", Bool, "on", false, "Enables the planner's use of index-only-scan plans."),
    setting("enable_indexscan", Bool, "on", false, "Enables the planner's use of index-scan plans."),
    setting("enable_material", Bool, "on", false, "Enables the planner's use of materialization."),
    setting("enable_mergejoin", Bool, "on", false, "Enables the planner's use of merge join plans."),
    setting("enable_nestloop", Bool, "on", false, "Enables the planner's use of nested-loop join plans."),
    setting("enable_seqscan", Bool, "on", false, "Enables the planner's use of sequential-scan plans."),
    setting("enable_sort", Bool, "on", false, "Enables the planner's use of explicit sort steps."),
    setting("escape_string_warning", Bool, "on", false, "Warn about backslash escapes in ordinary string literals."),
    setting("extra_float_digits", Int(-15, 3, Unit::None), "1", false, "Sets the number of digits displayed for floating-point values."),
    setting("from_collapse_limit", Int(1, FOREVER_MS, Unit::None), "8", false, "Sets the FROM-list size beyond which subqueries are not collapsed."),
    setting("fsync", Fixed, "on", false, "Forces synchronization of updates to disk."),
    setting("geqo", Bool, "on", false, "Enables genetic query optimization."),
    setting("idle_in_transaction_session_timeout", Int(0, FOREVER_MS, Unit::Milliseconds), "0", false, "Sets the maximum allowed idle time between queries, when in a transaction."),
    setting("idle_session_timeout", Int(0, FOREVER_MS, Unit::Milliseconds), "0", false, "Sets the maximum allowed idle time between queries, when not in a transaction."),
    setting("in_hot_standby", Fixed, "off", true, "Shows whether hot standby is currently active."),
    setting("integer_datetimes", Fixed, "on", true, "Shows whether datetimes are integer based."),
    setting("IntervalStyle", Enum(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]), "postgres", true, "Sets the display format for interval values."),
    setting("is_superuser", Fixed, "off", true, "Shows whether the current user is a superuser."),
    setting("jit", Bool, "off", false, "Allow JIT compilation."),
    setting("join_collapse_limit", Int(1, FOREVER_MS, Unit::None), "8", false, "Sets the FROM-list size beyond which JOIN constructs are not flattened."),
    setting("lc_collate", Fixed, "C", false, "Shows the collation order locale."),
    setting("lc_ctype", Fixed, "C.UTF-8", false, "Shows the character classification and case conversion locale."),
    setting("lc_messages", Text, "C", false, "Sets the language in which messages are displayed."),
    setting("lc_monetary", Text, "C", false, "Sets the locale for formatting monetary amounts."),
    setting("lc_numeric", Text, "C", false, "Sets the locale for formatting numbers."),
    setting("lc_time", Text, "C", false, "Sets the locale for formatting date and time values."),
    setting("ledger.as_of", Text, "", false, "Reads every table as of then: 'tx:42', or a time. Empty: now."),
    setting("ledger.reason", Text, "", false, "Written into the ledger with each transaction of the session."),
    setting("ledger.report_tx", Bool, "off", false, "Reports ledger.last_tx after each commit."),
    setting("lo_compat_privileges", Bool, "off", false, "Enables backward compatibility mode for privilege checks on large objects."),
    setting("lock_timeout", Int(0, FOREVER_MS, Unit::Milliseconds), "0", false, "Sets the maximum allowed duration of any wait for a lock."),
    setting("log_min_duration_statement", Int(-1, FOREVER_MS, Unit::Milliseconds), "-1", false, "Sets the minimum execution time above which all statements will be logged."),
    setting("log_statement", Enum(&["none", "ddl", "mod", "all"]), "none", false, "Sets the type of statements logged."),
    setting("maintenance_work_mem", Int(1024, FOREVER_MS, Unit::Kilobytes), "64MB", false, "Sets the maximum memory to be used for maintenance operations."),
    setting("max_connections", Fixed, "1000", false, "Sets the maximum number of concurrent connections."),
    setting("max_identifier_length", Fixed, "63", false, "Shows the maximum identifier length."),
    setting("max_index_keys", Fixed, "32", false, "Shows the maximum number of index keys."),
    setting("max_parallel_workers_per_gather", Int(0, 1024, Unit::None), "2", false, "Sets the maximum number of parallel processes per executor node."),
    setting("max_prepared_transactions", Fixed, "1000", false, "Sets the maximum number of simultaneously prepared transactions."),
    setting("password_encryption", Enum(&["scram-sha-256"]), "scram-sha-256", false, "Chooses the algorithm for encrypting passwords."),
    setting("plan_cache_mode", Enum(&["auto", "force_generic_plan", "force_custom_plan"]), "auto", false, "Controls the planner's selection of custom or generic plan."),
    setting("quote_all_identifiers", Bool, "off", false, "When generating SQL fragments, quote all identifiers."),
    setting("random_page_cost", Real, "4", false, "Sets the planner's estimate of the cost of a nonsequentially fetched disk page."),
    setting("role", Text, "none", false, "Sets the current role."),
    setting("row_security", Bool, "on", false, "Enable row security."),
    setting("search_path", Text, "\"$user\", public", false, "Sets the schema search order for names that are not schema-qualified."),
    setting("seq_page_cost", Real, "1", false, "Sets the planner's estimate of the cost of a sequentially fetched disk page."),
    setting("server_encoding", Fixed, "UTF8", true, "Shows the server (database) character set encoding."),
    setting("server_version", Fixed, SERVER_VERSION, true, "Shows the server version."),
    setting("server_version_num", Fixed, SERVER_VERSION_NUMBER, false, "Shows the server version as an integer."),
    setting("session_authorization", Text, "", true, "Sets the session user name."),
    setting("session_replication_role", Enum(&["origin"]), "origin", false, "Sets the session's behavior for triggers and rewrite rules."),
    setting("standard_conforming_strings", Enum(&["on"]), "on", true, "Causes '...' strings to treat backslashes literally."),
    setting("statement_timeout", Int(0, FOREVER_MS, Unit::Milliseconds), "0", false, "Sets the maximum allowed duration of any statement."),
    setting("synchronize_seqscans", Bool, "on", false, "Enable synchronized sequential scans."),
    setting("synchronous_commit", Enum(&["off", "local", "remote_write", "remote_apply", "on"]), "on", false, "Sets the current transaction's synchronization level."),
    setting("tcp_keepalives_idle", Int(0, FOREVER_MS, Unit::Seconds), "0", false, "Time between issuing TCP keepalives."),
    setting("temp_buffers", Int(100, FOREVER_MS, Unit::Pages), "8MB", false, "Sets the maximum number of temporary buffers used by each session."),
    setting("temp_tablespaces", Text, "", false, "Sets the tablespace(s) to use for temporary tables and sort files."),
    setting("TimeZone", Text, "UTC", true, "Sets the time zone for displaying and interpreting time stamps."),
    setting("timezone_abbreviations", Enum(&["default"]), "Default", false, "Selects a file of time zone abbreviations."),
    setting("transaction_deferrable", Bool, "off", false, "Whether to defer a read-only serializable transaction until it can be executed with no possible serialization failures."),
    setting("transaction_isolation", Enum(ISOLATION), "read committed", false, "Sets the current transaction's isolation level."),
    setting("transaction_read_only", Bool, "off", false, "Sets the current transaction's read-only status."),
    setting("vacuum_cost_delay", Int(0, 100, Unit::Milliseconds), "0", false, "Vacuum cost delay in milliseconds."),
    setting("wal_level", Fixed, "replica", false, "Sets the level of information written to the WAL."),
    setting("work_mem", Int(64, FOREVER_MS, Unit::Kilobytes), "4MB", false, "Sets the maximum memory to be used for query workspaces."),
    setting("xmlbinary", Enum(&["base64", "hex"]), "base64", false, "Sets how binary values are to be encoded in XML."),
    setting("xmloption", Enum(&["content", "document"]), "content", false, "Sets whether XML data in implicit parsing and serialization operations is to be considered as documents or content fragments."),
];

fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(name))
}

fn unknown(name: &str) -> Error {
    err!(UndefinedObject, "unrecognized configuration parameter \"{name}\"")
}

/// A session's settings. SET LOCAL and a rolled-back SET are undone by putting an old copy back, which costs nothing to
/// keep: each transaction does.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What differs from the default, and custom settings (`my.setting`), by the setting's own spelling.
    values: Arc<BTreeMap<String, String>>,
    /// What RESET goes back to: the connection's startup options.
    reset: Arc<BTreeMap<String, String>>,
    pub text: TextSettings,
    pub ready: Ready,
}

impl Settings {
    /// What was set so far is what RESET means.
    pub fn keep_as_reset(&mut self) {
        self.reset = self.values.clone();
    }

    /// The value, as SHOW prints it. 42704.
    pub fn get(&self, name: &str) -> Result<String> {
        let setting = find(name);
        let key = setting.map_or(name, |setting| setting.name);
        match key {
            "transaction_isolation" => return Ok(level_name(self.ready.isolation).to_owned()),
            "transaction_read_only" => return Ok(on_or_off(self.ready.read_only).to_owned()),
            _ => {}
        }
        if let Some(value) = self.values.get(key) {
            return Ok(value.clone());
        }
        setting.map(|setting| setting.default.to_owned()).ok_or_else(|| unknown(name))
    }

    fn value(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }

    /// Whether the client is told when it changes.
    pub fn is_reported(name: &str) -> Option<&'static str> {
        find(name).filter(|setting| setting.reported).map(|setting| setting.name)
    }

    /// All that are reported, with their values.
    pub fn reported(&self) -> Vec<(String, String)> {
        SETTINGS.iter().filter(|s| s.reported).map(|s| (s.name.to_owned(), self.value(s.name))).collect()
    }

    /// name, setting, description: SHOW ALL.
    pub fn all(&self) -> Vec<(String, String, String)> {
        SETTINGS.iter().map(|s| (s.name.to_owned(), self.value(s.name), s.description.to_owned())).collect()
    }

    /// The session itself sets what a client may not (`is_superuser`).
    pub fn force(&mut self, name: &str, value: &str) {
        let key = find(name).map_or(name, |setting| setting.name);
        self.keep(key, value.to_owned());
    }

    fn keep(&mut self, name: &str, value: String) {
        self.ready.note(name, &value);
        Arc::make_mut(&mut self.values).insert(name.to_owned(), value);
    }

    /// SET. None = RESET. 42704, 22023, 55P02.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let Some(setting) = find(name) else {
            return self.set_custom(name, value);
        };
        if setting.kind == Fixed {
            return Err(err!(CantChangeRuntimeParam, "parameter \"{}\" cannot be changed", setting.name));
        }
        let default = self.reset.get(setting.name).cloned().unwrap_or_else(|| setting.default.to_owned());
        let canonical = setting.canonical(value.unwrap_or(&default))?;
        self.apply(setting.name, canonical)
    }

    /// Names with a dot belong to applications; those of `ledger` are ours alone.
    fn set_custom(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        if !name.contains('.') || name.to_ascii_lowercase().starts_with("ledger.") {
            return Err(unknown(name));
        }
        self.keep(&name.to_ascii_lowercase(), value.unwrap_or_default().to_owned());
        Ok(())
    }

    /// Stores a checked value, and what follows from it for text.
    fn apply(&mut self, name: &'static str, value: String) -> Result<()> {
        let invalid = || err!(InvalidParameterValue, "invalid value for parameter \"{name}\": \"{value}\"");
        let stored = match name {
            "DateStyle" => self.date_style(&value)?,
            "TimeZone" => {
                let zone = types::datetime::TimeZone::parse_setting(&value).map_err(|_| invalid())?;
                let shown = zone.name.clone();
                self.text.time_zone = Arc::new(zone);
                shown
            }
            "IntervalStyle" => {
                self.text.interval_style = match value.as_str() {
                    "postgres_verbose" => IntervalStyle::PostgresVerbose,
                    "sql_standard" => IntervalStyle::SqlStandard,
                    "iso_8601" => IntervalStyle::Iso8601,
                    _ => IntervalStyle::Postgres,
                };
                value
            }
            "bytea_output" => {
                self.text.bytea_output =
                    if value == "escape" { ByteaOutput::Escape } else { ByteaOutput::Hex };
                value
            }
            "extra_float_digits" => {
                self.text.extra_float_digits = value.parse().map_err(|_| invalid())?;
                value
            }
            "client_encoding" => {
                let name = value.trim_matches('\'').to_ascii_lowercase().replace(['-', '_'], "");
                match name.as_str() {
                    "utf8" | "unicode" => "UTF8".to_owned(),
                    // ASCII is UTF8 already.
                    "sqlascii" => "SQL_ASCII".to_owned(),
                    _ => {
                        return Err(err!(
                            InvalidParameterValue,
                            "invalid value for parameter \"client_encoding\": \"{value}\""
                        )
                        .hint("Stele speaks UTF8."));
                    }
                }
            }
            "application_name" => {
                value.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(63).collect()
            }
            _ => value,
        };
        self.keep(name, stored);
        Ok(())
    }

    /// `ISO, MDY` in any order and part.
    fn date_style(&mut self, value: &str) -> Result<String> {
        let (mut style, mut order) = (self.text.date_style, self.text.date_order);
        for word in value.split(',').map(|word| word.trim().trim_matches('"').to_ascii_lowercase()) {
            match word.as_str() {
                "iso" => style = DateStyle::Iso,
                "sql" => style = DateStyle::Sql,
                "postgres" => style = DateStyle::Postgres,
                "german" => (style, order) = (DateStyle::German, DateOrder::Dmy),
                "mdy" | "us" | "noneuropean" | "noneuro" => order = DateOrder::Mdy,
                "dmy" | "euro" | "european" => order = DateOrder::Dmy,
                "ymd" => order = DateOrder::Ymd,
                "default" => (style, order) = (DateStyle::Iso, DateOrder::Mdy),
                _ => {
                    return Err(err!(
                        InvalidParameterValue,
                        "invalid value for parameter \"DateStyle\": \"{value}\""
                    ));
                }
            }
        }
        (self.text.date_style, self.text.date_order) = (style, order);
        let style = match style {
            DateStyle::Iso => "ISO",
            DateStyle::Sql => "SQL",
            DateStyle::Postgres => "Postgres",
            DateStyle::German => "German",
        };
        let order = match order {
            DateOrder::Mdy => "MDY",
            DateOrder::Dmy => "DMY",
            DateOrder::Ymd => "YMD",
        };
        Ok(format!("{style}, {order}"))
    }

    /// RESET ALL and DISCARD ALL: back to the connection's own.
    pub fn reset_all(&mut self) -> Result<()> {
        const KEPT: [&str; 5] = [
            "is_superuser",
            "session_authorization",
            "transaction_isolation",
            "transaction_read_only",
            "role",
        ];
        let names: Vec<String> =
            self.values.keys().filter(|name| !KEPT.contains(&name.as_str())).cloned().collect();
        for name in names {
            self.set(&name, None)?;
        }
        Ok(())
    }
}

pub fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A comma-separated list of identifiers: folded unless quoted.
pub fn split_identifiers(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut name, mut quoted, mut inside) = (String::new(), false, false);
    let mut finish = |name: &mut String, quoted: &mut bool| {
        let trimmed = if *quoted { std::mem::take(name) } else { std::mem::take(name).trim().to_lowercase() };
        if !trimmed.is_empty() {
            names.push(trimmed);
        }
        *quoted = false;
    };
    for character in text.chars() {
        match character {
            '"' => {
                inside = !inside;
                if inside && quoted {
                    name.push('"');
                }
                if inside && !quoted {
                    name.clear();
                }
                quoted = true;
            }
            ',' if !inside => finish(&mut name, &mut quoted),
            c if c.is_whitespace() && quoted && !inside => {}
            c => name.push(c),
        }
    }
    finish(&mut name, &mut quoted);
    names
}

impl Setting {
    /// The value in the form that SHOW prints.
    fn canonical(&self, value: &str) -> Result<String> {
        let name = self.name;
        let invalid = || err!(InvalidParameterValue, "invalid value for parameter \"{name}\": \"{value}\"");
        match self.kind {
            Bool => match boolean(value) {
                Some(on) => Ok(on_or_off(on).to_owned()),
                None => Err(err!(InvalidParameterValue, "parameter \"{name}\" requires a Boolean value")),
            },
            Int(minimum, maximum, unit) => {
                let number = integer(value, unit).ok_or_else(invalid)?;
                if !(minimum..=maximum).contains(&number) {
                    let unit = unit.name();
                    return Err(err!(
                        InvalidParameterValue,
                        "{number}{unit} is outside the valid range for parameter \"{name}\" ({minimum}{unit} .. {maximum}{unit})"
                    ));
                }
                Ok(unit.show(number))
            }
            Real => value.parse::<f64>().map(|number| number.to_string()).map_err(|_| invalid()),
            Text => Ok(value.to_owned()),
            Enum(values) => {
                let lower = value.to_ascii_lowercase();
                let synonym = match boolean(&lower) {
                    Some(true) if values.contains(&"on") => "on",
                    Some(false) if values.contains(&"off") => "off",
                    _ => lower.as_str(),
                };
                values
                    .iter()
                    .find(|known| **known == synonym)
                    .map(|known| (*known).to_owned())
                    .ok_or_else(|| invalid().hint(format!("Available values: {}.", values.join(", "))))
            }
            Fixed => Err(invalid()),
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Milliseconds => " ms",
            Unit::Kilobytes => " kB",
            Unit::Pages => " 8kB",
            Unit::Seconds => " s",
        }
    }

    /// As SHOW prints: in the largest unit that holds it whole.
    fn show(self, number: i64) -> String {
        let units: &[(&str, i64)] = match self {
            Unit::None => return number.to_string(),
            Unit::Milliseconds => {
                &[("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)]
            }
            Unit::Seconds => &[("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)],
            Unit::Kilobytes => &[("TB", 1 << 30), ("GB", 1 << 20), ("MB", 1 << 10), ("kB", 1)],
            Unit::Pages => &[("TB", 1 << 27), ("GB", 1 << 17), ("MB", 1 << 7)],
        };
        if number <= 0 {
            return number.to_string();
        }
        match units.iter().find(|(_, size)| number % size == 0) {
            Some((name, size)) => format!("{}{name}", number / size),
            None => format!("{}kB", number * 8),
        }
    }
}

/// A number with an optional unit, in the setting's own unit.
fn integer(value: &str, unit: Unit) -> Option<i64> {
    let value = value.trim();
    let digits = value.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.')).unwrap_or(value.len());
    let number: f64 = value[..digits].parse().ok()?;
    let factor = match (unit, value[digits..].trim()) {
        (_, "") => 1.0,
        (Unit::Milliseconds, "us") => 0.001,
        (Unit::Milliseconds, "ms") => 1.0,
        (Unit::Milliseconds, "s") => 1e3,
        (Unit::Milliseconds, "min") => 6e4,
        (Unit::Milliseconds, "h") => 3.6e6,
        (Unit::Milliseconds, "d") => 8.64e7,
        (Unit::Seconds, "ms") => 0.001,
        (Unit::Seconds, "s") => 1.0,
        (Unit::Seconds, "min") => 60.0,
        (Unit::Seconds, "h") => 3600.0,
        (Unit::Seconds, "d") => 86_400.0,
        (Unit::Kilobytes, "kB") => 1.0,
        (Unit::Kilobytes, "MB") => 1024.0,
        (Unit::Kilobytes, "GB") => 1_048_576.0,
        (Unit::Kilobytes, "TB") => 1_073_741_824.0,
        (Unit::Pages, "kB") => 0.125,
        (Unit::Pages, "MB") => 128.0,
        (Unit::Pages, "GB") => 131_072.0,
        _ => return None,
    };
    Some((number * factor).round() as i64)
}

/// PostgreSQL's spellings of a Boolean: unambiguous prefixes of true, false, yes, no; on, off, 1, 0.
pub fn boolean(value: &str) -> Option<bool> {
    let value = value.trim().to_ascii_lowercase();
    match value.as_str() {
        "" | "o" => None,
        "1" | "on" => Some(true),
        "0" | "of" | "off" => Some(false),
        v if "true".starts_with(v) || "yes".starts_with(v) => Some(true),
        v if "false".starts_with(v) || "no".starts_with(v) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found_in_any_case() {
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name.to_lowercase()));
        let settings = Settings::default();
        assert_eq!(settings.get("timezone").unwrap(), "UTC");
        assert_eq!(settings.get("nonsense").unwrap_err().state, types::SqlState::UndefinedObject);
    }

    #[test]
    fn values_are_shown_as_postgres_shows_them() {
        let mut settings = Settings::default();
        for (name, value, shown) in [
            ("statement_timeout", "2000", "2s"),
            ("statement_timeout", "1500ms", "1500ms"),
            ("work_mem", "65536", "64MB"),
            ("jit", "TRUE", "on"),
            ("extra_float_digits", "3", "3"),
            ("DATESTYLE", "dmy, sql", "SQL, DMY"),
            ("client_encoding", "'utf-8'", "UTF8"),
            ("synchronous_commit", "false", "off"),
        ] {
            settings.set(name, Some(value)).unwrap();
            assert_eq!(settings.get(name).unwrap(), shown, "{name}");
        }
        for (name, value) in [
            ("jit", "perhaps"),
            ("statement_timeout", "-1"),
            ("statement_timeout", "1 fortnight"),
            ("client_encoding", "LATIN1"),
            ("server_version", "16"),
            ("standard_conforming_strings", "off"),
            ("ledger.nothing", "1"),
        ] {
            assert!(settings.set(name, Some(value)).is_err(), "{name}");
        }
        settings.set("my.own", Some("x")).unwrap();
        assert_eq!(settings.get("my.own").unwrap(), "x");
    }

    #[test]
    fn reset_goes_back_to_the_connection() {
        let mut settings = Settings::default();
        settings.set("statement_timeout", Some("5s")).unwrap();
        settings.keep_as_reset();
        settings.set("statement_timeout", Some("9s")).unwrap();
        settings.set("statement_timeout", None).unwrap();
        assert_eq!(settings.get("statement_timeout").unwrap(), "5s");
    }

    #[test]
    fn search_paths_are_split_like_identifiers() {
        assert_eq!(split_identifiers("\"$user\", Public,\"A,b\""), ["$user", "public", "A,b"]);
        assert!(split_identifiers("").is_empty());
    }
}
