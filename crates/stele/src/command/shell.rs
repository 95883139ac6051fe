//! Statements in, tables out.

use anyhow::Result;
use plan::Field;
use rustyline::error::ReadlineError;
use session::{Notice, Outcome, Session, TransactionStatus};
use std::io::IsTerminal;
use types::{Batch, DataType, Error, TextSettings};

pub struct Shell {
    session: Session,
    /// Told how much of a script is done: bytes.
    progress: Option<kv::ledger::Progress>,
    /// Of the script that runs.
    script_bytes: usize,
}

/// A result as text, to be printed when it is whole.
#[derive(Default)]
struct Table {
    fields: Vec<(String, bool)>,
    rows: Vec<Vec<Option<String>>>,
    copied: bool,
}

impl session::Rows for Table {
    fn fields(&mut self, fields: &[Field], _: &TextSettings) -> types::Result<()> {
        self.fields =
            fields.iter().map(|field| (field.name.clone(), is_right_aligned(field.ty.data_type))).collect();
        Ok(())
    }
    fn batch(&mut self, batch: &Batch, settings: &TextSettings) -> types::Result<()> {
        for row in 0..batch.rows {
            let cells = batch.columns.iter().map(|column| {
                (!column.is_null(row)).then(|| {
                    let mut text = String::new();
                    types::text::format(&column.get(row), column.data_type, settings, &mut text);
                    text
                })
            });
            self.rows.push(cells.collect());
        }
        Ok(())
    }
    fn copy_out(&mut self, _: usize, _: bool) -> types::Result<()> {
        self.copied = true;
        Ok(())
    }
    fn copy_data(&mut self, data: &[u8]) -> types::Result<()> {
        print!("{}", String::from_utf8_lossy(data));
        Ok(())
    }
    fn notices(&mut self, messages: Vec<Notice>) {
        for notice in messages {
            if let Notice::Message { severity, report: message } = notice {
                eprintln!("{}", report(severity, &message, ""));
            }
        }
    }
}

fn is_right_aligned(data_type: DataType) -> bool {
    data_type.is_numeric() || data_type.is_oid()
}

impl Shell {
    pub fn new(session: Session) -> Shell {
        Shell { session, progress: None, script_bytes: 0 }
    }

    /// Tells `progress` how far scripts have come.
    pub fn with_progress(self, progress: kv::ledger::Progress) -> Shell {
        Shell { progress: Some(progress), ..self }
    }

