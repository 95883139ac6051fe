//! jsonb as text: `{"a": 1, "b": [true, null]}`.

use super::Node;

/// What `jsonb_out` prints.
pub fn format(document: &[u8], out: &mut String) {
    match Node::read(document) {
        Node::Null => out.push_str("null"),
        Node::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Node::Number(number) => Node::number(number).push_text(out),
        Node::String(text) => push_string(text, out),
        Node::Array(array) => {
            out.push('[');
            for (index, element) in array.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                format(element, out);
            }
            out.push(']');
        }
        Node::Object(object) => {
            out.push('{');
            for (index, (key, value)) in object.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                push_string(key, out);
                out.push_str(": ");
                format(value, out);
            }
            out.push('}');
        }
    }
}

/// `jsonb_pretty`: four blanks a level.
pub fn format_pretty(document: &[u8], out: &mut String) {
    pretty(document, 0, out);
}

fn pretty(document: &[u8], level: usize, out: &mut String) {
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", level));
    };
    match Node::read(document) {
        Node::Array(array) => {
            out.push('[');
            for (index, element) in array.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, level + 1);
                pretty(element, level + 1, out);
            }
            line(out, level);
            out.push(']');
        }
        Node::Object(object) => {
            out.push('{');
            for (index, (key, value)) in object.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                line(out, level + 1);
                push_string(key, out);
                out.push_str(": ");
                pretty(value, level + 1, out);
            }
            line(out, level);
            out.push('}');
        }
        _ => format(document, out),
    }
}

/// A JSON string: quoted, with what must be escaped (`escape_json`).
pub fn push_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            other => {
                out.push_str("\\u00");
                [other >> 4, other & 15]
                    .iter()
                    .for_each(|digit| out.push(char::from_digit(*digit as u32, 16).unwrap_or('0')));
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}
