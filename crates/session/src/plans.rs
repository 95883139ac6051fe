//! Plans that sessions share, so that a statement which comes again is not parsed and planned again.
//!
//! ```text
//!   simple query ── skeleton ──> shapes: which literals are fixed, which are parameters of the plan
//!   Parse ───────── text ──────> the plan
//! ```
//! A plan is kept under all that planning depends on: [`Scope`] is part of its place here, and the catalog's version is
//! in the plan, which is forgotten or made anew where that has changed. A simple query is kept when it comes for the
//! second time.

use crate::prepared::Prepared;
use crate::session::Session;
use plan::parse::lift::{self, Form, Skeleton};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use types::{ColumnType, DataType, Oid, TextSettings, Value};

/// Texts that are kept in all; a plan takes some ten times its text.
const TEXTS_MAX_BYTES: usize = 4 << 20;
/// How many shapes a skeleton may have: more come from literals that are no parameters.
const SHAPES_MAX: usize = 16;

/// What planning depends on beside the text and the catalog.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Scope {
    database: String,
    user: (Oid, String),
    search_path: Arc<[String]>,
    /// How constants are read.
    style: String,
}

/// All scopes of a cluster.
#[derive(Default)]
pub struct Plans {
    scopes: Mutex<HashMap<Scope, Arc<ScopePlans>>>,
    texts_bytes: AtomicUsize,
}

/// The plans of one scope.
#[derive(Default)]
pub struct ScopePlans {
    simple: RwLock<HashMap<Vec<u8>, Known>>,
    parsed: RwLock<HashMap<String, ByTypes>>,
}

/// The plans of a text by the types that Parse gave.
type ByTypes = HashMap<Vec<Option<DataType>>, Arc<Prepared>>;

/// A skeleton that has come.
enum Known {
    Once,
    Shapes(Vec<Arc<Shape>>),
    /// It is planned each time.
    Never,
}

/// A skeleton with some literals fixed, and the plan that has parameters for the others.
pub struct Shape {
    fixed: Vec<(usize, String)>,
    /// Which literal, and whether a minus is before it.
    parameters: Vec<(usize, bool)>,
    prepared: Arc<Prepared>,
}

/// The scope that a session is in, and what that is told by.
pub struct Current {
    user: Oid,
    search_path: Arc<[String]>,
    settings: TextSettings,
    plans: Arc<ScopePlans>,
}

/// A statement of the simple protocol whose plan is known.
pub struct Recalled {
    pub(crate) prepared: Arc<Prepared>,
    pub(crate) values: Vec<Value>,
    pub(crate) text: String,
    /// Where that begins in the query string.
    pub(crate) offset: usize,
    /// The skeleton's.
    key: Vec<u8>,
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl Plans {
    fn scope(&self, scope: Scope) -> Arc<ScopePlans> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.entry(scope).or_default().clone()
    }

    /// Makes room for a text.
    fn note(&self, text_bytes: usize) {
        if self.texts_bytes.fetch_add(text_bytes, Ordering::Relaxed) < TEXTS_MAX_BYTES {
            return;
        }
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        scopes.retain(|_, plans| {
            write(&plans.simple).clear();
            write(&plans.parsed).clear();
            // Sessions may be in it.
            Arc::strong_count(plans) > 1
        });
        self.texts_bytes.store(text_bytes, Ordering::Relaxed);
    }
}

impl Shape {
    fn fits(&self, sql: &str, skeleton: &Skeleton) -> bool {
        self.fixed.iter().all(|(number, text)| skeleton.text_of(*number, sql) == text)
    }

    /// None: a literal is no value of its parameter's type, of which the statement itself tells.
    fn values(
        &self,
        types: &[DataType],
        sql: &str,
        skeleton: &Skeleton,
        settings: &TextSettings,
    ) -> Option<Vec<Value>> {
        let value = |(&(number, negated), ty): (&(usize, bool), &DataType)| {
            let text = skeleton.value_of(number, sql);
            let sign = if negated { -1 } else { 1 };
            match ty {
                DataType::Int4 if skeleton.form_of(number) == Some(Form::Int4) => {
                    text.parse::<i32>().ok().map(|number| Value::Int4(sign * number))
                }
                ty if negated => {
                    types::text::parse(&format!("-{text}"), ColumnType::from(*ty), settings).ok()
                }
                ty => types::text::parse(&text, ColumnType::from(*ty), settings).ok(),
            }
        };
        self.parameters.iter().zip(types).map(value).collect()
    }
}

