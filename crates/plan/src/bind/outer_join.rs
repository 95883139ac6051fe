//! The nullable side of an outer join.

use super::Binder;
use super::from::Item;
use crate::rel::Number;
use expr::Expr;
use types::DataType;

impl Binder<'_> {
    /// An item on the nullable side of an outer join. What it shows of enclosing rows (`LATERAL (SELECT a.x)`) becomes a
    /// column of its own, which can be NULL; and each table gets a column that tells whether there is a row.
    pub(crate) fn nullable(&mut self, item: Item) -> Item {
        let Item { rel, mut tables, mut columns } = item;
        let made = rel.outputs();
        let mut own: Vec<(Number, Expr)> = vec![];
        let mut renamed: Vec<(Number, Number)> = vec![];
        let all = tables.iter_mut().flat_map(|table| table.columns.iter_mut()).chain(columns.iter_mut());
        for named in all.filter(|named| !made.contains(&named.number)) {
            let known = renamed.iter().find(|(old, _)| *old == named.number).map(|(_, new)| *new);
            let number = known.unwrap_or_else(|| {
                let new = self.arena.column(self.arena.types[named.number]);
                if let Some(fields) = self.arena.records.get(&named.number).cloned() {
                    self.arena.records.insert(new, fields);
                }
                own.push((new, self.arena.expr(named.number)));
                renamed.push((named.number, new));
                new
            });
            named.number = number;
        }
        for table in tables.iter_mut().filter(|table| table.nullable.is_none() && !table.scalar) {
            table.nullable = Some(match &table.base {
                Some((_, key)) => *key,
                None => {
                    let present = self.arena.column(DataType::Bool);
                    own.push((present, Expr::constant(types::Value::Bool(true), DataType::Bool)));
                    present
                }
            });
        }
        Item { rel: rel.project(own), tables, columns }
    }
}
