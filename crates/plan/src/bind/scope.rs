//! Which names a query level sees.
//!
//! `tables` answers qualified names (`t.a`), `columns` unqualified ones and `*`: they differ under JOIN USING, whose
//! merged columns stand for both sides'. A name that is not found here is looked for in `parent`, the enclosing query.

use super::Binder;
use crate::rel::Number;
use expr::Expr;
use std::sync::Arc;
use types::schema::{HiddenColumn, Relation};
use types::{DataType, Oid, Result, bail, err};

/// The names of one level.
#[derive(Default)]
pub(crate) struct Scope<'p> {
    pub parent: Option<&'p Scope<'p>>,
    pub tables: Vec<Table>,
    pub columns: Vec<Named>,
}

/// One item of FROM.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub name: String,
    /// For `schema.table.column`; None under an alias.
    pub schema: Option<String>,
    pub columns: Vec<Named>,
    /// `_tx` and friends, for base tables.
    pub hidden: Vec<(HiddenColumn, Number)>,
    /// A base table's descriptor and its row key's column.
    pub base: Option<(Arc<Relation>, Number)>,
    /// A function of one column: its name as a row is that column.
    pub scalar: bool,
    /// On the nullable side of an outer join: a column that is NULL only in the rows that the join made up.
    pub nullable: Option<Number>,
}

impl Table {
    /// Of this name, with these columns and nothing else.
    pub fn of(name: impl Into<String>, columns: Vec<Named>) -> Table {
        Table {
            name: name.into(),
            schema: None,
            columns,
            hidden: vec![],
            base: None,
            scalar: false,
            nullable: None,
        }
    }
}

/// A column under the name it has here.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    pub name: String,
    pub number: Number,
    /// The table and column (attnum) it is, unchanged.
    pub origin: Option<(Oid, u32)>,
}

impl<'p> Scope<'p> {
    pub(crate) fn child(parent: Option<&'p Scope<'p>>) -> Scope<'p> {
        Scope { parent, ..Scope::default() }
    }

    pub(crate) fn of_table(parent: Option<&'p Scope<'p>>, table: Table) -> Scope<'p> {
        Scope { parent, columns: table.columns.clone(), tables: vec![table] }
    }

    /// Everything that this level and those around it make visible by number.
    pub(crate) fn has_local(&self, number: Number) -> bool {
        let hidden = |table: &Table| {
            table.columns.iter().any(|column| column.number == number)
                || table.hidden.iter().any(|(_, hidden)| *hidden == number)
        };
        self.columns.iter().any(|column| column.number == number) || self.tables.iter().any(hidden)
    }
}

/// What a name turned out to be.
pub(crate) enum Found {
    Column(Named),
    /// A table's name: its whole row.
    Row(Table),
}

impl Binder<'_> {
    /// An unqualified name. None if there is no such column in any level.
    pub(crate) fn find_column(&self, name: &str, scope: &Scope<'_>) -> Result<Option<Found>> {
        let mut level = Some(scope);
        while let Some(scope) = level {
            let mut found: Option<&Named> = None;
            for column in scope.columns.iter().filter(|column| column.name == name) {
                if found.is_some_and(|found| found.number != column.number) {
                    bail!(AmbiguousColumn, "column reference \"{name}\" is ambiguous");
                }
                found = Some(column);
            }
            if let Some(found) = found {
                return Ok(Some(Found::Column(found.clone())));
            }
            let mut hidden = scope.tables.iter().filter_map(|table| hidden(table, name));
            if let Some(first) = hidden.next() {
                if hidden.next().is_some() {
                    bail!(AmbiguousColumn, "column reference \"{name}\" is ambiguous");
                }
                return Ok(Some(Found::Column(first)));
            }
            level = scope.parent;
        }
        let mut level = Some(scope);
        while let Some(scope) = level {
            if let Some(table) = scope.tables.iter().find(|table| table.name == name) {
                return Ok(Some(Found::Row(table.clone())));
            }
            level = scope.parent;
        }
        Ok(None)
    }

    /// The table that a qualifier means.
    pub(crate) fn find_table<'s>(
        &self,
        schema: Option<&str>,
        name: &str,
        scope: &'s Scope<'_>,
    ) -> Result<Option<&'s Table>> {
        let mut level = Some(scope);
        while let Some(scope) = level {
            let matches = |table: &&Table| {
                table.name == name && schema.is_none_or(|schema| table.schema.as_deref() == Some(schema))
            };
            let mut found = scope.tables.iter().filter(matches);
            if let Some(table) = found.next() {
                if found.next().is_some() {
                    bail!(AmbiguousAlias, "table reference \"{name}\" is ambiguous");
                }
                return Ok(Some(table));
            }
            level = scope.parent;
        }
        Ok(None)
    }

    /// `table.column`.
    pub(crate) fn find_qualified(
        &self,
        schema: Option<&str>,
        table: &str,
        column: &str,
        scope: &Scope<'_>,
    ) -> Result<Named> {
        let Some(found) = self.find_table(schema, table, scope)? else {
            return Err(err!(UndefinedTable, "missing FROM-clause entry for table \"{table}\""));
        };
        let mut matches = found.columns.iter().filter(|named| named.name == column);
        if let Some(named) = matches.next() {
            if matches.next().is_some() {
                bail!(AmbiguousColumn, "column reference \"{column}\" is ambiguous");
            }
            return Ok(named.clone());
        }
        if let Some(named) = hidden(found, column) {
            return Ok(named);
        }
        if column == "ctid" && found.base.is_some() {
            return Err(types::Error::unsupported("column ctid").hint("Use the primary key, or \"_row\"."));
        }
        bail!(UndefinedColumn, "column {table}.{column} does not exist")
    }

    /// A reference to a column, which is remembered as read.
    pub(crate) fn column(&mut self, named: &Named) -> Expr {
        if let Some((relation, column)) = named.origin {
            self.references.insert((relation, column));
        }
        self.arena.expr(named.number)
    }

    /// A table's name as a value: its row.
    pub(crate) fn whole_row(&mut self, table: &Table) -> Expr {
        match table.columns.as_slice() {
            [only] if table.scalar => self.arena.expr(only.number),
            columns => {
                let columns = columns.to_vec();
                let names = columns.iter().map(|named| named.name.clone()).collect();
                let fields = columns.iter().map(|named| self.column(named)).collect();
                let row = Expr::Row { fields, names: Some(names) };
                // Where an outer join found no row there is none, rather than one of NULLs.
                match table.nullable {
                    None => row,
                    Some(number) => {
                        let missing =
                            Expr::IsNull { input: Box::new(self.arena.expr(number)), negated: false };
                        let branches = vec![(missing, Expr::null(DataType::Record))];
                        Expr::Case { branches, default: Some(Box::new(row)), ty: DataType::Record.into() }
                    }
                }
            }
        }
    }
}

/// A table's hidden column of this name.
fn hidden(table: &Table, name: &str) -> Option<Named> {
    let wanted = HiddenColumn::from_name(name)?;
    let (_, number) = table.hidden.iter().find(|(hidden, _)| *hidden == wanted)?;
    Some(Named { name: name.to_owned(), number: *number, origin: None })
}

/// The type a column of unknown type takes at the end of a query.
pub(crate) const UNDECIDED: DataType = DataType::Text;