impl Session {
    /// The plans of the scope that the session is in now.
    fn plans(&mut self) -> Arc<ScopePlans> {
        let (user, search_path) = (self.known.current_user(), self.known.search_path());
        let settings = self.known.settings.borrow();
        if let Some(current) = &self.plans
            && current.user == user
            && Arc::ptr_eq(&current.search_path, &search_path)
            && current.settings.same_style(&settings.text)
        {
            return current.plans.clone();
        }
        let settings = settings.text.clone();
        let scope = Scope {
            database: self.known.database.clone(),
            user: (user, self.known.current_user_name()),
            search_path: search_path.clone(),
            style: settings.style(),
        };
        let plans = self.known.cluster.plans().scope(scope);
        self.plans = Some(Current { user, search_path, settings, plans: plans.clone() });
        plans
    }

    /// A query string of the simple protocol whose plan is known. None: it is to be parsed and run by
    /// [`Session::simple`], after which it may be known.
    pub fn recall(&mut self, sql: &str) -> Option<Recalled> {
        self.learning = None;
        let skeleton = lift::skeleton(sql)?;
        let plans = self.plans();
        let found = match read(&plans.simple).get(&skeleton.key) {
            None => None,
            Some(Known::Never) => return None,
            Some(Known::Once) => Some(None),
            Some(Known::Shapes(shapes)) => {
                let fits = shapes.iter().find(|shape| shape.fits(sql, &skeleton)).cloned();
                if fits.is_none() && shapes.len() >= SHAPES_MAX {
                    return None;
                }
                Some(fits)
            }
        };
        match found {
            None => {
                self.known.cluster.plans().note(skeleton.key.len());
                write(&plans.simple).insert(skeleton.key, Known::Once);
                None
            }
            Some(None) => {
                self.learning = Some((sql.to_owned(), skeleton));
                None
            }
            Some(Some(shape)) => {
                let prepared = shape.prepared.clone();
                let settings = self.known.text_settings();
                let values = shape.values(&prepared.parameters, sql, &skeleton, &settings)?;
                // What is left of the unnamed ones goes, as with any query string.
                self.prepared.remove("");
                self.portals.remove("");
                let text = skeleton.statement(sql).to_owned();
                Some(Recalled { prepared, values, text, offset: skeleton.offset(), key: skeleton.key })
            }
        }
    }

    /// What it was planned for has changed: other literals may be parameters now.
    pub(crate) fn forget(&mut self, recalled: &Recalled) {
        write(&self.plans().simple).remove(&recalled.key);
    }

    /// Keeps the plan of a statement that has just run as `ran`, with parameters for its literals.
    pub(crate) fn learn(&mut self, sql: &str, skeleton: Skeleton, ran: &Prepared) {
        let plans = self.plans();
        let shape = self.shape(sql, &skeleton, ran);
        self.known.cluster.plans().note(sql.len());
        let mut simple = write(&plans.simple);
        match (shape, simple.get_mut(&skeleton.key)) {
            (Some(shape), Some(Known::Shapes(shapes))) => shapes.push(Arc::new(shape)),
            (Some(shape), _) => {
                simple.insert(skeleton.key, Known::Shapes(vec![Arc::new(shape)]));
            }
            (None, _) => {
                simple.insert(skeleton.key, Known::Never);
            }
        }
    }

