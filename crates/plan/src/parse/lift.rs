//! Literals lifted out of a statement, so that `... WHERE aid = 42` and `... WHERE aid = 7` are planned once.
//!
//! ```text
//!   text ── skeleton ──> the text without its literals, and where they stand
//!     │                            (the same for both)
//!     └─ parse ── lift ──> a statement with parameters in place of those whose place allows it; the others are fixed:
//!                          a statement with another literal there is another statement
//! ```
//! A place allows it where a parameter of the literal's type means what the literal means: a value of INSERT, what SET
//! assigns, what WHERE compares a column with. Elsewhere (`ORDER BY 1`, `interval '1 day'`, an index's condition) it may
//! not.

use super::{Parsed, Syntax, prepass};
use crate::stack;
use sqlparser::ast::{self, BinaryOperator, Expr, SetExpr, Statement, UnaryOperator};
use sqlparser::tokenizer::Span;
use std::borrow::Cow;
use types::DataType;

/// What a literal is by its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Int4,
    Int8,
    Numeric,
    /// A string in plain quotes, whose type its place decides.
    Text,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Literal {
    form: Form,
    /// Bytes of the text.
    start: usize,
    end: usize,
}

/// A statement's text without its literals.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Skeleton {
    /// The text, each literal replaced by its form, without the blanks that it begins with.
    pub key: Vec<u8>,
    /// How many bytes these are, and where the statement ends.
    blanks: usize,
    end: usize,
    literals: Vec<Literal>,
}

/// A statement with parameters in place of some of its literals.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifted {
    pub parsed: Parsed,
    /// By parameter: its type, None where the statement decides.
    pub given: Vec<Option<DataType>>,
    /// By parameter: which literal it stands for, and whether a minus is before it.
    pub parameters: Vec<(usize, bool)>,
    /// The other literals.
    pub fixed: Vec<usize>,
}

/// Longer statements have a shape of their own.
const TEXT_MAX_BYTES: usize = 8_192;
/// Bytes that stand for literals: none of them can be part of a statement.
const MARKS: u8 = 1;

/// None: the text has parts that no skeleton is made of (several statements, comments, parameters, strings with
/// escapes), or is long.
pub fn skeleton(text: &str) -> Option<Skeleton> {
    let bytes = text.as_bytes();
    if bytes.len() > TEXT_MAX_BYTES {
        return None;
    }
    let mut at = length(bytes, |byte| byte.is_ascii_whitespace());
    let mut out = Skeleton { key: Vec::with_capacity(bytes.len()), blanks: at, end: 0, literals: Vec::new() };
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied().unwrap_or(0);
        let start = at;
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => {
                at += length(&bytes[at..], |byte| {
                    byte.is_ascii_alphanumeric() || b"_$".contains(&byte) || byte >= 0x80
                });
                // E'..', U&'..' and their like.
                if matches!(bytes.get(at), Some(b'\'')) || bytes[at..].starts_with(b"&'") {
                    return None;
                }
                out.key.extend_from_slice(&bytes[start..at]);
            }
            b'0'..=b'9' => at = out.number(text, at)?,
            b'.' if next.is_ascii_digit() => at = out.number(text, at)?,
            b'\'' => at = out.string(bytes, at)?,
            b'"' => {
                at += 2 + length(&bytes[at + 1..], |byte| byte != b'"');
                out.key.extend_from_slice(bytes.get(start..at)?);
            }
            b'-' if next == b'-' => return None,
            b'/' if next == b'*' => return None,
            b'$' => return None,
            0..=8 | 0x0b => return None,
            b';' if bytes[at + 1..].iter().all(|byte| byte.is_ascii_whitespace()) => break,
            b';' => return None,
            _ => {
                out.key.push(byte);
                at += 1;
            }
        }
    }
    out.end = text.get(..at)?.trim_ascii_end().len().max(out.blanks);
    Some(out)
}

fn length(bytes: &[u8], keep: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !keep(*byte)).unwrap_or(bytes.len())
}

impl Skeleton {
    fn literal(&mut self, form: Form, start: usize, end: usize) {
        self.key.push(MARKS + form as u8);
        self.literals.push(Literal { form, start, end });
    }

    /// Where the number that starts at `start` ends.
    fn number(&mut self, text: &str, start: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let digits = |at: usize| at + length(&bytes[at..], |byte| byte.is_ascii_digit());
        let mut at = digits(start);
        let mut form = Form::Int4;
        if bytes.get(at) == Some(&b'.') {
            (at, form) = (digits(at + 1), Form::Numeric);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            (at, form) = (digits(at + 1 + sign), Form::Numeric);
        }
        if bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.'$".contains(byte)) {
            return None;
        }
        if form == Form::Int4 && at - start > 9 {
            let number: Option<i64> = text[start..at].parse().ok();
            form = match number {
                Some(number) if i32::try_from(number).is_ok() => Form::Int4,
                Some(_) => Form::Int8,
                None => Form::Numeric,
            };
        }
        self.literal(form, start, at);
        Some(at)
    }

    /// Where the string that starts at `start` ends.
    fn string(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let mut at = start + 1;
        loop {
            at += length(&bytes[at..], |byte| byte != b'\'') + 1;
            match bytes.get(at) {
                Some(b'\'') => at += 1,
                _ if at > bytes.len() => return None,
                _ => break,
            }
        }
        // A string on the next line would continue it.
        let blank = length(&bytes[at..], |byte| byte.is_ascii_whitespace());
        if bytes.get(at + blank) == Some(&b'\'') {
            return None;
        }
        self.literal(Form::Text, start, at);
        Some(at)
    }
}

