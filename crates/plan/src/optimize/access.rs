//! How a table's rows are found: everything, ranges of the primary key, or ranges of an index.

use super::ordering::{Order, OrderKey, Wanted};
use super::{Planner, cost};
use crate::node::{Access, KeyRange};
use crate::rel::{Number, Numbers, Scan, columns_in};
use expr::{Binder as _, Expr};
use types::cast;
use types::schema::{ColumnId, IndexKey};
use types::{ColumnType, DataType, Oid, Value};

/// Ranges that an IN list may multiply into; beyond it, `any` takes the last list.
const RANGES_MAX: usize = 256;

/// One way to read a table.
#[derive(Debug, Clone)]
pub(super) struct Path {
    pub access: Access,
    pub backward: bool,
    /// Predicates that the access does not already guarantee.
    pub remaining: Vec<Expr>,
    /// Rows it reads, before `remaining`.
    pub rows: f64,
    pub cost: f64,
    pub order: Order,
    /// At most one row, whatever the table holds: a unique key is given whole.
    pub point: bool,
}

/// A column of a key, or an indexed expression.
struct KeyPart {
    expr: Expr,
    column: Option<(Number, ColumnType)>,
    descending: bool,
    nulls_first: bool,
}

impl Planner<'_> {
    /// The cheapest path. `predicates` may use outer columns: values that are known when the scan starts.
    pub(super) fn path(&self, scan: &Scan, predicates: &[Expr], wanted: &Wanted) -> Path {
        let rows = self.base_rows(scan);
        let selected = rows * self.selectivity(predicates, &crate::rel::Rel::Scan(scan.clone()));
        let all = Path {
            access: Access::All,
            backward: false,
            remaining: predicates.to_vec(),
            rows,
            cost: rows * cost::ROW,
            order: Order::default(),
            point: false,
        };
        let sort = |rows: f64| rows * rows.max(2.0).log2() * cost::SORT;
        // What a path costs its reader: a sort it does not save, or the part of it that a limit reads.
        let total = |path: &Path| {
            let ordered = !wanted.keys.is_empty() && path.order.satisfies(&wanted.keys);
            match (wanted.limit, ordered || wanted.keys.is_empty()) {
                (Some(limit), true) => path.cost * (limit / selected.max(1.0)).min(1.0),
                (_, false) => path.cost + sort(selected),
                (None, true) => path.cost,
            }
        };
        let mut best = all;
        let mut best_cost = total(&best);
        let paths = self.paths(scan, predicates, rows, wanted);
        // What a prepared plan finds by a unique key, it must find so when the table has grown.
        if let Some(point) = paths.iter().filter(|path| path.point).min_by(|a, b| a.cost.total_cmp(&b.cost)) {
            return point.clone();
        }
        for candidate in paths {
            let candidates = match wanted.keys.is_empty() {
                true => vec![candidate],
                false => {
                    let backward =
                        Path { backward: true, order: candidate.order.reversed(), ..candidate.clone() };
                    vec![candidate, backward]
                }
            };
            for candidate in candidates {
                let cost = total(&candidate);
                if cost < best_cost {
                    best_cost = cost;
                    best = candidate;
                }
            }
        }
        best
    }

    fn paths(&self, scan: &Scan, predicates: &[Expr], rows: f64, wanted: &Wanted) -> Vec<Path> {
        let mut all = vec![];
        let relation = &scan.relation;
        // History has no primary-key order of its own for every kind of range; the past is read as the present is.
        let part = |id: ColumnId, descending: bool, nulls_first: bool| {
            let number = scan.columns.iter().find(|(column, _)| *column == id).map(|(_, number)| *number)?;
            let ty = relation.column(id)?.ty;
            Some(KeyPart {
                expr: Expr::column(number, ty),
                column: Some((number, ty)),
                descending,
                nulls_first,
            })
        };
        let key: Option<Vec<KeyPart>> =
            relation.primary_key.iter().map(|id| part(*id, false, false)).collect();
        if let Some(key) = key.filter(|key| !key.is_empty()) {
            all.extend(self.path_of(scan, &key, None, predicates, rows, true, wanted));
        }
        for index in relation.indexes.iter().filter(|index| !index.primary) {
            let mut given = predicates.to_vec();
            if let Some(condition) = &index.predicate {
                match self.implied(scan, condition, predicates) {
                    Some(implied) => given.retain(|predicate| !implied.contains(predicate)),
                    None => continue,
                }
            }
            let parts = index.columns.iter().map(|column| match &column.key {
                IndexKey::Column(id) => part(*id, column.descending, column.nulls_first),
                IndexKey::Expression(text, ty) => {
                    let expr = self.stored_over(scan, text, Some(*ty))?;
                    Some(KeyPart {
                        expr,
                        column: None,
                        descending: column.descending,
                        nulls_first: column.nulls_first,
                    })
                }
            });
            let Some(parts) = parts.collect::<Option<Vec<KeyPart>>>() else { continue };
            all.extend(self.path_of(scan, &parts, Some(index.oid), &given, rows, index.unique, wanted));
        }
        all
    }

    /// What a stored text says over the scan's columns.
    fn stored_over(&self, scan: &Scan, text: &str, ty: Option<ColumnType>) -> Option<Expr> {
        let binder = crate::bind::ExpressionBinder::new(self.environment);
        let mut bound = binder.bind(text, &scan.relation, ty).ok()?;
        let mut lost = false;
        crate::rel::substitute(&mut bound, &mut |position| {
            let column = scan.relation.columns.get(position)?;
            match scan.columns.iter().find(|(id, _)| *id == column.id) {
                Some((_, number)) => Some(Expr::column(*number, column.ty)),
                None => {
                    lost = true;
                    None
                }
            }
        });
        (!lost).then_some(bound)
    }

    /// The predicates that a partial index's condition is made of, if all of it is among `predicates`.
    fn implied(&self, scan: &Scan, condition: &str, predicates: &[Expr]) -> Option<Vec<Expr>> {
        let bound = self.stored_over(scan, condition, Some(DataType::Bool.into()))?;
        let mut parts = vec![];
        crate::rel::conjuncts(bound, &mut parts);
        for part in &parts {
            let not_null = match part {
                Expr::IsNull { input, negated: true } => match &**input {
                    Expr::Column { index, .. } => {
                        let column = Numbers::from([*index]);
                        predicates
                            .iter()
                            .any(|predicate| super::nullability::rejects_null(predicate, &column))
                    }
                    _ => false,
                },
                _ => false,
            };
            if !not_null && !predicates.contains(part) {
                return None;
            }
        }
        Some(parts)
    }

    #[expect(clippy::too_many_arguments, reason = "one index and what is asked of it")]
    fn path_of(
        &self,
        scan: &Scan,
        key: &[KeyPart],
        index: Option<Oid>,
        predicates: &[Expr],
        rows: f64,
        unique: bool,
        wanted: &Wanted,
    ) -> Option<Path> {
        let mut used: Vec<usize> = vec![];
        let mut prefixes: Vec<Vec<Expr>> = vec![vec![]];
        let mut constant = Numbers::new();
        let (mut lower, mut upper, mut any) = (None, None, false);
        let mut fixed = 0;
        let mut all_equal = true;
        for part in key {
            let tests: Vec<(usize, Test)> = predicates
                .iter()
                .enumerate()
                .filter_map(|(position, predicate)| Some((position, self.test(scan, part, predicate)?)))
                .collect();
            if let Some((position, Test::Equal(value))) =
                tests.iter().find(|(_, test)| matches!(test, Test::Equal(_)))
            {
                prefixes.iter_mut().for_each(|prefix| prefix.push(value.clone()));
                used.push(*position);
                fixed += 1;
                constant.extend(part.column.map(|(number, _)| number));
                continue;
            }
            let list = tests.iter().find(|(_, test)| matches!(test, Test::List(_)));
            if let Some((position, Test::List(values))) = list {
                if prefixes.len() * values.len() <= RANGES_MAX {
                    prefixes = prefixes
                        .iter()
                        .flat_map(|prefix| {
                            values
                                .iter()
                                .map(|value| [prefix.as_slice(), std::slice::from_ref(value)].concat())
                        })
                        .collect();
                    used.push(*position);
                    fixed += 1;
                    all_equal = false;
                    continue;
                }
                let ty = part.column.map_or(values.first()?.ty(), |(_, ty)| ty.data_type.into());
                let array = Expr::Array { elements: values.clone(), ty: ty.data_type.array()?.into() };
                prefixes.iter_mut().for_each(|prefix| prefix.push(array.clone()));
                used.push(*position);
                (any, all_equal) = (true, false);
                fixed += 1;
                break;
            }
            if let Some((position, Test::Array(array))) =
                tests.iter().find(|(_, test)| matches!(test, Test::Array(_)))
            {
                prefixes.iter_mut().for_each(|prefix| prefix.push(array.clone()));
                used.push(*position);
                (any, all_equal) = (true, false);
                fixed += 1;
                break;
            }
            for (position, test) in tests {
                match test {
                    Test::Lower(value, inclusive) if lower.is_none() => {
                        lower = Some((value, inclusive, position))
                    }
                    Test::Upper(value, inclusive) if upper.is_none() => {
                        upper = Some((value, inclusive, position))
                    }
                    // The range holds more than the pattern: the predicate stays.
                    Test::Prefix(from, to) if lower.is_none() && upper.is_none() => {
                        lower = Some((from, true, usize::MAX));
                        upper = to.map(|to| (to, false, usize::MAX));
                    }
                    _ => {}
                }
            }
            break;
        }
        let bounded = lower.is_some() || upper.is_some();
        used.extend(lower.iter().chain(&upper).map(|(_, _, position)| *position));
        if fixed == 0 && !bounded && wanted.keys.is_empty() {
            return None;
        }
        let bound =
            |bound: Option<(Expr, bool, usize)>| bound.map(|(value, inclusive, _)| (value, inclusive));
        let (lower, upper) = (bound(lower), bound(upper));
        let ranges: Vec<KeyRange> = prefixes
            .into_iter()
            .map(|equal| KeyRange { equal, lower: lower.clone(), upper: upper.clone(), any })
            .collect();
        let absorbed: Vec<Expr> =
            used.iter().filter_map(|position| predicates.get(*position)).cloned().collect();
        let remaining = predicates
            .iter()
            .enumerate()
            .filter(|(position, _)| !used.contains(position))
            .map(|(_, p)| p.clone());
        let remaining: Vec<Expr> = remaining.collect();
        let points = ranges.len() as f64;
        let point = unique && all_equal && fixed == key.len();
        let read = match unique && fixed == key.len() && !any {
            true => points.min(rows),
            false => {
                let share = self.selectivity(&absorbed, &crate::rel::Rel::Scan(scan.clone()));
                let prefix = if bounded && absorbed.is_empty() { 0.02 } else { 1.0 };
                (rows * share * prefix).max(if fixed == 0 && !bounded { rows } else { 0.0 })
            }
        };
        // Rows in the way of a span are as near as all of them; a little more, so that what is no use is not used.
        let per_row = if index.is_none() { cost::ROW * 1.02 } else { cost::ROW_BY_INDEX };
        let cost = cost::SEEK * points + read * per_row;
        let access = match index {
            None => Access::Primary(ranges),
            Some(index) => Access::Index { index, ranges },
        };
        let mut keys: Vec<OrderKey> = vec![];
        // Behind an expression nothing is known of the order.
        for part in key {
            let Some((number, _)) = part.column else { break };
            keys.push(OrderKey { number, descending: part.descending, nulls_first: part.nulls_first });
        }
        let never_null = |number: &Number| {
            let id = scan.columns.iter().find(|(_, column)| column == number).map(|(id, _)| *id);
            id.is_some_and(|id| {
                scan.relation.primary_key.contains(&id)
                    || scan.relation.column(id).is_some_and(|column| column.not_null)
            })
        };
        // Without NULLs their place does not matter: say what PostgreSQL's default would.
        for key in &mut keys {
            let wants = wanted.keys.iter().find(|wants| wants.number == key.number);
            if let (true, Some(wants)) = (never_null(&key.number), wants) {
                key.nulls_first = match wants.descending == key.descending {
                    true => wants.nulls_first,
                    false => !wants.nulls_first,
                };
            }
        }
        if !all_equal {
            constant.clear();
        }
        let order = Order { keys, constant };
        Some(Path { access, backward: false, remaining, rows: read, cost, order, point })
    }

    /// What a predicate says about one part of a key, in the key's own type.
    fn test(&self, scan: &Scan, part: &KeyPart, predicate: &Expr) -> Option<Test> {
        let local: Numbers = scan.columns.iter().map(|(_, number)| *number).chain([scan.key]).collect();
        let known = |expr: &Expr| {
            columns_in(expr).is_disjoint(&local)
                && !crate::rel::any(expr, &|e| {
                    super::inline_cte::is_volatile(e) || matches!(e, Expr::Subplan { .. })
                })
        };
        match predicate {
            Expr::Call { function, args, .. } => {
                let [left, right] = args.as_slice() else { return None };
                if let Some("~~") = expr::operator::symbol(function) {
                    return self.like(part, left, right);
                }
                let symbol = expr::operator::comparison_symbol(function)?;
                let (symbol, value) = if self.is_part(part, left) && known(right) {
                    (symbol, right)
                } else if self.is_part(part, right) && known(left) {
                    (flipped(symbol), left)
                } else {
                    return None;
                };
                let value = self.as_key(part, value).or_else(|| wider_integer(part, value))?;
                Some(match symbol {
                    "=" => Test::Equal(value),
                    "<" => Test::Upper(value, false),
                    "<=" => Test::Upper(value, true),
                    ">" => Test::Lower(value, false),
                    ">=" => Test::Lower(value, true),
                    _ => return None,
                })
            }
            Expr::InList { input, list, negated: false, .. } => {
                if !self.is_part(part, input) || !list.iter().all(known) {
                    return None;
                }
                list.iter().map(|item| self.as_key(part, item)).collect::<Option<Vec<_>>>().map(Test::List)
            }
            Expr::Quantified { left, array, operator, all: false } => {
                if expr::operator::comparison_symbol(operator) != Some("=")
                    || !self.is_part(part, left)
                    || !known(array)
                {
                    return None;
                }
                let element = array.data_type().element()?;
                let ty = key_type(part);
                let array_type = ty.data_type.array()?;
                if element == ty.data_type {
                    return Some(Test::Array((**array).clone()));
                }
                let widens = widens(element, ty.data_type) || (is_string(element) && is_string(ty.data_type));
                widens.then(|| {
                    let to = array_type.into();
                    Test::Array(Expr::Cast { input: array.clone(), to, explicit: false })
                })
            }
            _ => None,
        }
    }

    /// The expression is this part of the key, perhaps behind a cast that keeps its order.
    fn is_part(&self, part: &KeyPart, expr: &Expr) -> bool {
        if *expr == part.expr {
            return true;
        }
        match (expr, part.column) {
            (Expr::Column { index, .. }, Some((number, _))) => *index == number,
            (Expr::Cast { input, to, explicit: _ }, Some((number, ty))) => {
                let kept = widens(ty.data_type, to.data_type)
                    || (ty.data_type == DataType::Varchar && to.data_type == DataType::Text && to.typmod < 0);
                kept && matches!(**input, Expr::Column { index, .. } if index == number)
            }
            _ => false,
        }
    }

    /// A value in the key's type; None if the cast could fail or lose something.
    fn as_key(&self, part: &KeyPart, value: &Expr) -> Option<Expr> {
        let ty = key_type(part);
        let (from, to) = (value.data_type(), ty.data_type);
        if matches!(to, DataType::Json | DataType::Jsonb | DataType::Record) || to.is_array() {
            return None;
        }
        let plain = ColumnType::from(to);
        let settings = &self.environment.settings;
        if to == DataType::Bpchar {
            // Keys are padded: only a constant can be padded without cutting.
            let Expr::Constant { value, .. } = value else { return None };
            return match cast::cast(value, from, ty, false, settings) {
                Ok(value) => Some(Expr::constant(value, ty)),
                Err(_) => None,
            };
        }
        if from == to {
            return Some(value.clone());
        }
        if widens(from, to) || (is_string(from) && is_string(to)) {
            return Some(match value {
                Expr::Constant { value, .. } => {
                    Expr::constant(cast::cast(value, from, plain, false, settings).ok()?, plain)
                }
                other => Expr::Cast { input: Box::new(other.clone()), to: plain, explicit: false },
            });
        }
        // A wider constant that fits.
        match value {
            Expr::Constant { value, .. } if widens(to, from) => {
                Some(Expr::constant(cast::cast(value, from, plain, false, settings).ok()?, plain))
            }
            _ => None,
        }
    }

    /// `column LIKE 'abc%'` lies between 'abc' and 'abd'.
    fn like(&self, part: &KeyPart, left: &Expr, pattern: &Expr) -> Option<Test> {
        if !self.is_part(part, left) || !is_string(key_type(part).data_type) {
            return None;
        }
        let Expr::Constant { value: Value::Text(pattern), .. } = pattern else { return None };
        let mut prefix = String::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' | '_' => break,
                '\\' => prefix.push(chars.next()?),
                c => prefix.push(c),
            }
        }
        let last = prefix.chars().last()?;
        let ty = ColumnType::from(key_type(part).data_type);
        let next = (last as u32 + 1..=char::MAX as u32).find_map(char::from_u32);
        let upper = next.map(|next| {
            let mut upper = prefix.clone();
            upper.pop();
            upper.push(next);
            Expr::constant(Value::Text(upper), ty)
        });
        Some(Test::Prefix(Expr::constant(Value::Text(prefix), ty), upper))
    }
}