    /// None: the statement with parameters is not the statement.
    fn shape(&mut self, sql: &str, skeleton: &Skeleton, ran: &Prepared) -> Option<Shape> {
        if !crate::prepared::is_kept(&ran.statement) {
            return None;
        }
        let parsed = plan::parse(sql).ok().filter(|parsed| parsed.len() == 1)?.pop()?;
        // Places are counted from the same beginning.
        if parsed.text != skeleton.statement(sql) {
            return None;
        }
        let lifted = lift::lift(parsed, skeleton);
        let fixed: Vec<(usize, String)> =
            lifted.fixed.iter().map(|number| (*number, skeleton.text_of(*number, sql).to_owned())).collect();
        if fixed.iter().any(|(_, text)| depends_on_the_clock(text)) {
            return None;
        }
        let prepared = self.plan(Arc::new(lifted.parsed), lifted.given).ok()?;
        let same_fields = match (&prepared.fields, &ran.fields) {
            (None, None) => true,
            (Some(fields), Some(ran)) => {
                fields.iter().map(|f| (&f.name, f.ty)).eq(ran.iter().map(|f| (&f.name, f.ty)))
            }
            _ => false,
        };
        // A condition of a partial index is only met by a constant.
        let partial =
            !lifted.parameters.is_empty() && crate::prepared::has_partial_index(&prepared.statement);
        let whole = prepared.parameters.len() == lifted.parameters.len();
        (same_fields && whole && !partial && crate::prepared::is_kept(&prepared.statement)).then(|| Shape {
            fixed,
            parameters: lifted.parameters,
            prepared: Arc::new(prepared),
        })
    }

    /// The plan of Parse's text, if it is known.
    pub(crate) fn recall_parsed(&mut self, sql: &str, types: &[Option<DataType>]) -> Option<Arc<Prepared>> {
        read(&self.plans().parsed).get(sql).and_then(|given| given.get(types)).cloned()
    }

    pub(crate) fn keep_parsed(&mut self, sql: &str, types: &[Option<DataType>], prepared: Arc<Prepared>) {
        const TEXT_MAX_BYTES: usize = 8_192;
        if sql.len() > TEXT_MAX_BYTES
            || has_strings(sql) && depends_on_the_clock(sql)
            || !crate::prepared::is_kept(&prepared.statement)
        {
            return;
        }
        let plans = self.plans();
        self.known.cluster.plans().note(sql.len());
        write(&plans.parsed).entry(sql.to_owned()).or_default().insert(types.to_vec(), prepared);
    }
}

/// Whether a text may have a string constant, dollar-quoted ones included.
fn has_strings(sql: &str) -> bool {
    let is_number = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    sql.contains('\'') || sql.split('$').skip(1).any(|rest| !is_number(rest))
}

