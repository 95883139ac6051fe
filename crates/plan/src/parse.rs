//! Text to syntax: splitting, the pre-pass, sqlparser, and our own parsers for what it does not know.
//!
//! ```text
//!   script ── rows of constants ──> Syntax::Sql
//!     └─ lexer ──> statements ──┬─ first words of a query ──> prepass ──> sqlparser ──> Syntax::Sql
//!                               └─ everything else ─────────> our parsers ───────────> Syntax::Utility
//! ```
//! sqlparser parses queries (SELECT, INSERT, UPDATE, DELETE, VALUES, MERGE) and stored expressions. Statements that keep
//! text (defaults, checks, views) are ours, because a printed syntax tree does not re-parse; so are those that sqlparser
//! does not know or loses clauses of.

pub mod cursor;
mod depth;
pub mod lexer;
pub mod lift;
pub mod prepass;
pub mod reserved;
pub mod spelling;
pub mod types;
mod values;

use self::lexer::{Token, position, syntax_error};
use crate::stack::{self, Deep};
use ::types::{Error, Result, err};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};

sqlparser::derive_dialect!(
    SteleDialect,
    PostgreSqlDialect,
    preserve_type_id = true,
    overrides = { supports_table_versioning = true }
);

/// Calls within calls that sqlparser makes before it says 54001: several for each level that `depth` allows.
const RECURSION_LIMIT: usize = 2_000;
/// Stored expressions are bound and evaluated wherever their table is written: they stay shallow.
const STORED_DEPTH_MAX: usize = 200;
/// A statement's text may be this long (54000), so that one client cannot take all memory.
const STATEMENT_SIZE_BYTES: usize = 256 << 20;

/// One statement's syntax, with its text (views and prepared statements keep the text).
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The statement's own text, without the semicolon.
    pub text: String,
    /// Where it starts in the text that was parsed, in characters: added to error positions.
    pub offset: usize,
    pub syntax: Syntax,
    /// The constant of `AS OF SYSTEM TIME`, lifted out of a query: it holds for every table without its own clause.
    pub as_of: Option<sqlparser::ast::Expr>,
    /// INSERT ... OVERRIDING { SYSTEM | USER } VALUE, lifted out.
    pub overriding: Option<crate::bind::Overriding>,
    /// ON CONFLICT's target, lifted out where it is more than columns.
    pub target: Option<Target>,
}

/// The expressions and the condition of the unique index that ON CONFLICT means.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub keys: Vec<sqlparser::ast::Expr>,
    pub predicate: Option<sqlparser::ast::Expr>,
}

impl Parsed {
    /// How deep the parser's tree is.
    pub fn depth(&self) -> usize {
        match &self.syntax {
            Syntax::Sql(sql) => sql.depth(),
            Syntax::Utility(_) | Syntax::Empty => 0,
        }
    }
}

/// What the parsers found.
#[derive(Debug, Clone, PartialEq)]
pub enum Syntax {
    /// sqlparser's tree.
    Sql(Deep<sqlparser::ast::Statement>),
    /// One that we parse ourselves.
    Utility(Box<crate::utility::Utility>),
    Empty,
}

/// Splits and parses a script. A syntax error names the token and its position (42601); statements before it are not
/// returned (as in PostgreSQL, where the whole string is parsed first).
pub fn parse(sql: &str) -> Result<Vec<Parsed>> {
    if sql.len() > STATEMENT_SIZE_BYTES {
        return Err(err!(ProgramLimitExceeded, "a query string of {} bytes is too long", sql.len()));
    }
    if let Some(parsed) = values::parse(sql, |first| parse_by_tokens(first).ok()?.pop()) {
        return Ok(vec![parsed]);
    }
    parse_by_tokens(sql)
}

fn parse_by_tokens(sql: &str) -> Result<Vec<Parsed>> {
    let tokens = lexer::lex(sql)?;
    lexer::split(&tokens).into_iter().map(|tokens| parse_one(sql, tokens)).collect()
}

/// Refuses the text of a view that is deep: whoever reads it does not know that before.
pub fn check_view_depth(text: &str) -> Result<()> {
    if depth::measure(text, &prepass::tokenize(text)?)?.chain <= STORED_DEPTH_MAX {
        return Ok(());
    }
    Err(err!(StatementTooComplex, "stack depth limit exceeded")
        .hint(format!("A view's query nests up to {STORED_DEPTH_MAX} deep.")))
}

/// The statement that is none: an empty string in the extended protocol.
pub fn empty() -> Parsed {
    Parsed {
        text: String::new(),
        offset: 0,
        syntax: Syntax::Empty,
        as_of: None,
        overriding: None,
        target: None,
    }
}

