//! Functions that only a session can answer: who, where, when, its settings, its sequences, its ledger.

mod advisory;
mod describe;
mod ledger;
mod name;
mod privilege;
mod sequence;
mod setting;

use crate::surroundings::Known;
use catalog::Transaction;
use types::{DataType, Oid, Result, Value, err};

/// Answers for one pull of a query.
pub struct Answers<'a> {
    pub known: &'a Known,
}

impl exec::run::Functions for Answers<'_> {
    fn call(
        &self,
        transaction: &mut Transaction,
        function: &'static expr::Function,
        args: &[Value],
    ) -> Result<Value> {
        let known = self.known;
        let name = function.name.trim_start_matches("pg_catalog.");
        match name {
            "current_user" | "user" | "current_role" => Ok(Value::text(known.current_user_name())),
            "session_user" => Ok(Value::text(known.session_user.borrow().1.clone())),
            "current_database" | "current_catalog" => Ok(Value::text(known.database.clone())),
            "now" | "transaction_timestamp" => Ok(Value::Timestamp(known.transaction_start.get())),
            "statement_timestamp" => Ok(Value::Timestamp(known.statement_start.get())),
            "clock_timestamp" => Ok(Value::Timestamp(known.cluster.host().clock.now_us())),
            "timeofday" => {
                let mut text = String::new();
                let now = Value::Timestamp(known.cluster.host().clock.now_us());
                types::text::format(&now, DataType::TimestampTz, &known.text_settings(), &mut text);
                Ok(Value::Text(text))
            }
            "version" => Ok(Value::text(format!(
                "PostgreSQL {} on x86_64-pc-linux-gnu, compatible",
                crate::settings::SERVER_VERSION
            ))),
            "pg_backend_pid" => Ok(Value::Int4(known.process_id)),
            "pg_postmaster_start_time" | "pg_conf_load_time" => {
                Ok(Value::Timestamp(known.cluster.started_at_us()))
            }
            "random" => Ok(Value::Float8(self.random())),
            "setseed" => {
                if let [Value::Float8(seed)] = args {
                    known.seed.set(Some(seed.to_bits() | 1));
                }
                Ok(Value::VOID)
            }
            "gen_random_uuid" => {
                let mut bytes: [u8; 16] = host::random::bytes(&*known.cluster.host().random);
                bytes[6] = (bytes[6] & 0x0f) | 0x40;
                bytes[8] = (bytes[8] & 0x3f) | 0x80;
                Ok(Value::Uuid(bytes))
            }
            "txid_current" | "pg_current_xact_id" => {
                // A transaction has its number when it commits; until then the one it reads at is what there is.
                Ok(Value::Int8(transaction.snapshot_tx() as i64))
            }
            "txid_current_if_assigned" | "pg_partition_root" => Ok(Value::Null),
            "pg_export_snapshot" => Ok(Value::text(format!("tx:{}", transaction.snapshot_tx()))),
            "pg_is_in_recovery" | "pg_is_wal_replay_paused" | "pg_jit_available" | "row_security_active" => {
                Ok(Value::Bool(false))
            }
            "inet_client_addr" => Ok(known.client_address.clone().map_or(Value::Null, |address| {
                Value::text(address.rsplit_once(':').map_or(address.clone(), |(host, _)| host.to_owned()))
            })),
            "inet_server_addr" | "inet_server_port" | "inet_client_port" => Ok(Value::Null),
            "pg_sleep" => self.sleep(args),
            "pg_cancel_backend" | "pg_terminate_backend" => self.signal(name, args),
            "nextval" | "currval" | "lastval" | "setval" | "pg_sequence_last_value" => {
                sequence::call(known, transaction, name, args)
            }
            "current_setting" | "set_config" | "current_schema" | "current_schemas" => {
                setting::call(known, transaction, name, args)
            }
            "to_regclass" | "to_regtype" | "to_regproc" | "to_regnamespace" | "to_regrole" => {
                name::to_reg(self, transaction, name, args)
            }
            _ if name.contains("advisory") => advisory::call(known, transaction, name, args),
            _ if name.starts_with("ledger.") => ledger::call(known, transaction, name, args),
            _ if name.starts_with("has_") || name == "pg_has_role" => {
                privilege::call(known, transaction, name, args)
            }
            _ => describe::call(known, transaction, function, args),
        }
    }

    fn call_set(
        &self,
        transaction: &mut Transaction,
        function: &'static expr::Function,
        args: &[Value],
    ) -> Result<Vec<Vec<Value>>> {
        match function.name {
            "pg_show_all_settings" => Ok(setting::rows(self.known)),
            // No table is a partition.
            "pg_listening_channels" | "pg_get_replication_slots" | "pg_partition_ancestors" => Ok(vec![]),
            _ => describe::call_set(self.known, transaction, function, args),
        }
    }

    fn name_of(&self, transaction: &Transaction, data_type: DataType, oid: Oid) -> Result<Option<String>> {
        name::name_of(self.known, transaction, data_type, oid)
    }

    fn oid_of(&self, transaction: &Transaction, data_type: DataType, name: &str) -> Result<Option<Oid>> {
        name::oid_of(self.known, transaction, data_type, name)
    }

    fn may_read(&self, transaction: &Transaction, relation: &types::schema::Relation) -> Result<bool> {
        let user = self.known.current_user();
        Ok(self.known.is_superuser(user)
            || transaction.may(&self.known.closure(user), relation, types::ddl::Privilege::Select)?)
    }
    fn check_interrupt(&self) -> Result<()> {
        self.known.interrupt.check()
    }

    fn elapsed_us(&self) -> u64 {
        self.known.cluster.host().clock.monotonic().as_micros() as u64
    }
}