impl Skeleton {
    /// The statement's own text, without blanks around it and the semicolon.
    pub fn statement<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.blanks..self.end).unwrap_or_default()
    }

    /// Where that begins: how many characters are before it.
    pub fn offset(&self) -> usize {
        self.blanks
    }

    pub fn form_of(&self, number: usize) -> Option<Form> {
        self.literals.get(number).map(|literal| literal.form)
    }

    /// A literal as it is written.
    pub fn text_of<'a>(&self, number: usize, text: &'a str) -> &'a str {
        self.literals.get(number).and_then(|literal| text.get(literal.start..literal.end)).unwrap_or_default()
    }

    /// What a literal stands for: digits, or a string without its quotes.
    pub fn value_of<'a>(&self, number: usize, text: &'a str) -> Cow<'a, str> {
        let whole = self.text_of(number, text);
        if self.form_of(number) != Some(Form::Text) {
            return whole.into();
        }
        let inner = whole.get(1..whole.len().saturating_sub(1)).unwrap_or_default();
        if inner.contains('\'') { inner.replace("''", "'").into() } else { inner.into() }
    }
}

/// Puts parameters in place of the literals whose places allow it.
pub fn lift(mut parsed: Parsed, skeleton: &Skeleton) -> Lifted {
    let mut lifting = Lifting { text: &parsed.text, skeleton, parameters: Vec::new() };
    if let Syntax::Sql(deep) = &mut parsed.syntax {
        stack::with(deep.depth(), || deep.tree_mut().into_iter().for_each(|tree| lifting.statement(tree)));
    }
    let parameters = lifting.parameters;
    let given = parameters.iter().map(|(literal, _)| match skeleton.literals[*literal].form {
        Form::Int4 => Some(DataType::Int4),
        Form::Int8 => Some(DataType::Int8),
        Form::Numeric => Some(DataType::Numeric),
        Form::Text => None,
    });
    let given = given.collect();
    let is_fixed = |number: &usize| !parameters.iter().any(|(literal, _)| literal == number);
    let fixed = (0..skeleton.literals.len()).filter(is_fixed).collect();
    Lifted { parsed, given, parameters, fixed }
}

struct Lifting<'a> {
    text: &'a str,
    skeleton: &'a Skeleton,
    parameters: Vec<(usize, bool)>,
}

impl Lifting<'_> {
    fn statement(&mut self, statement: &mut Statement) {
        match statement {
            Statement::Insert(insert) => {
                if let Some(SetExpr::Values(values)) = insert.source.as_mut().map(|query| &mut *query.body) {
                    values
                        .rows
                        .iter_mut()
                        .flat_map(|row| &mut row.content)
                        .for_each(|value| self.value(value));
                }
            }
            Statement::Update(update) => {
                update.assignments.iter_mut().for_each(|assignment| self.assigned(&mut assignment.value));
                update.selection.iter_mut().for_each(|condition| self.condition(condition));
            }
            Statement::Delete(delete) => {
                delete.selection.iter_mut().for_each(|condition| self.condition(condition));
            }
            Statement::Query(query) => {
                if let SetExpr::Select(select) = &mut *query.body {
                    select.selection.iter_mut().for_each(|condition| self.condition(condition));
                }
            }
            _ => {}
        }
    }

    fn condition(&mut self, condition: &mut Expr) {
        use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
        match condition {
            Expr::BinaryOp { left, op: And | Or, right } => {
                self.condition(left);
                self.condition(right);
            }
            Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } => {
                self.condition(inner)
            }
            Expr::BinaryOp { left, op: Eq | NotEq | Lt | LtEq | Gt | GtEq, right } => {
                if is_column(left) {
                    self.value(right);
                } else if is_column(right) {
                    self.value(left);
                }
            }
            Expr::Between { expr, negated: _, low, high } if is_column(expr) => {
                self.value(low);
                self.value(high);
            }
            Expr::InList { expr, list, negated: _ } if is_column(expr) => {
                list.iter_mut().for_each(|value| self.value(value));
            }
            _ => {}
        }
    }

    fn assigned(&mut self, value: &mut Expr) {
        use BinaryOperator::{Divide, Minus, Multiply, Plus};
        match value {
            Expr::BinaryOp { left, op: Plus | Minus | Multiply | Divide, right } => {
                if is_column(left) {
                    self.value(right);
                } else if is_column(right) {
                    self.value(left);
                }
            }
            value => self.value(value),
        }
    }

    fn value(&mut self, value: &mut Expr) {
        let (span, negated) = match value {
            Expr::Value(literal) => (literal.span, false),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
                Expr::Value(literal) => (literal.span, true),
                _ => return,
            },
            _ => return,
        };
        let start = self.skeleton.blanks + prepass::byte_of(self.text, span.start);
        let Ok(number) = self.skeleton.literals.binary_search_by_key(&start, |literal| literal.start) else {
            return;
        };
        // -2147483648 is an int4 although 2147483648 is none.
        if negated && self.skeleton.literals[number].form != Form::Int4 {
            return;
        }
        self.parameters.push((number, negated));
        let name = format!("${}", self.parameters.len());
        *value =
            Expr::Value(ast::ValueWithSpan { value: ast::Value::Placeholder(name), span: Span::empty() });
    }
}

