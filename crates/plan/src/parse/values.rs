//! `INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'), ...`: rows of constants, read in one pass over the text.
//!
//! The statement with its first row alone is sqlparser's; the rows that follow become the same tree without it. At the
//! first token that is not a plain constant (a function, a cast, DEFAULT, a comment, RETURNING) the whole text is
//! sqlparser's.

use super::{Parsed, Syntax};
use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{Expr, Parens, SetExpr, Statement, UnaryOperator, Value, ValueWithSpan};
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

type Row = Parens<Vec<Expr>>;

/// Where in a statement it stands.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where `counted` bytes end: in characters from 1.
    place: Location,
    counted: usize,
}

/// None: it is something else, or has one row, or `first` refuses it with its first row.
pub(super) fn parse(text: &str, first: impl FnOnce(&str) -> Option<Parsed>) -> Option<Parsed> {
    let mut scanner = Scanner { text, at: 0, place: Location { line: 1, column: 1 }, counted: 0 };
    scanner.head()?;
    scanner.row()?;
    let first_end = scanner.at;
    scanner.symbol(b',')?;
    let mut rows = Vec::new();
    let end = loop {
        rows.push(scanner.row()?);
        let end = scanner.at;
        if scanner.symbol(b',').is_none() {
            break end;
        }
    };
    let _ = scanner.symbol(b';');
    scanner.blanks();
    if scanner.at < text.len() {
        return None;
    }
    let mut parsed = first(text.get(..first_end)?)?;
    let Syntax::Sql(statement) = &mut parsed.syntax else { return None };
    let Statement::Insert(insert) = statement.tree_mut()? else { return None };
    let SetExpr::Values(values) = &mut *insert.source.as_mut()?.body else { return None };
    values.rows.append(&mut rows);
    let start = first_end - parsed.text.len();
    parsed.text = text.get(start..end)?.to_owned();
    Some(parsed)
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, keep: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        self.at += self.rest().iter().take_while(|byte| keep(**byte)).count();
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.skip(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    /// Where it stands.
    fn location(&mut self) -> Location {
        let passed = self.text.as_bytes().get(self.counted..self.at).unwrap_or_default();
        for byte in passed {
            match byte {
                b'\n' => self.place = Location { line: self.place.line + 1, column: 1 },
                _ => self.place.column += u64::from(byte & 0xc0 != 0x80),
            }
        }
        self.counted = self.at;
        self.place
    }

    fn symbol(&mut self, symbol: u8) -> Option<()> {
        self.blanks();
        (self.rest().first() == Some(&symbol)).then(|| self.at += 1)
    }

    /// A symbol as sqlparser keeps it.
    fn attached(&mut self, symbol: u8, token: Token) -> Option<AttachedToken> {
        self.blanks();
        let start = self.location();
        self.symbol(symbol)?;
        Some(TokenWithSpan::new(token, Span { start, end: self.location() }).into())
    }

    fn word(&mut self) -> &'a str {
        self.blanks();
        self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80)
    }

    fn name(&mut self) -> Option<()> {
        self.blanks();
        if self.rest().first() == Some(&b'"') {
            self.at += 1;
            self.skip(|byte| byte != b'"');
            self.at += 1;
            // A quote within a name is sqlparser's.
            return (self.rest().first() != Some(&b'"')).then_some(());
        }
        (!self.word().is_empty()).then_some(())
    }

    /// Up to VALUES.
    fn head(&mut self) -> Option<()> {
        for word in ["insert", "into"] {
            self.word().eq_ignore_ascii_case(word).then_some(())?;
        }
        self.name()?;
        while self.symbol(b'.').is_some() {
            self.name()?;
        }
        if self.symbol(b'(').is_some() {
            self.name()?;
            while self.symbol(b',').is_some() {
                self.name()?;
            }
            self.symbol(b')')?;
        }
        self.word().eq_ignore_ascii_case("values").then_some(())
    }

    fn row(&mut self) -> Option<Row> {
        let opening_token = self.attached(b'(', Token::LParen)?;
        let mut content = vec![self.constant()?];
        while self.symbol(b',').is_some() {
            content.push(self.constant()?);
        }
        let closing_token = self.attached(b')', Token::RParen)?;
        Some(Parens { opening_token, content, closing_token })
    }

    fn constant(&mut self) -> Option<Expr> {
        self.blanks();
        match self.rest().first()? {
            b'-' => {
                self.at += 1;
                let expr = Box::new(self.value(Scanner::number)?);
                Some(Expr::UnaryOp { op: UnaryOperator::Minus, expr })
            }
            b'\'' => self.value(Scanner::string),
            b'0'..=b'9' => self.value(Scanner::number),
            _ => self.value(|scanner| match scanner.word() {
                word if word.eq_ignore_ascii_case("null") => Some(Value::Null),
                word if word.eq_ignore_ascii_case("true") => Some(Value::Boolean(true)),
                word if word.eq_ignore_ascii_case("false") => Some(Value::Boolean(false)),
                _ => None,
            }),
        }
    }

    /// A constant with its place, if nothing but a comma or the row's end follows it.
    fn value(&mut self, read: impl FnOnce(&mut Self) -> Option<Value>) -> Option<Expr> {
        self.blanks();
        let start = self.location();
        let value = read(self)?;
        let span = Span { start, end: self.location() };
        self.blanks();
        matches!(self.rest().first(), Some(b',' | b')')).then_some(Expr::Value(ValueWithSpan { value, span }))
    }

    /// Digits, perhaps with a point and digits.
    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        let digits =
            |scanner: &mut Self| (!scanner.skip(|byte| byte.is_ascii_digit()).is_empty()).then_some(());
        digits(self)?;
        if self.rest().first() == Some(&b'.') {
            self.at += 1;
            digits(self)?;
        }
        Some(Value::Number(self.text.get(start..self.at)?.to_owned(), false))
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<Value> {
        self.at += 1;
        let mut string = self.skip(|byte| byte != b'\'').to_owned();
        loop {
            (self.rest().first() == Some(&b'\'')).then(|| self.at += 1)?;
            if self.rest().first() != Some(&b'\'') {
                return Some(Value::EscapedStringLiteral(string));
            }
            self.at += 1;
            string.push('\'');
            string.push_str(self.skip(|byte| byte != b'\''));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parse::{Parsed, Syntax, parse, parse_by_tokens};
    use ::types::Result;
    use proptest::prelude::*;

    /// The tree with its places, and all else. (Its depth may be measured as less: rows are no levels.)
    fn shown(parsed: Result<Vec<Parsed>>) -> String {
        let one = |parsed: &Parsed| match &parsed.syntax {
            Syntax::Sql(tree) => format!("{:?} {} {:?}", parsed.text, parsed.offset, tree.tree()),
            other => format!("{other:?}"),
        };
        match parsed {
            Ok(statements) => statements.iter().map(one).collect(),
            Err(error) => format!("{error:?}"),
        }
    }

    fn same(sql: &str) {
        assert_eq!(shown(parse(sql)), shown(parse_by_tokens(sql)), "{sql}");
    }

    fn is_scanned(sql: &str) -> bool {
        super::parse(sql, |first| parse(first).ok()?.pop()).is_some()
    }

    #[test]
    fn rows_of_constants_are_scanned() {
        for sql in [
            "insert into t values (1), (2)",
            " INSERT INTO s.\"T\" (a, \"b c\") Values\n(1, 'a''b'),\n\t( -2.50 , null ) ,(true,'é\n'),(FALSE, '') ; ",
            "insert into é values ('\\n', 99999999999999999999),('', 0.0)",
        ] {
            same(sql);
            assert!(is_scanned(sql), "{sql}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for sql in [
            "insert into t values (1)",
            "insert into t values (1), (1 + 1)",
            "insert into t values (1), ('1'::int)",
            "insert into t values (1), (default)",
            "insert into t values (1), (E'\\n')",
            "insert into t values (1), (1e3)",
            "insert into t values (1), (.5)",
            "insert into t values (1), (now())",
            "insert into t values ('a'), ('b'\n'c')",
            "insert into t values (1), ($1)",
            "insert into t values (1), (2) returning a",
            "insert into t values (1), (2) on conflict do nothing",
            "insert into t values (1), /* two */ (2)",
            "insert into t values (1), (2); select 1",
            "insert into t select 1 union values (1), (2)",
            "insert into t as x values (1), (2)",
            "insert into \"a\"\"b\" values (1), (2)",
        ] {
            assert!(!is_scanned(sql), "{sql}");
            same(sql);
        }
    }

    #[test]
    fn errors_are_those_of_the_whole_text() {
        for sql in [
            "insert into t values (1), (2",
            "insert into t values (1), ('2)",
            "insert into t values (1), ()",
            "insert into t values (1), (2,)",
            "insert into t values (1) (2)",
            "insert into t (a values (1), (2)",
            "insert into t values (1), (2),",
        ] {
            assert_eq!(parse(sql).unwrap_err(), parse_by_tokens(sql).unwrap_err(), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn any_rows_give_the_same_tree(
            rows in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![
                        "-?[0-9]{1,12}(\\.[0-9]{1,4})?",
                        "'([a-z \n\\\\é;,()]|''){0,8}'",
                        Just("NULL".to_owned()),
                        Just("true".to_owned()),
                        "[a-z0-9'(),. -]{1,6}",
                    ],
                    1..4,
                ),
                1..5,
            ),
            blank in "[ \n\t]{0,2}",
        ) {
            let rows: Vec<String> = rows.iter().map(|row| format!("({})", row.join(&format!("{blank},")))).collect();
            let sql = format!("insert into t values{blank}{}", rows.join(&format!(",{blank}")));
            prop_assert_eq!(shown(parse(&sql)), shown(parse_by_tokens(&sql)));
        }
    }
}