/// One statement of `script`, whose tokens these are.
fn parse_one(script: &str, tokens: &[Token]) -> Result<Parsed> {
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
        return Ok(empty());
    };
    let text = &script[first.start..last.end];
    let offset = position(script, first.start) - 1;
    let tokens: Vec<Token> = tokens
        .iter()
        .map(|token| Token {
            kind: token.kind.clone(),
            start: token.start - first.start,
            end: token.end - first.start,
        })
        .collect();
    let (syntax, lifted) = syntax(text, &tokens).map_err(|error| shift(error, offset))?;
    let Lifted { as_of, overriding, target } = lifted;
    Ok(Parsed { text: text.to_owned(), offset, syntax, as_of, overriding, target })
}

/// Parses one statement that is part of another one's text (EXPLAIN, PREPARE, COPY (query), views): `start` is where
/// it begins in `text`, in bytes. Its errors and positions are those of `text`.
pub fn parse_inner(text: &str, start: usize, inner: &str) -> Result<Parsed> {
    let offset = position(text, start) - 1;
    let mut statements = parse(inner).map_err(|error| shift(error, offset))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(mut parsed), true) => {
            parsed.offset += offset;
            Ok(parsed)
        }
        _ => Err(syntax_error(text, start + inner.len(), start + inner.len())),
    }
}

/// A stored expression's syntax.
pub fn parse_expression(text: &str) -> Result<sqlparser::ast::Expr> {
    let tokens = prepass::tokenize(text)?;
    if depth::measure(text, &tokens)?.chain > STORED_DEPTH_MAX {
        return Err(err!(StatementTooComplex, "stack depth limit exceeded")
            .hint(format!("A stored expression nests up to {STORED_DEPTH_MAX} deep.")));
    }
    let mut parser = parser(tokens);
    let expression = parser.parse_expr().map_err(|error| convert(text, error))?;
    match parser.peek_token().token {
        sqlparser::tokenizer::Token::EOF => Ok(expression),
        _ => Err(syntax_error(text, text.len(), text.len())),
    }
}

/// The dialect: PostgreSQL's, with table versions.
fn dialect() -> &'static SteleDialect {
    static DIALECT: std::sync::LazyLock<SteleDialect> = std::sync::LazyLock::new(SteleDialect::new);
    &DIALECT
}

fn parser(tokens: Vec<sqlparser::tokenizer::TokenWithSpan>) -> Parser<'static> {
    let tokens = prepass::only_constants(tokens);
    Parser::new(dialect()).with_recursion_limit(RECURSION_LIMIT).with_tokens_with_locations(tokens)
}

fn shift(mut error: Error, offset: usize) -> Error {
    error.position = error.position.map(|position| position + offset);
    error
}

/// Whether a statement is sqlparser's.
fn is_query(tokens: &[Token]) -> bool {
    tokens.iter().find(|token| !token.is_symbol("(")).is_some_and(|token| {
        ["select", "insert", "update", "delete", "values", "with", "table", "merge"]
            .iter()
            .any(|word| token.is_word(word))
    })
}

/// What the pre-pass takes out of a query before sqlparser sees it.
#[derive(Default)]
struct Lifted {
    as_of: Option<sqlparser::ast::Expr>,
    overriding: Option<crate::bind::Overriding>,
    target: Option<Target>,
}

fn syntax(text: &str, tokens: &[Token]) -> Result<(Syntax, Lifted)> {
    if !is_query(tokens) {
        let utility = crate::utility::parse(&mut cursor::Cursor::new(text, tokens))?;
        return Ok((Syntax::Utility(Box::new(utility)), Lifted::default()));
    }
    let mut sql_tokens = prepass::tokenize(text)?;
    let depth = depth::measure(text, &sql_tokens)?.stack;
    let as_of = match prepass::lift_system_time(text, &mut sql_tokens)? {
        Some(lifted) => Some(whole_expression(text, tokens, lifted)?),
        None => None,
    };
    let overriding = prepass::lift_overriding(&mut sql_tokens);
    let target = match prepass::lift_target(&mut sql_tokens) {
        None => None,
        Some(prepass::Target { keys, predicate }) => {
            let key = |key| whole_expression(text, tokens, key);
            Some(Target {
                keys: keys.into_iter().map(key).collect::<Result<_>>()?,
                predicate: predicate.map(key).transpose()?,
            })
        }
    };
    let mut parser = parser(sql_tokens);
    let statement = stack::with(depth, || parser.parse_statement());
    let statement = Deep::new(depth, statement.map_err(|error| convert(text, error))?);
    let next = parser.peek_token();
    if next.token != sqlparser::tokenizer::Token::EOF {
        return Err(near(text, tokens, prepass::byte_of(text, next.span.start)));
    }
    Ok((Syntax::Sql(statement), Lifted { as_of, overriding, target }))
}

