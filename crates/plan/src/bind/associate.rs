//! Operators bound as tightly as in PostgreSQL (15, 4.1.6), where sqlparser's precedence differs.
//!
//! sqlparser reads `-a ^ 2` as `-(a ^ 2)`, `~ a + b` as `(~ a) + b`, and puts `~` with the comparisons. A tree of unary
//! and binary operators whose shape PostgreSQL would not have made is taken apart into its operators and operands, and
//! put together again.

use sqlparser::ast::{BinaryOperator, Expr as Sql, UnaryOperator};

/// PostgreSQL's levels, loosest first, of the operators that are re-arranged here. AND, OR and NOT are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Comparison,
    Other,
    Sum,
    Product,
    Power,
    Sign,
}

/// What is wrong with a tree.
pub(crate) enum Corrected {
    /// It is as PostgreSQL would have it.
    Same,
    Rearranged(Box<Sql>),
    /// `a = b = c`: comparisons do not chain. The second operator.
    Chained(BinaryOperator),
}

enum Piece<'a> {
    Prefix(UnaryOperator),
    Infix(&'a BinaryOperator),
    Operand(&'a Sql),
}

pub(crate) fn corrected(sql: &Sql) -> Corrected {
    if consistent(sql) {
        return Corrected::Same;
    }
    let mut pieces = vec![];
    flatten(sql, &mut pieces);
    let mut rest = pieces.into_iter().peekable();
    match expression(&mut rest, None) {
        Ok(sql) => Corrected::Rearranged(Box::new(sql)),
        Err(Some(operator)) => Corrected::Chained(operator),
        Err(None) => Corrected::Same,
    }
}

/// None for what stays an operand as a whole.
fn infix(sql: &Sql) -> Option<(Level, &Sql, &BinaryOperator, &Sql)> {
    let Sql::BinaryOp { left, op, right } = sql else { return None };
    level(op).map(|level| (level, &**left, op, &**right))
}

fn level(op: &BinaryOperator) -> Option<Level> {
    use BinaryOperator::*;
    Some(match op {
        And | Or | Xor | Overlaps | Assignment => return None,
        Eq | NotEq | Lt | LtEq | Gt | GtEq => Level::Comparison,
        Plus | Minus => Level::Sum,
        Multiply | Divide | Modulo => Level::Product,
        PGExp => Level::Power,
        _ => Level::Other,
    })
}

fn prefix(sql: &Sql) -> Option<(Level, UnaryOperator, &Sql)> {
    let Sql::UnaryOp { op, expr } = sql else { return None };
    match op {
        UnaryOperator::Not | UnaryOperator::PGPostfixFactorial => None,
        UnaryOperator::Minus | UnaryOperator::Plus => Some((Level::Sign, *op, expr)),
        _ => Some((Level::Other, *op, expr)),
    }
}

/// Every operator of the tree stands where PostgreSQL's grammar would have put it.
fn consistent(sql: &Sql) -> bool {
    if let Some((own, left, _, right)) = infix(sql) {
        let loose = |level: Level| level < own || (level == own && own == Level::Comparison);
        return !right_spine(left).any(loose)
            && !left_spine(right).any(|level| level <= own)
            && consistent(left)
            && consistent(right);
    }
    match prefix(sql) {
        Some((own, _, operand)) => !left_spine(operand).any(|level| level <= own) && consistent(operand),
        None => true,
    }
}

/// The operators that a following operator could have taken the last operand from.
fn right_spine(sql: &Sql) -> impl Iterator<Item = Level> {
    let mut rest = Some(sql);
    std::iter::from_fn(move || {
        let sql = rest?;
        let (level, next) = match (infix(sql), prefix(sql)) {
            (Some((level, _, _, right)), _) => (level, right),
            (None, Some((level, _, operand))) => (level, operand),
            (None, None) => return None,
        };
        rest = Some(next);
        Some(level)
    })
}

/// The operators that a preceding operator could have taken the first operand from.
fn left_spine(sql: &Sql) -> impl Iterator<Item = Level> {
    let mut rest = Some(sql);
    std::iter::from_fn(move || {
        let (level, left, _, _) = infix(rest?)?;
        rest = Some(left);
        Some(level)
    })
}

fn flatten<'a>(sql: &'a Sql, out: &mut Vec<Piece<'a>>) {
    if let Some((_, left, op, right)) = infix(sql) {
        flatten(left, out);
        out.push(Piece::Infix(op));
        flatten(right, out);
    } else if let Some((_, op, operand)) = prefix(sql) {
        out.push(Piece::Prefix(op));
        flatten(operand, out);
    } else {
        out.push(Piece::Operand(sql));
    }
}

