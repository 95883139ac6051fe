//! COPY: syntax and options (PostgreSQL 15, COPY).

use super::boolean_option;
use crate::Environment;
use crate::parse::cursor::Cursor;
use crate::parse::lexer::Kind;
use crate::parse::{Parsed, parse_inner};
use crate::statement::{Copy, CopyFormat, CopyOptions, CopySource, Query, Statement};
use std::sync::Arc;
use types::ddl::Name;
use types::schema::{Relation, RelationKind};
use types::{Error, Result, err};

#[derive(Debug, Clone, PartialEq)]
pub struct CopySyntax {
    pub target: CopyTarget,
    pub to: bool,
    pub options: CopyOptions,
    /// COPY FROM ... WHERE is 0A000.
    pub position: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CopyTarget {
    Table { name: Name, columns: Vec<String> },
    Query(Box<Parsed>),
}

/// `COPY { table [(columns)] | (query) } { FROM STDIN | TO STDOUT } [[WITH] options]`
pub fn parse(cursor: &mut Cursor<'_>) -> Result<CopySyntax> {
    let position = cursor.position();
    let old_binary = cursor.eat("binary");
    let target = if cursor.is_symbol("(") {
        cursor.advance();
        let mark = cursor.mark();
        let start = cursor.peek().map_or(0, |token| token.start);
        cursor.text_until(|_| false)?;
        let text = cursor.between(mark, cursor.mark());
        let query = parse_inner(cursor.text, start, text)?;
        cursor.expect_symbol(")")?;
        CopyTarget::Query(Box::new(query))
    } else {
        let name = cursor.name()?;
        let columns =
            if cursor.is_symbol("(") { cursor.parenthesised(|cursor| cursor.identifier())? } else { vec![] };
        CopyTarget::Table { name, columns }
    };
    let to = match cursor.one_of(&["from", "to"]) {
        Some(word) => word == "to",
        None => return Err(cursor.unexpected()),
    };
    if !to && matches!(target, CopyTarget::Query(_)) {
        return Err(err!(SyntaxError, "COPY FROM needs a table").at(position));
    }
    if !cursor.eat(if to { "stdout" } else { "stdin" }) {
        if cursor.is("program") || matches!(cursor.peek().map(|token| &token.kind), Some(Kind::Text(_))) {
            return Err(cursor.unsupported(
                "COPY with a file or program of the server",
                "Use STDIN or STDOUT, or psql's \\copy.",
            ));
        }
        return Err(cursor.unexpected());
    }
    let mut options = Options::default();
    if old_binary {
        options.format = Some(CopyFormat::Binary);
    }
    cursor.eat("with");
    if cursor.is_symbol("(") {
        cursor.parenthesised(|cursor| options.one(cursor))?;
    } else {
        options.old(cursor)?;
    }
    if cursor.is("where") {
        return Err(
            cursor.unsupported("COPY FROM ... WHERE", "Load into a table of its own and insert from there.")
        );
    }
    Ok(CopySyntax { target, to, options: options.finish(to, position)?, position })
}

#[derive(Default)]
struct Options {
    format: Option<CopyFormat>,
    delimiter: Option<String>,
    null: Option<String>,
    header: Option<bool>,
    header_match: bool,
    quote: Option<String>,
    escape: Option<String>,
    force_quote: Option<Vec<String>>,
    force_not_null: Vec<String>,
    force_null: Vec<String>,
    /// Every option so far: none may come twice.
    given: Vec<String>,
}

impl Options {
    fn once(&mut self, name: &str, position: usize) -> Result<()> {
        if self.given.iter().any(|given| given == name) {
            return Err(err!(SyntaxError, "conflicting or redundant options").at(position));
        }
        self.given.push(name.to_owned());
        Ok(())
    }

    /// One of `(FORMAT csv, HEADER, ...)`.
    fn one(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let position = cursor.position();
        let name = cursor.label()?;
        self.once(&name, position)?;
        match name.as_str() {
            "format" => {
                let quoted = matches!(cursor.peek().map(|token| &token.kind), Some(Kind::Text(_)));
                let name = if quoted { cursor.string()? } else { cursor.label()? };
                self.format = Some(format(&name, position)?);
            }
            // A hint about PostgreSQL's storage: rows of a ledger are frozen from the start.
            "freeze" => drop(boolean_option(cursor)?),
            "delimiter" => self.delimiter = Some(cursor.string()?),
            "null" => self.null = Some(cursor.string()?),
            "header" if cursor.eat("match") => (self.header, self.header_match) = (Some(true), true),
            "header" => self.header = Some(boolean_option(cursor)?),
            "quote" => self.quote = Some(cursor.string()?),
            "escape" => self.escape = Some(cursor.string()?),
            "encoding" => encoding(&cursor.string()?, position)?,
            "force_quote" => self.force_quote = Some(columns(cursor)?),
            "force_not_null" => self.force_not_null = columns(cursor)?,
            "force_null" => self.force_null = columns(cursor)?,
            other => return Err(err!(SyntaxError, "option \"{other}\" not recognized").at(position)),
        }
        Ok(())
    }

