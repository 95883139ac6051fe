//! Planned statements: what PREPARE and Parse keep, and when they are planned again.

use crate::session::Session;
use plan::statement::{Copy, CopySource};
use plan::{Field, Parsed, Query, Statement};
use std::sync::Arc;
use types::{DataType, Moment, Result, TxId, Value, err};

/// A parsed and planned statement. Shared; re-planned by the session when the catalog has changed.
#[derive(Clone)]
pub struct Prepared {
    /// Types of `$1..`.
    pub parameters: Vec<DataType>,
    /// None: the statement returns no rows.
    pub fields: Option<Arc<[Field]>>,
    pub(crate) statement: Arc<Statement>,
    pub(crate) parsed: Arc<Parsed>,
    /// The types that the client gave.
    pub(crate) given: Vec<Option<DataType>>,
    /// None: it depends on nothing.
    pub(crate) key: Option<PlanKey>,
    pub(crate) from_sql: bool,
    /// What pg_prepared_statements shows: the client's text, and when it came.
    pub(crate) source: Arc<str>,
    pub(crate) prepared_us: i64,
}

/// Parameter types and result columns of a statement.
type Shape = (Vec<DataType>, Option<Arc<[Field]>>);

/// What a plan depends on beside the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlanKey {
    schema_version: u64,
    /// What was known of the sizes of tables.
    statistics: u64,
    search_path: Arc<[String]>,
    user: types::Oid,
    as_of: Option<TxId>,
}

impl Session {
    /// Plans a statement in the open transaction.
    pub(crate) fn plan(&mut self, parsed: Arc<Parsed>, given: Vec<Option<DataType>>) -> Result<Prepared> {
        self.plan_with(parsed, given, vec![])
    }

    /// With the values of its parameters, where they are known.
    fn plan_with(
        &mut self,
        parsed: Arc<Parsed>,
        given: Vec<Option<DataType>>,
        values: Vec<Value>,
    ) -> Result<Prepared> {
        let (source, prepared_us) = (Arc::from(parsed.text.as_str()), self.known.statement_start.get());
        if let Some(statement) = needs_no_schema(&parsed) {
            let (parameters, fields) = self.describe(&statement)?;
            return Ok(Prepared {
                parameters,
                fields,
                statement: Arc::new(statement),
                parsed,
                given,
                key: None,
                from_sql: false,
                source,
                prepared_us,
            });
        }
        let search_path = self.known.search_path();
        let user = self.known.current_user();
        let transaction = self.open_transaction()?;
        transaction.see_catalog()?;
        let as_of = transaction.past_tx();
        let schema = transaction.schema(&search_path, user);
        let (schema_version, statistics) = (schema.version(), transaction.statistics_version());
        let key = PlanKey { schema_version, statistics, search_path, user, as_of };
        let environment = plan::Environment {
            schema,
            parameters: given.clone(),
            values,
            settings: self.known.text_settings(),
            as_of: as_of.map(Moment::Transaction),
            current_user: self.known.current_user_name(),
            database: self.known.database.clone(),
        };
        let statement = plan::plan(&parsed, &environment)?;
        let (parameters, fields) = self.describe(&statement)?;
        Ok(Prepared {
            parameters,
            fields,
            statement: Arc::new(statement),
            parsed,
            given,
            key: Some(key),
            from_sql: false,
            source,
            prepared_us,
        })
    }

    /// The statement as it is, or planned anew where what it depends on has changed: the schema of now, or that of a
    /// moment which `values` or the time decide. 0A000 when that changes the result's columns.
    pub(crate) fn current(&mut self, prepared: &Arc<Prepared>, values: &[Value]) -> Result<Arc<Prepared>> {
        self.planned_anew(prepared, values, false)
    }

    /// The same with its tables locked: a table that changed while its lock was awaited is seen as it is now. `untold`:
    /// nobody knows the result's columns yet, so that they may change.
    pub(crate) fn current_locked(
        &mut self,
        prepared: &Arc<Prepared>,
        values: &[Value],
        untold: bool,
    ) -> Result<Arc<Prepared>> {
        let mut prepared = self.planned_anew(prepared, values, untold)?;
        while let Some(query) = query_of(&prepared.statement).cloned()
            && !self.lock_planned(&query)?
        {
            self.begin_step()?;
            prepared = self.planned_anew(&prepared, values, untold)?;
        }
        Ok(prepared)
    }

    /// The same where nobody has been told of the statement.
    pub(crate) fn current_untold(&mut self, prepared: &Arc<Prepared>) -> Result<Arc<Prepared>> {
        self.planned_anew(prepared, &[], true)
    }