    /// Runs a script, a statement at a time, each committed by itself unless it says BEGIN. COPY FROM STDIN reads the
    /// lines after it up to `\.`, as psql does. False: something failed.
    pub fn script(&mut self, text: &str, keep_going: bool) -> Result<bool> {
        let mut whole = true;
        let mut rest = text;
        self.script_bytes = text.len();
        while !rest.trim().is_empty() {
            let (statement, after) = next_statement(rest);
            rest = after;
            let outcome = self.statement(statement, &mut rest);
            self.report_progress(rest.len());
            match outcome {
                Ok(()) => {}
                Err(error) => {
                    eprintln!("{}", report("ERROR", &error, statement));
                    whole = false;
                    if !keep_going {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(whole)
    }

    /// Of large scripts only: a bar for a moment is noise.
    fn report_progress(&self, left: usize) {
        if let Some(progress) = self.shown_progress() {
            let total = self.script_bytes as u64;
            progress("running the script", total.saturating_sub(left as u64), total);
        }
    }

    fn shown_progress(&self) -> Option<&kv::ledger::Progress> {
        self.progress.as_ref().filter(|_| self.script_bytes >= PROGRESS_BYTES)
    }

    pub fn interactive(&mut self) -> Result<bool> {
        println!("stele {}: SQL, ended by a semicolon. \\q leaves.", env!("CARGO_PKG_VERSION"));
        let mut editor = rustyline::DefaultEditor::new()?;
        let mut buffer = String::new();
        loop {
            let mark = match self.session.status() {
                TransactionStatus::Idle => "",
                TransactionStatus::InTransaction => "*",
                TransactionStatus::Failed => "!",
            };
            let prompt =
                if buffer.is_empty() { format!("stele={mark}> ") } else { format!("stele-{mark}> ") };
            match editor.readline(&prompt) {
                Ok(line) if buffer.is_empty() && ["\\q", "quit", "exit"].contains(&line.trim()) => {
                    return Ok(true);
                }
                Ok(line) => {
                    buffer.push_str(&line);
                    buffer.push('\n');
                    if !is_complete(&buffer) {
                        continue;
                    }
                    let _ = editor.add_history_entry(buffer.trim());
                    let text = std::mem::take(&mut buffer);
                    self.script(&text, true)?;
                }
                Err(ReadlineError::Interrupted) => buffer.clear(),
                Err(ReadlineError::Eof) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn statement(&mut self, text: &str, rest: &mut &str) -> types::Result<()> {
        let result = self.run(text, rest);
        let ended = self.session.end_implicit();
        for notice in self.session.take_notices() {
            if let Notice::Message { severity, report: message } = notice {
                eprintln!("{}", report(severity, &message, ""));
            }
        }
        result.and(ended)
    }

    fn run(&mut self, text: &str, rest: &mut &str) -> types::Result<()> {
        for statement in self.session.parse(text)? {
            let mut table = Table::default();
            let outcome = self.session.simple(&statement, &mut table)?;
            let outcome = match outcome {
                Outcome::CopyIn { .. } => {
                    let (data, after) = copy_lines(rest);
                    *rest = after;
                    let mut left = data.len() + rest.len();
                    for piece in data.as_bytes().chunks(COPY_PIECE_BYTES) {
                        self.session.copy_data(piece)?;
                        left -= piece.len();
                        self.report_progress(left);
                    }
                    self.session.copy_done()?
                }
                other => other,
            };
            if let Outcome::Done { tag } = outcome {
                if self.shown_progress().is_some() && std::io::stderr().is_terminal() {
                    // The bar's line; it is drawn again below.
                    eprint!("\r\x1b[2K");
                }
                table.print(&tag);
            }
        }
        Ok(())
    }
}

/// Smaller scripts show no bar.
const PROGRESS_BYTES: usize = 1 << 20;
const COPY_PIECE_BYTES: usize = 1 << 20;
/// As much of a script is lexed at first to find a statement's end.
const WINDOW_BYTES: usize = 1 << 12;

/// The first statement with its semicolon, and what follows.
fn next_statement(text: &str) -> (&str, &str) {
    // Lexing all that is left for each statement would take the square of the script's length.
    let mut window = WINDOW_BYTES;
    while window < text.len() {
        let cut = text.floor_char_boundary(window);
        // Only a cut after a line: a token must not end at the window's end.
        let cut = text[..cut].rfind('\n').map_or(0, |at| at + 1);
        if let Ok(Some(end)) = statement_end(&text[..cut]) {
            return split(text, end);
        }
        window *= 8;
    }
    match statement_end(text) {
        Ok(Some(end)) => split(text, end),
        Ok(None) => (text, ""),
        // COPY data is no SQL: cut at the first line that ends a statement, and let the rest be lexed later.
        Err(_) => match text.find(";\n") {
            Some(at) => split(text, at + 1),
            None => (text, ""),
        },
    }
}

fn split(text: &str, end: usize) -> (&str, &str) {
    let after = &text[end..];
    (&text[..end], after.strip_prefix('\n').unwrap_or(after))
}

/// Where the first semicolon outside of parentheses ends.
fn statement_end(text: &str) -> types::Result<Option<usize>> {
    let mut depth = 0usize;
    for token in &plan::parse::lexer::lex(text)? {
        match () {
            () if token.is_symbol("(") => depth += 1,
            () if token.is_symbol(")") => depth = depth.saturating_sub(1),
            () if token.is_symbol(";") && depth == 0 => return Ok(Some(token.end)),
            () => {}
        }
    }
    Ok(None)
}

/// Lines up to `\.`.
fn copy_lines(text: &str) -> (&str, &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "\\." {
            return (&text[..at], &text[at + line.len()..]);
        }
        at += line.len();
    }
    (text, "")
}

fn is_complete(text: &str) -> bool {
    match plan::parse::lexer::lex(text) {
        Ok(tokens) => tokens.last().is_none_or(|token| token.is_symbol(";")),
        // An unterminated string or comment goes on in the next line.
        Err(error) => !error.message.starts_with("unterminated"),
    }
}

/// As psql prints an error, with the line that it points at.
fn report(severity: &str, error: &Error, text: &str) -> String {
    let mut out = format!("{severity}:  {} ({})", error.message, error.state.code());
    if let Some(position) = error.position {
        let before: String = text.chars().take(position.saturating_sub(1)).collect();
        let line_number = before.matches('\n').count();
        if let Some(line) = text.lines().nth(line_number) {
            let column = before.chars().rev().take_while(|c| *c != '\n').count();
            let head = format!("LINE {}: ", line_number + 1);
            out.push_str(&format!("\n{head}{line}\n{}^", " ".repeat(head.chars().count() + column)));
        }
    }
    if let Some(detail) = &error.detail {
        out.push_str(&format!("\nDETAIL:  {detail}"));
    }
    if let Some(hint) = &error.hint {
        out.push_str(&format!("\nHINT:  {hint}"));
    }
    if let Some(context) = &error.context {
        out.push_str(&format!("\nCONTEXT:  {context}"));
    }
    out
}

impl Table {
    /// psql's aligned format.
    fn print(&self, tag: &str) {
        if self.fields.is_empty() {
            if !self.copied {
                println!("{tag}");
            }
            return;
        }
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
        let widths: Vec<usize> = self
            .fields
            .iter()
            .enumerate()
            .map(|(at, (name, _))| {
                let cells = self.rows.iter().flat_map(|row| row.get(at));
                let longest = cells
                    .flat_map(|text| text.iter().flat_map(|text| text.lines()))
                    .map(|line| line.chars().count());
                longest.max().unwrap_or(0).max(name.chars().count())
            })
            .collect();
        let header: Vec<String> =
            self.fields.iter().zip(&widths).map(|((name, _), width)| format!(" {name:^width$} ")).collect();
        println!("{}", header.join("|").trim_end());
        println!("{}", widths.iter().map(|width| "-".repeat(width + 2)).collect::<Vec<_>>().join("+"));
        for row in &self.rows {
            let lines = row.iter().map(|text| cell(text).lines().count().max(1)).max().unwrap_or(1);
            for line in 0..lines {
                let cells: Vec<String> = row
                    .iter()
                    .zip(self.fields.iter().zip(&widths))
                    .map(|(text, ((_, right), width))| {
                        let text = cell(text);
                        let part = text.lines().nth(line).unwrap_or("");
                        let pad = " ".repeat(width.saturating_sub(part.chars().count()));
                        let more = if line + 1 < text.lines().count() { "+" } else { " " };
                        if *right { format!(" {pad}{part}{more}") } else { format!(" {part}{pad}{more}") }
                    })
                    .collect();
                println!("{}", cells.join("|").trim_end());
            }
        }
        println!("({} row{})\n", self.rows.len(), if self.rows.len() == 1 { "" } else { "s" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_with_their_copy_data() {
        let script = "copy t from stdin;\n1\t'\n\\.\nselect ';';";
        let (statement, rest) = next_statement(script);
        assert_eq!(statement, "copy t from stdin;");
        let (data, rest) = copy_lines(rest);
        assert_eq!((data, rest), ("1\t'\n", "select ';';"));
        assert_eq!(next_statement(rest), ("select ';';", ""));
    }

    #[test]
    fn a_long_script_is_cut_where_a_whole_one_is() {
        let long = format!("insert into t values ('{};\n{}');\n", "a".repeat(5000), "b".repeat(50_000));
        let script = format!("{long}select 2;\n{long}");
        let (statement, rest) = next_statement(&script);
        assert_eq!(statement, long.trim_end());
        let (statement, rest) = next_statement(rest);
        assert_eq!(statement, "select 2;");
        assert_eq!(next_statement(rest), (long.trim_end(), ""));
    }

    #[test]
    fn a_buffer_is_complete_at_its_semicolon() {
        assert!(is_complete("select 1;\n") && is_complete(" \n"));
        assert!(!is_complete("select 1\n") && !is_complete("select '\n;\n"));
    }
}