    /// The syntax of before 9.0, that old tools still send.
    fn old(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        while !cursor.at_end() && !cursor.is("where") {
            let position = cursor.position();
            let name = cursor.label()?;
            match name.as_str() {
                "force" => {}
                "binary" | "csv" => self.once("format", position)?,
                name => self.once(name.trim_end_matches('s'), position)?,
            }
            match name.as_str() {
                "binary" => self.format = Some(CopyFormat::Binary),
                "csv" => self.format = Some(CopyFormat::Csv),
                "freeze" => {}
                "delimiter" | "delimiters" => {
                    cursor.eat("as");
                    self.delimiter = Some(cursor.string()?);
                }
                "null" => {
                    cursor.eat("as");
                    self.null = Some(cursor.string()?);
                }
                "header" => self.header = Some(true),
                "quote" => {
                    cursor.eat("as");
                    self.quote = Some(cursor.string()?);
                }
                "escape" => {
                    cursor.eat("as");
                    self.escape = Some(cursor.string()?);
                }
                "force" if cursor.eat("quote") => {
                    self.force_quote = Some(if cursor.eat_symbol("*") {
                        vec![]
                    } else {
                        cursor.list(|c| c.identifier())?
                    });
                }
                "force" if cursor.eat("not null") => self.force_not_null = cursor.list(|c| c.identifier())?,
                "force" if cursor.eat("null") => self.force_null = cursor.list(|c| c.identifier())?,
                "encoding" => encoding(&cursor.string()?, position)?,
                other => return Err(err!(SyntaxError, "syntax error at or near \"{other}\"").at(position)),
            }
        }
        Ok(())
    }

    fn finish(self, to: bool, position: usize) -> Result<CopyOptions> {
        let format = self.format.unwrap_or(CopyFormat::Text);
        let csv = format == CopyFormat::Csv;
        let only_csv = [
            ("QUOTE", self.quote.is_some()),
            ("ESCAPE", self.escape.is_some()),
            ("FORCE_QUOTE", self.force_quote.is_some()),
            ("FORCE_NOT_NULL", !self.force_not_null.is_empty()),
            ("FORCE_NULL", !self.force_null.is_empty()),
        ];
        if let Some((name, _)) = only_csv.iter().find(|(_, given)| *given && !csv) {
            return Err(err!(
                FeatureNotSupported,
                "COPY {} available only in CSV mode",
                name.to_lowercase().replace('_', " ")
            )
            .at(position));
        }
        if format == CopyFormat::Binary
            && (self.delimiter.is_some() || self.null.is_some() || self.header == Some(true))
        {
            return Err(
                err!(SyntaxError, "cannot specify DELIMITER, NULL or HEADER in BINARY mode").at(position)
            );
        }
        let character =
            |text: Option<String>, default: char, what: &str| -> Result<char> {
                let Some(text) = text else { return Ok(default) };
                let mut characters = text.chars();
                match (characters.next(), characters.next()) {
                    (Some(one), None) if one.is_ascii() && !matches!(one, '\n' | '\r' | '\0') => Ok(one),
                    _ => Err(err!(FeatureNotSupported, "COPY {what} must be a single one-byte character")
                        .at(position)),
                }
            };
        let delimiter = character(self.delimiter, if csv { ',' } else { '\t' }, "delimiter")?;
        if !csv && "\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(delimiter) {
            return Err(err!(InvalidParameterValue, "COPY delimiter cannot be \"{delimiter}\"").at(position));
        }
        let quote = character(self.quote, '"', "quote")?;
        let escape = character(self.escape, quote, "escape")?;
        if csv && delimiter == quote {
            return Err(
                err!(InvalidParameterValue, "COPY delimiter and quote must be different").at(position)
            );
        }
        let null = self.null.unwrap_or_else(|| if csv { String::new() } else { "\\N".into() });
        if null.contains(['\n', '\r']) {
            return Err(err!(
                InvalidParameterValue,
                "COPY null representation cannot use newline or carriage return"
            )
            .at(position));
        }
        if null.contains(delimiter) {
            return Err(err!(
                InvalidParameterValue,
                "COPY delimiter character must not appear in the NULL specification"
            )
            .at(position));
        }
        if csv && null.contains(quote) {
            return Err(err!(
                InvalidParameterValue,
                "CSV quote character must not appear in the NULL specification"
            )
            .at(position));
        }
        if to && (!self.force_not_null.is_empty() || !self.force_null.is_empty()) {
            return Err(
                err!(FeatureNotSupported, "COPY force null only available using COPY FROM").at(position)
            );
        }
        if !to && self.force_quote.is_some() {
            return Err(
                err!(FeatureNotSupported, "COPY force quote only available using COPY TO").at(position)
            );
        }
        if self.header_match && to {
            return Err(err!(SyntaxError, "cannot use \"match\" with HEADER in COPY TO").at(position));
        }
        Ok(CopyOptions {
            format,
            delimiter,
            null,
            header: self.header.unwrap_or(false),
            header_match: self.header_match,
            quote,
            escape,
            force_quote: self.force_quote,
            force_not_null: self.force_not_null,
            force_null: self.force_null,
        })
    }
}