fn is_column(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The skeleton with `?` for a literal, the literals, and which are parameters.
    fn lifted(text: &str) -> Option<(String, Vec<String>, Vec<String>)> {
        let skeleton = skeleton(text)?;
        let key = skeleton.key.iter().map(|byte| if *byte < 9 { '?' } else { *byte as char }).collect();
        assert_eq!(skeleton.statement(text), text.trim_end_matches(';'));
        let shown = |number: usize| skeleton.value_of(number, text).into_owned();
        let lifted = lift(super::super::parse(text).unwrap().pop().unwrap(), &skeleton);
        let sign = |negated: bool| if negated { "-" } else { "" };
        let parameters =
            lifted.parameters.iter().map(|(number, negated)| sign(*negated).to_owned() + &shown(*number));
        Some((key, parameters.collect(), lifted.fixed.iter().map(|number| shown(*number)).collect()))
    }

    #[test]
    fn literals_leave_where_a_parameter_means_the_same() {
        for (text, skeleton, parameters, fixed) in [
            (
                "SELECT abalance FROM a WHERE aid = 42;",
                "SELECT abalance FROM a WHERE aid = ?",
                &["42"][..],
                &[][..],
            ),
            (
                "update t set a = a + -5, b = 'it''s' where 7 > c",
                "update t set a = a + -?, b = ? where ? > c",
                &["-5", "it's", "7"],
                &[],
            ),
            (
                "insert into t values (1, 2.5, 'x', -99999999999), (.5, 1e3, '', 99999999999)",
                "insert into t values (?, ?, ?, -?), (?, ?, ?, ?)",
                &["1", "2.5", "x", ".5", "1e3", "", "99999999999"],
                &["99999999999"],
            ),
            (
                "select 1, a + 2 from t where b between 3 and 4 and c in (5, 'x') order by 1 limit 6",
                "select ?, a + ? from t where b between ? and ? and c in (?, ?) order by ? limit ?",
                &["3", "4", "5", "x"],
                &["1", "2", "1", "6"],
            ),
            (
                "select * from t where a > now() - interval '1 day' and b = date '2020-01-01' and a + 1 = 2 and not (c = 3)",
                "select * from t where a > now() - interval ? and b = date ? and a + ? = ? and not (c = ?)",
                &["3"],
                &["1 day", "2020-01-01", "1", "2"],
            ),
            ("delete from \"T 1\" where x2 = '1'", "delete from \"T 1\" where x2 = ?", &["1"], &[]),
        ] {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            assert_eq!(lifted(text), Some((skeleton.to_owned(), texts(parameters), texts(fixed))), "{text}");
        }
    }

    #[test]
    fn forms_are_told_apart() {
        let key = |text| skeleton(text).unwrap().key;
        let forms = ["2147483647", "2147483648", "9223372036854775808", "'1'"].map(key);
        for (number, form) in forms.iter().enumerate() {
            assert_eq!(forms.iter().filter(|other| *other == form).count(), 1, "{number}");
        }
        assert_eq!(key("1.0"), key("1e5"));
    }

    #[test]
    fn what_has_no_skeleton() {
        for text in [
            "select 1; select 2",
            "select $1",
            "select 1 -- x",
            "select /* */ 1",
            "select E'\\n'",
            "select U&'x'",
            "select x'1f'",
            "select $$a$$",
            "select 'a'\n'b'",
            "select 'a",
            "select 1x",
            "select 'a\u{1}'; ",
            "a\u{2}",
            "\u{b}select 1",
        ] {
            let known = text == "select 'a\u{1}'; ";
            assert_eq!(skeleton(text).is_some(), known, "{text}");
        }
    }

    proptest::proptest! {
        /// Texts with one skeleton differ in nothing but their literals.
        #[test]
        fn the_text_can_be_put_together_again(text in "[a-z'\"0-9. ;(),=$e-]{0,40}") {
            if let Some(skeleton) = skeleton(&text) {
                let mut literals = skeleton.literals.iter();
                let mut again = Vec::new();
                for byte in &skeleton.key {
                    match byte {
                        0..9 => again.extend_from_slice(literals.next().map(|literal| &text.as_bytes()[literal.start..literal.end]).unwrap()),
                        byte => again.push(*byte),
                    }
                }
                let rest = text.trim_start().as_bytes().strip_prefix(&again[..]);
                proptest::prop_assert!(rest.is_some_and(|rest| rest.is_empty() || rest.trim_ascii() == b";"));
            }
        }
    }
}
