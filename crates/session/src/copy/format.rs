//! COPY's output.

use plan::statement::{CopyFormat, CopyOptions};
use types::{Batch, TextSettings};

/// The header line: the columns' names.
pub fn header(names: &[String], options: &CopyOptions, out: &mut String) {
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.push(options.delimiter);
        }
        match options.format {
            CopyFormat::Csv => csv(name, false, options, out),
            _ => text(name, options, out),
        }
    }
    out.push('\n');
}

/// One row as a line. `forced`: FORCE_QUOTE by column.
pub fn row(
    batch: &Batch,
    row: usize,
    forced: &[bool],
    options: &CopyOptions,
    settings: &TextSettings,
    out: &mut String,
) {
    let mut value = String::new();
    for (at, column) in batch.columns.iter().enumerate() {
        if at > 0 {
            out.push(options.delimiter);
        }
        if column.is_null(row) {
            out.push_str(&options.null);
            continue;
        }
        value.clear();
        types::text::format(&column.get(row), column.data_type, settings, &mut value);
        match options.format {
            CopyFormat::Csv => csv(&value, forced.get(at).copied().unwrap_or(false), options, out),
            _ => text(&value, options, out),
        }
    }
    out.push('\n');
}

fn text(value: &str, options: &CopyOptions, out: &mut String) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            other => {
                if other == options.delimiter {
                    out.push('\\');
                }
                out.push(other);
            }
        }
    }
}

fn csv(value: &str, forced: bool, options: &CopyOptions, out: &mut String) {
    let special = |c: char| c == options.delimiter || c == options.quote || c == '\n' || c == '\r';
    // A value that looks like NULL or like the end of data is quoted to be neither.
    let quoted = forced || value == options.null || value == "\\." || value.contains(special);
    if !quoted {
        out.push_str(value);
        return;
    }
    out.push(options.quote);
    for character in value.chars() {
        if character == options.quote || character == options.escape {
            out.push(options.escape);
        }
        out.push(character);
    }
    out.push(options.quote);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        let options = CopyOptions {
            format: CopyFormat::Csv,
            delimiter: ',',
            null: String::new(),
            header: false,
            header_match: false,
            quote: '"',
            escape: '"',
            force_quote: None,
            force_not_null: vec![],
            force_null: vec![],
        };
        for (value, expected) in
            [("a", "a"), ("", "\"\""), ("a,b", "\"a,b\""), ("\"", "\"\"\"\""), ("\\.", "\"\\.\"")]
        {
            let mut out = String::new();
            csv(value, false, &options, &mut out);
            assert_eq!(out, expected);
        }
    }
}