    fn planned_anew(
        &mut self,
        prepared: &Arc<Prepared>,
        values: &[Value],
        untold: bool,
    ) -> Result<Arc<Prepared>> {
        let Some(planned_for) = &prepared.key else { return Ok(prepared.clone()) };
        let search_path = self.known.search_path();
        let user = self.known.current_user();
        let transaction = self.open_transaction()?;
        transaction.see_catalog()?;
        let (as_of, schema_version) = (transaction.past_tx(), transaction.state().version);
        let statistics = transaction.statistics_version();
        let moments = query_of(&prepared.statement).map_or(&[][..], |query| &query.moments);
        let mut other_moment = false;
        if !moments.is_empty() {
            let schema = transaction.schema(&search_path, user);
            let settings = self.known.text_settings();
            for moment in moments {
                let wanted = moment.evaluate(values, &settings)?;
                other_moment |= match moment.planned {
                    Some(planned) => planned != wanted,
                    None => schema.at(wanted)?.version() != schema_version,
                };
            }
        }
        let key = PlanKey { schema_version, statistics, search_path, user, as_of };
        if key == *planned_for && !other_moment {
            return Ok(prepared.clone());
        }
        let given = match prepared.given.is_empty() {
            true => prepared.parameters.iter().map(|ty| Some(*ty)).collect(),
            false => prepared.given.clone(),
        };
        let values = if other_moment { values.to_vec() } else { vec![] };
        let planned = self.plan_with(prepared.parsed.clone(), given, values)?;
        let shape = |prepared: &Prepared| {
            prepared
                .fields
                .as_ref()
                .map(|fields| fields.iter().map(|f| (f.name.clone(), f.ty)).collect::<Vec<_>>())
        };
        if !untold && shape(&planned) != shape(prepared) {
            let error = err!(FeatureNotSupported, "cached plan must not change result type");
            return Err(match other_moment {
                true => error
                    .detail("The statement was described by the schema of now; that of the moment differs.")
                    .hint("Name the columns that both have, or write the moment as a literal."),
                false => error,
            });
        }
        let Prepared { from_sql, prepared_us, .. } = **prepared;
        Ok(Arc::new(Prepared { from_sql, source: prepared.source.clone(), prepared_us, ..planned }))
    }

    /// Parameter types and result columns of a statement.
    fn describe(&self, statement: &Statement) -> Result<Shape> {
        let fields = |fields: &[Field]| (!fields.is_empty()).then(|| Arc::from(fields));
        Ok(match statement {
            Statement::Query(query) => (query.parameters.clone(), crate::portal::result_fields(query)),
            Statement::Explain { query, options } => {
                let (parameters, _) = self.describe(query)?;
                let ty = if options.json { DataType::Json } else { DataType::Text };
                (parameters, fields(&[text_field("QUERY PLAN", ty)]))
            }
            Statement::Show(name) if name == "all" => {
                let names = ["name", "setting", "description"];
                (vec![], fields(&names.map(|name| text_field(name, DataType::Text))))
            }
            Statement::Show(name) => {
                let shown = self.setting_name(name);
                (vec![], fields(&[text_field(&shown, DataType::Text)]))
            }
            Statement::Execute { name, .. } => (vec![], self.prepared(name)?.fields.clone()),
            Statement::Fetch { cursor, move_only: false, .. } => {
                let missing = |_| types::err!(InvalidCursorName, "cursor \"{cursor}\" does not exist");
                (vec![], self.portal_fields(cursor).map_err(missing)?)
            }
            Statement::CreateTableAs { query, .. } => (query.parameters.clone(), None),
            Statement::Declare { query, .. } => (query.parameters.clone(), None),
            Statement::Fetch { .. }
            | Statement::Ddl(_)
            | Statement::Role(_)
            | Statement::Copy(_)
            | Statement::Transaction(_)
            | Statement::Set(_)
            | Statement::Prepare { .. }
            | Statement::Deallocate(_)
            | Statement::CloseCursor(_)
            | Statement::Discard(_)
            | Statement::Vacuum { .. }
            | Statement::LockTable { .. }
            | Statement::SetConstraints { .. }
            | Statement::Checkpoint
            | Statement::Unlisten
            | Statement::Empty => (vec![], None),
        })
    }
}

/// The query that a statement runs.
fn query_of(statement: &Statement) -> Option<&Arc<Query>> {
    match statement {
        Statement::Query(query)
        | Statement::CreateTableAs { query, .. }
        | Statement::Declare { query, .. }
        | Statement::Copy(Copy { source: CopySource::Query(query), .. }) => Some(query),
        Statement::Copy(Copy { source: CopySource::Table { insert, select, .. }, .. }) => {
            insert.as_ref().or(select.as_ref())
        }
        Statement::Explain { query, .. } => query_of(query),
        _ => None,
    }
}

/// Whether other sessions may run the plan, and it is worth keeping.
pub(crate) fn is_kept(statement: &Statement) -> bool {
    matches!(statement, Statement::Query(_) | Statement::Transaction(_))
}

/// Whether a table of it has an index that holds some of its rows.
pub(crate) fn has_partial_index(statement: &Statement) -> bool {
    let partial =
        |need: &plan::statement::Need| need.relation.indexes.iter().any(|index| index.predicate.is_some());
    query_of(statement).is_some_and(|query| query.privileges.iter().any(partial))
}

/// A column of a result that is no table's.
pub fn text_field(name: &str, data_type: DataType) -> Field {
    Field { name: name.to_owned(), ty: data_type.into(), table: 0, column: 0 }
}

/// Transaction control, settings and the like: they run in any state, even in a failed block, and open no transaction.
fn needs_no_schema(parsed: &Parsed) -> Option<Statement> {
    use plan::parse::Syntax;
    use plan::utility::Utility;
    let utility = match &parsed.syntax {
        Syntax::Empty => return Some(Statement::Empty),
        Syntax::Sql(_) => return None,
        Syntax::Utility(utility) => utility,
    };
    Some(match &**utility {
        Utility::Transaction(command) => Statement::Transaction(command.clone()),
        Utility::Set(set) => Statement::Set(set.clone()),
        Utility::Show(name) => Statement::Show(name.clone()),
        Utility::Deallocate(name) => Statement::Deallocate(name.clone()),
        Utility::Discard(what) => Statement::Discard(*what),
        Utility::Role(role) => Statement::Role(role.clone()),
        Utility::Close(name) => Statement::CloseCursor(name.clone()),
        Utility::Fetch { cursor, direction, move_only } => {
            Statement::Fetch { cursor: cursor.clone(), direction: *direction, move_only: *move_only }
        }
        _ => return None,
    })
}