fn format(name: &str, position: usize) -> Result<CopyFormat> {
    match name {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" => Ok(CopyFormat::Binary),
        _ => Err(err!(InvalidParameterValue, "COPY format \"{name}\" not recognized").at(position)),
    }
}

fn encoding(name: &str, position: usize) -> Result<()> {
    if ["utf8", "utf-8", "unicode"].contains(&name.to_ascii_lowercase().as_str()) {
        return Ok(());
    }
    Err(Error::unsupported(format!("COPY encoding \"{name}\""))
        .hint("Convert the data to UTF8.")
        .at(position))
}

/// `(a, b)` or `*` (an empty list = all).
fn columns(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if cursor.eat_symbol("*") { Ok(vec![]) } else { cursor.parenthesised(|cursor| cursor.identifier()) }
}

pub fn bind(syntax: &CopySyntax, environment: &Environment) -> Result<Statement> {
    let source = match &syntax.target {
        CopyTarget::Query(parsed) => match crate::plan(parsed, environment)? {
            Statement::Query(query) if !query.fields.is_empty() => CopySource::Query(query),
            Statement::Query(_) => {
                return Err(
                    err!(FeatureNotSupported, "COPY query must have a RETURNING clause").at(syntax.position)
                );
            }
            _ => return Err(Error::unsupported("COPY of this statement").at(syntax.position)),
        },
        CopyTarget::Table { name, columns } => table(name, columns, syntax, environment)?,
    };
    Ok(Statement::Copy(Copy { source, to: syntax.to, options: syntax.options.clone() }))
}

fn table(
    name: &Name,
    columns: &[String],
    syntax: &CopySyntax,
    environment: &Environment,
) -> Result<CopySource> {
    let relation = super::relation(name, environment)?;
    if relation.kind != RelationKind::Table && !(syntax.to && relation.kind == RelationKind::System) {
        let what = match relation.kind {
            RelationKind::View => "view",
            RelationKind::Sequence => "sequence",
            _ => "system relation",
        };
        let error = err!(
            WrongObjectType,
            "cannot copy {} {what} \"{}\"",
            if syntax.to { "from" } else { "to" },
            relation.name
        );
        return Err(if syntax.to { error.hint("Try the COPY (SELECT ...) TO variant.") } else { error });
    }
    let position_of = |column: &String| {
        let found = relation.columns.iter().position(|c| !c.dropped && c.name == *column);
        found.ok_or_else(|| {
            err!(UndefinedColumn, "column \"{column}\" of relation \"{}\" does not exist", relation.name)
        })
    };
    let mut positions: Vec<usize> = columns.iter().map(position_of).collect::<Result<_>>()?;
    if columns.is_empty() {
        positions = (0..relation.columns.len()).filter(|&at| !relation.columns[at].dropped).collect();
    }
    for (at, position) in positions.iter().enumerate() {
        if positions[..at].contains(position) {
            let name = &relation.columns[*position].name;
            return Err(err!(DuplicateColumn, "column \"{name}\" specified more than once"));
        }
    }
    let options = &syntax.options;
    for column in
        options.force_quote.iter().flatten().chain(&options.force_not_null).chain(&options.force_null)
    {
        let at = position_of(column)?;
        if !positions.contains(&at) {
            return Err(err!(InvalidColumnReference, "column \"{column}\" not referenced by COPY"));
        }
    }
    let (insert, select) = if syntax.to {
        (None, Some(select(&relation, &positions, environment)?))
    } else {
        (Some(crate::bind::insert_for_copy(&relation, &positions, environment)?), None)
    };
    Ok(CopySource::Table { relation, columns: positions, insert, select })
}

/// COPY table TO is a SELECT of its columns.
fn select(relation: &Relation, positions: &[usize], environment: &Environment) -> Result<Arc<Query>> {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let columns: Vec<String> = positions.iter().map(|&at| quote(&relation.columns[at].name)).collect();
    let text =
        format!("SELECT {} FROM {}.{}", columns.join(", "), quote(&relation.schema), quote(&relation.name));
    let parsed = crate::parse(&text)?;
    match parsed.first().map(|parsed| crate::plan(parsed, environment)).transpose()? {
        Some(Statement::Query(query)) => Ok(query),
        _ => Err(Error::internal("COPY TO made a query that is none")),
    }
}
