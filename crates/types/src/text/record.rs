//! Rows: `(1,"a b",)`. A NULL is nothing, an empty string is quoted.

use super::is_space;
use crate::{DataType, TextSettings, Value};

pub(super) fn format(fields: &[(DataType, Value)], settings: &TextSettings, out: &mut String) {
    out.push('(');
    for (index, (data_type, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if value.is_null() {
            continue;
        }
        let start = out.len();
        super::format(value, *data_type, settings, out);
        let special = |c: char| matches!(c, '"' | '\\' | '(' | ')' | ',') || is_space(c);
        if out.len() == start || out[start..].contains(special) {
            let text = out.split_off(start);
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push(c);
                }
                out.push(c);
            }
            out.push('"');
        }
    }
    out.push(')');
}