impl Answers<'_> {
    /// [0, 1). After setseed() a repeatable series (splitmix64), else the host's randomness.
    fn random(&self) -> f64 {
        let bits = match self.known.seed.get() {
            Some(seed) => {
                let next = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                self.known.seed.set(Some(next));
                let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                mixed ^ (mixed >> 31)
            }
            None => u64::from_be_bytes(host::random::bytes(&*self.known.cluster.host().random)),
        };
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Sleeps in short steps, so that a cancel request wakes it.
    fn sleep(&self, args: &[Value]) -> Result<Value> {
        let [Value::Float8(seconds)] = args else { return Ok(Value::Null) };
        let clock = &self.known.cluster.host().clock;
        let end = clock.monotonic()
            + std::time::Duration::try_from_secs_f64(seconds.max(0.0))
                .unwrap_or(std::time::Duration::MAX / 2);
        while let Some(left) = end.checked_sub(clock.monotonic()).filter(|left| !left.is_zero()) {
            self.known.interrupt.check()?;
            std::thread::sleep(left.min(std::time::Duration::from_millis(10)));
        }
        Ok(Value::VOID)
    }

    /// pg_cancel_backend, pg_terminate_backend: of one's own sessions, or anyone's for a superuser.
    fn signal(&self, name: &str, args: &[Value]) -> Result<Value> {
        let Some(Value::Int4(process_id)) = args.first() else { return Ok(Value::Null) };
        let Some((_, session)) = self.known.cluster.sessions().into_iter().find(|(id, _)| id == process_id)
        else {
            let warning = err!(Warning, "PID {process_id} is not a PostgreSQL server process");
            self.known.notice("WARNING", warning);
            return Ok(Value::Bool(false));
        };
        let user = self.known.current_user();
        if !self.known.is_superuser(user) && session.user != self.known.current_user_name() {
            return Err(err!(
                InsufficientPrivilege,
                "must be a member of the role whose query is being canceled"
            ));
        }
        if name == "pg_cancel_backend" {
            session.interrupt.cancel()
        } else {
            session.interrupt.terminate()
        }
        Ok(Value::Bool(true))
    }
}