/// What a predicate allows a key part to be.
enum Test {
    Equal(Expr),
    List(Vec<Expr>),
    Array(Expr),
    Lower(Expr, bool),
    Upper(Expr, bool),
    Prefix(Expr, Option<Expr>),
}

fn key_type(part: &KeyPart) -> ColumnType {
    part.column.map_or(part.expr.ty(), |(_, ty)| ty)
}

/// Every value of `from` is one of `to`, in the same order.
/// An integer of a wider type than the key's, as drivers send them: whether it fits is seen when it is known.
fn wider_integer(part: &KeyPart, value: &Expr) -> Option<Expr> {
    let integer = |ty| matches!(ty, DataType::Int2 | DataType::Int4 | DataType::Int8);
    (integer(key_type(part).data_type) && integer(value.data_type())).then(|| value.clone())
}

fn widens(from: DataType, to: DataType) -> bool {
    let rank = |ty: DataType| match ty {
        DataType::Int2 => Some(0),
        DataType::Int4 => Some(1),
        DataType::Int8 => Some(2),
        _ => None,
    };
    matches!((rank(from), rank(to)), (Some(from), Some(to)) if from < to)
}

fn is_string(ty: DataType) -> bool {
    matches!(ty, DataType::Text | DataType::Varchar)
}

fn flipped(symbol: &str) -> &str {
    match symbol {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        other => other,
    }
}