/// An expression of operators that bind more tightly than `above`. Err holds an operator that chains comparisons.
fn expression<'a>(
    rest: &mut std::iter::Peekable<impl Iterator<Item = Piece<'a>>>,
    above: Option<Level>,
) -> Result<Sql, Option<BinaryOperator>> {
    let mut result = match rest.next() {
        Some(Piece::Operand(sql)) => sql.clone(),
        Some(Piece::Prefix(op)) => {
            let own = match op {
                UnaryOperator::Minus | UnaryOperator::Plus => Level::Sign,
                _ => Level::Other,
            };
            Sql::UnaryOp { op, expr: Box::new(expression(rest, Some(own))?) }
        }
        Some(Piece::Infix(_)) | None => return Err(None),
    };
    let mut compared = false;
    while let Some(Piece::Infix(op)) = rest.peek() {
        let (op, Some(own)) = (*op, level(op)) else { return Err(None) };
        if above.is_some_and(|above| own <= above) {
            break;
        }
        if compared && own == Level::Comparison {
            return Err(Some(op.clone()));
        }
        compared |= own == Level::Comparison;
        rest.next();
        let right = expression(rest, Some(own))?;
        result = Sql::BinaryOp { left: Box::new(result), op: op.clone(), right: Box::new(right) };
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expression with its shape in parentheses; None if comparisons chain.
    fn shape(text: &str) -> Option<String> {
        fn shown(sql: &Sql) -> String {
            match sql {
                Sql::BinaryOp { left, op, right } => format!("({}{op}{})", shown(left), shown(right)),
                Sql::UnaryOp { op, expr } => format!("({op}{})", shown(expr)),
                Sql::Nested(inner) => shown(inner),
                other => other.to_string().replace("E'", "'"),
            }
        }
        let sql = crate::parse::parse_expression(text).unwrap();
        match corrected(&sql) {
            Corrected::Same => Some(shown(&sql)),
            Corrected::Rearranged(sql) => Some(shown(&sql)),
            Corrected::Chained(_) => None,
        }
    }

    #[test]
    fn operators_bind_as_in_postgres() {
        for (text, expected) in [
            ("-a ^ 2", "((-a)^2)"),
            ("- a ^ b ^ c", "(((-a)^b)^c)"),
            ("~1 + 2", "(~(1+2))"),
            ("@ -5 + 3", "(@((-5)+3))"),
            ("|/ 9 + 16 * 2", "(|/(9+(16*2)))"),
            ("'abc' ~ 'a' || 'b'", "(('abc'~'a')||'b')"),
            ("a = b ~ c", "(a=(b~c))"),
            ("x < a ~ b ~ c", "(x<((a~b)~c))"),
            ("1 + ~ 2 || 3", "((1+(~2))||3)"),
            ("2 ^ - 3 * 4", "((2^(-3))*4)"),
            ("a - (b - c) - d", "((a-(b-c))-d)"),
            ("a -> 'x' || 'y'", "((a->'x')||'y')"),
            ("(a = b) = c", "((a=b)=c)"),
        ] {
            assert_eq!(shape(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(shape("1 = 1 = true"), None);
        assert_eq!(shape("1 < 2 <> true"), None);
    }
}