/// Tokens that are one expression and nothing more.
fn whole_expression(
    text: &str,
    tokens: &[Token],
    expression: Vec<sqlparser::tokenizer::TokenWithSpan>,
) -> Result<sqlparser::ast::Expr> {
    let mut parser = parser(expression);
    let expression = parser.parse_expr().map_err(|error| convert(text, error))?;
    match parser.peek_token() {
        next if next.token == sqlparser::tokenizer::Token::EOF => Ok(expression),
        next => Err(near(text, tokens, prepass::byte_of(text, next.span.start))),
    }
}

/// The syntax error at the token that stands at `byte`.
fn near(text: &str, tokens: &[Token], byte: usize) -> Error {
    match tokens.iter().find(|token| token.end > byte) {
        Some(token) => syntax_error(text, token.start, token.end),
        None => syntax_error(text, text.len(), text.len()),
    }
}

/// sqlparser's error as PostgreSQL would put it. Its message ends with `at Line: 1, Column: 8`.
fn convert(text: &str, error: ParserError) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return err!(StatementTooComplex, "stack depth limit exceeded")
                .hint("Write the statement with less nesting.");
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let location = message.rfind(" at Line: ").map(|at| &message[at + 10..]).and_then(|rest| {
        let (line, column) = rest.split_once(", Column: ")?;
        Some(sqlparser::tokenizer::Location { line: line.parse().ok()?, column: column.trim().parse().ok()? })
    });
    let tokens = lexer::lex(text).unwrap_or_default();
    match location {
        Some(location) => near(text, &tokens, prepass::byte_of(text, location)),
        None if message.contains("EOF") => syntax_error(text, text.len(), text.len()),
        None => err!(SyntaxError, "syntax error: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> (String, Option<usize>) {
        let error = parse(sql).unwrap_err();
        (error.message.clone(), error.position)
    }

    #[test]
    fn a_syntax_error_names_the_token_and_its_position() {
        assert_eq!(refused("select 1; selec 2"), ("syntax error at or near \"selec\"".into(), Some(11)));
        assert_eq!(refused("select * from"), ("syntax error at end of input".into(), Some(14)));
        assert_eq!(refused("select é from t where ) "), ("syntax error at or near \")\"".into(), Some(23)));
    }

    #[test]
    fn statements_keep_their_text_and_offset() {
        let parsed = parse(" select 1 ;\n /* x */ select 'é;' ; ; ").unwrap();
        assert_eq!(parsed.len(), 2);
        assert_eq!((parsed[0].text.as_str(), parsed[0].offset), ("select 1", 1));
        assert_eq!((parsed[1].text.as_str(), parsed[1].offset), ("select 'é;'", 21));
    }

    #[test]
    fn nesting_has_a_limit() {
        let deep = format!("select {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(parse(&deep).unwrap_err().state, ::types::SqlState::StatementTooComplex);
    }

    /// Every shape ends in a tree or in 54001, on a thread with as little stack as tests have, the drop included.
    #[test]
    fn no_shape_overflows_the_stack() {
        let chain = |part: &str, count: usize| format!("select 1{}", part.repeat(count));
        for (sql, accepted) in [
            (chain("+1", 5_000), true),
            (chain("+1", 20_000), false),
            (chain("::int", 5_000), true),
            (chain("::int", 30_000), false),
            (chain(" union all select 1", 5_000), true),
            (chain(" union all select 1", 10_000), false),
            (chain(" where true", 1) + &" and true".repeat(30_000), true),
            (chain(" where true", 1) + &" or true".repeat(100_000), false),
            (format!("select {}true", "not ".repeat(300)), true),
            (format!("select {}true", "not ".repeat(5_000)), false),
            (format!("select {}1", "- ".repeat(5_000)), false),
            (format!("select {}1{}", "case when true then ".repeat(300), " end".repeat(300)), true),
            (format!("select {}1{}", "case when true then ".repeat(5_000), " end".repeat(5_000)), false),
            (format!("select a{}", "[1]".repeat(20_000)), false),
            (format!("select 1 in (1{})", ",1".repeat(20_000)), true),
        ] {
            let result = parse(&sql);
            let state = result.as_ref().err().map(|error| error.state);
            let short = &sql[..sql.len().min(40)];
            match accepted {
                true => assert!(result.is_ok(), "{short}: {state:?}"),
                false => assert_eq!(state, Some(::types::SqlState::StatementTooComplex), "{short}"),
            }
        }
    }
}
