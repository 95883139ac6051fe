//! Stored expressions (CHECK, DEFAULT, index expressions), bound for the catalog: they name columns and functions, never
//! relations, so that an empty schema is all they need.

use expr::{Binder, Expr};
use std::sync::Arc;
use types::schema::{Moment, Relation, Schema};
use types::{ColumnType, Oid, Result, TextSettings};

pub struct StoredExpressions;

impl Binder for StoredExpressions {
    fn bind(&self, sql: &str, relation: &Relation, ty: Option<ColumnType>) -> Result<Expr> {
        let environment = plan::Environment {
            schema: Arc::new(Nothing),
            parameters: vec![],
            values: vec![],
            settings: TextSettings::default(),
            as_of: None,
            current_user: String::new(),
            database: String::new(),
        };
        plan::bind::ExpressionBinder::new(&environment).bind(sql, relation, ty)
    }
}

pub(crate) fn nothing() -> Arc<dyn Schema> {
    Arc::new(Nothing)
}

/// A schema without relations.
struct Nothing;

impl Schema for Nothing {
    fn relation(&self, _: Option<&str>, _: &str) -> Result<Option<Arc<Relation>>> {
        Ok(None)
    }
    fn relation_by_oid(&self, _: Oid) -> Result<Option<Arc<Relation>>> {
        Ok(None)
    }
    fn namespace(&self, _: &str) -> Result<Option<Oid>> {
        Ok(None)
    }
    fn search_path(&self) -> Vec<String> {
        vec![]
    }
    fn at(&self, _: Moment) -> Result<Arc<dyn Schema>> {
        Ok(Arc::new(Nothing))
    }
    fn estimated_rows(&self, _: &Relation) -> f64 {
        0.0
    }
    fn version(&self) -> u64 {
        0
    }
}