/// 'now' and its kin, which are read when a statement is planned, may be in a text.
fn depends_on_the_clock(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["now", "today", "tomorrow", "yesterday"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cluster, ClusterOptions, Rows, SessionOptions};
    use std::path::Path;
    use types::{Batch, Result};

    #[derive(Default)]
    struct Nothing;

    impl Rows for Nothing {
        fn fields(&mut self, _: &[plan::Field], _: &TextSettings) -> Result<()> {
            Ok(())
        }
        fn batch(&mut self, _: &Batch, _: &TextSettings) -> Result<()> {
            Ok(())
        }
        fn copy_out(&mut self, _: usize, _: bool) -> Result<()> {
            Ok(())
        }
        fn copy_data(&mut self, _: &[u8]) -> Result<()> {
            Ok(())
        }
        fn notices(&mut self, _: Vec<crate::Notice>) {}
    }

    fn cluster() -> Cluster {
        let options = ClusterOptions { index: kv::store::IndexEngine::Memory, ..ClusterOptions::default() };
        Cluster::open(host::Host::volatile(), Path::new("/stele"), options).unwrap()
    }

    fn session(cluster: &Cluster) -> Session {
        let options =
            SessionOptions { user: "stele".into(), database: "stele".into(), ..SessionOptions::default() };
        cluster.connect(options).unwrap()
    }

    /// Runs a query string. True: its plan was known.
    fn run(session: &mut Session, sql: &str) -> bool {
        let recalled = session.recall(sql);
        let known = recalled.is_some();
        match recalled {
            Some(recalled) => drop(session.run_recalled(recalled, &mut Nothing).unwrap()),
            None => {
                for statement in session.parse(sql).unwrap() {
                    session.simple(&statement, &mut Nothing).unwrap();
                }
            }
        }
        session.end_implicit().unwrap();
        known
    }

    #[test]
    fn what_came_twice_is_known_to_every_session() {
        let cluster = cluster();
        let (mut one, mut other) = (session(&cluster), session(&cluster));
        run(&mut one, "create table t (a int primary key, b text)");
        assert!(!run(&mut one, "insert into t values (1, 'x')"));
        assert!(!run(&mut one, "insert into t values (2, 'y')"));
        assert!(run(&mut one, "insert into t values (3, 'z')"));
        assert!(run(&mut other, "insert into t values (4, 'it''s')"));
        assert!(!run(&mut other, "insert into t values (5, 6)"), "another form");
        for sql in ["begin", "select b from t where a = 1", "end"] {
            run(&mut one, sql);
            run(&mut one, sql);
            assert!(run(&mut one, sql), "{sql}");
        }
    }

    #[test]
    fn what_may_mean_another_thing_is_planned_again() {
        let cluster = cluster();
        let mut session = session(&cluster);
        run(
            &mut session,
            "create table t (a int, b timestamptz, c text); create index on t (a) where c = 'x'",
        );
        for sql in
            ["select 'today'::date", "select a from t where c = 'x'", "explain select 1", "show datestyle"]
        {
            (0..5).for_each(|_| assert!(!run(&mut session, sql), "{sql}"));
        }
        for (sql, kept) in [
            ("select 'now'::timestamp", false),
            ("select $$today$$::date", false),
            ("select $a$today$a$::date", false),
            ("select now(), $1::int", true),
        ] {
            session.prepare("", sql, &[]).unwrap();
            session.end_implicit().unwrap();
            assert_eq!(session.recall_parsed(sql, &[]).is_some(), kept, "{sql}");
        }
        let sql = "select timestamptz '2020-01-01 12:00'";
        (0..2).for_each(|_| assert!(!run(&mut session, sql)));
        assert!(run(&mut session, sql));
        run(&mut session, "set timezone = 'Asia/Tokyo'");
        assert!(!run(&mut session, sql), "a constant of another time zone");
        run(&mut session, "reset timezone");
        assert!(run(&mut session, sql));
    }

    #[test]
    fn a_change_of_the_catalog_is_noticed() {
        let cluster = cluster();
        let (mut one, mut other) = (session(&cluster), session(&cluster));
        run(&mut one, "create table t (a int primary key, c text)");
        let sql = "select a from t where c = 'x'";
        (0..2).for_each(|_| assert!(!run(&mut one, sql)));
        assert!(run(&mut one, sql));
        run(&mut other, "create index on t (a) where c = 'x'");
        assert!(run(&mut one, sql), "known, and found to be stale");
        (0..4).for_each(|_| assert!(!run(&mut one, sql), "its constant may decide now"));
    }

    #[test]
    fn literals_that_are_no_parameters_make_shapes_up_to_a_limit() {
        let cluster = cluster();
        let mut session = session(&cluster);
        let sql = |number: usize| format!("select {number} + 1");
        run(&mut session, &sql(0));
        (0..SHAPES_MAX).for_each(|number| assert!(!run(&mut session, &sql(number))));
        (0..SHAPES_MAX).for_each(|number| assert!(run(&mut session, &sql(number))));
        (0..3).for_each(|_| assert!(!run(&mut session, &sql(SHAPES_MAX))));
    }

    #[test]
    fn room_is_limited() {
        let cluster = cluster();
        let mut session = session(&cluster);
        let sql =
            |number: usize| format!("select a as a{number}{} from (values (1)) v (a)", "x".repeat(8_000));
        run(&mut session, &sql(0));
        let kept = |session: &mut Session| read(&session.plans().simple).len();
        (0..TEXTS_MAX_BYTES / 4_000).for_each(|number| drop(session.recall(&sql(number))));
        assert!(kept(&mut session) * 8_000 <= TEXTS_MAX_BYTES);
    }
}
