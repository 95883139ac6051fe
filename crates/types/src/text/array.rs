//! Arrays: `{1,"a b",NULL}`, `[0:1]={5,6}`, `{{1,2},{3,4}}`; int2vector and oidvector: `1 2 3`.

use super::is_space;
use crate::{Array, ColumnType, DataType, Error, Result, TextSettings, Value, bail, err};

/// PostgreSQL's MAXDIM and MaxArraySize.
const MAX_DIMENSIONS: usize = 6;
const MAX_ELEMENTS: usize = (1 << 30) / 8 - 1;

fn malformed(text: &str, detail: impl Into<String>) -> Error {
    err!(InvalidTextRepresentation, "malformed array literal: \"{text}\"").detail(detail)
}

pub(super) fn parse(text: &str, element: ColumnType, settings: &TextSettings) -> Result<Value> {
    let mut input = Input { text, rest: text };
    let bounds = input.bounds()?;
    if bounds.is_empty() && !input.rest.starts_with('{') {
        return Err(malformed(text, "Array value must start with \"{\" or dimension information."));
    }
    if !bounds.is_empty() && !input.rest.starts_with('{') {
        return Err(malformed(text, "Array contents must start with \"{\"."));
    }
    let (lengths, items) = input.contents()?;
    if !input.rest.trim_start_matches(is_space).is_empty() {
        return Err(malformed(text, "Junk after closing right brace."));
    }
    if items.is_empty() {
        return Ok(Value::array(element.data_type, vec![]));
    }
    let given: Vec<usize> = bounds.iter().map(|(length, _)| *length as usize).collect();
    if !bounds.is_empty() && given != lengths {
        return Err(malformed(text, "Specified array dimensions do not match array contents."));
    }
    let values = items
        .iter()
        .map(|item| match item {
            Some(item) => super::parse(item, element, settings),
            None => Ok(Value::Null),
        })
        .collect::<Result<Vec<_>>>()?;
    let dimensions = match bounds.is_empty() {
        true => lengths.iter().map(|length| (*length as i32, 1)).collect(),
        false => bounds,
    };
    Ok(Value::Array(Box::new(Array { element: element.data_type, dimensions, values })))
}

struct Input<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Input<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest.strip_prefix(c);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn integer(&mut self) -> Option<i32> {
        let sign = usize::from(self.rest.starts_with(['-', '+']));
        let digits = self.rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(sign + digits);
        self.rest = rest;
        number.parse().ok()
    }

    /// `[0:1][3]=`: (length, lower bound) of each.
    fn bounds(&mut self) -> Result<Vec<(i32, i32)>> {
        let mut bounds = vec![];
        self.skip_space();
        while self.take('[') {
            if bounds.len() == MAX_DIMENSIONS {
                bail!(
                    ProgramLimitExceeded,
                    "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
                    MAX_DIMENSIONS + 1
                );
            }
            let text = self.text;
            let missing = || malformed(text, "Missing array dimension value.");
            let first = self.integer().ok_or_else(|| {
                malformed(text, "\"[\" must introduce explicitly-specified array dimensions.")
            })?;
            let (lower, upper) =
                if self.take(':') { (first, self.integer().ok_or_else(missing)?) } else { (1, first) };
            if !self.take(']') {
                return Err(malformed(self.text, "Missing \"]\" after array dimensions."));
            }
            if upper < lower {
                bail!(ArraySubscriptError, "upper bound cannot be less than lower bound");
            }
            let length = upper.checked_sub(lower).and_then(|length| length.checked_add(1));
            let Some(length) = length.filter(|length| *length as usize <= MAX_ELEMENTS && upper < i32::MAX)
            else {
                bail!(ProgramLimitExceeded, "array size exceeds the maximum allowed ({MAX_ELEMENTS})");
            };
            bounds.push((length, lower));
            self.skip_space();
        }
        if !bounds.is_empty() {
            if !self.take('=') {
                return Err(malformed(self.text, "Missing \"=\" after array dimensions."));
            }
            self.skip_space();
        }
        Ok(bounds)
    }

    /// The lengths of the dimensions, and the elements' texts in order.
    fn contents(&mut self) -> Result<(Vec<usize>, Vec<Option<String>>)> {
        let mut items = vec![];
        // The lengths of each level once one of its arrays has closed, and the counts so far of the open ones.
        let mut lengths: Vec<Option<usize>> = vec![];
        let mut counts: Vec<usize> = vec![];
        // How deep elements lie, once there is one.
        let mut element_depth = None;
        // An element or a sub-array must come (after a comma), may come (after a brace), or must not.
        let mut expect = Expect::Open;
        loop {
            self.skip_space();
            let Some(c) = self.rest.chars().next() else {
                return Err(malformed(self.text, "Unexpected end of input."));
            };
            let unexpected = || malformed(self.text, format!("Unexpected \"{c}\" character."));
            match c {
                '{' => {
                    let too_deep = element_depth.is_some_and(|depth| counts.len() >= depth);
                    if expect == Expect::Comma || too_deep {
                        return Err(unexpected());
                    }
                    if counts.len() == MAX_DIMENSIONS {
                        bail!(
                            ProgramLimitExceeded,
                            "number of array dimensions ({}) exceeds the maximum allowed ({MAX_DIMENSIONS})",
                            MAX_DIMENSIONS + 1
                        );
                    }
                    self.rest = &self.rest[1..];
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                    }
                    counts.push(0);
                    if lengths.len() < counts.len() {
                        lengths.push(None);
                    }
                    expect = Expect::First;
                }
                '}' => {
                    let empty = expect == Expect::First;
                    let count = counts.pop().unwrap_or(0);
                    // Only the outermost array may be empty.
                    if expect == Expect::Item || empty && (!counts.is_empty() || lengths.len() > 1) {
                        return Err(unexpected());
                    }
                    self.rest = &self.rest[1..];
                    let level = counts.len();
                    if lengths[level].is_some_and(|length| length != count) {
                        return Err(malformed(
                            self.text,
                            "Multidimensional arrays must have sub-arrays with matching dimensions.",
                        ));
                    }
                    lengths[level] = Some(count);
                    if counts.is_empty() {
                        return Ok((lengths.into_iter().flatten().collect(), items));
                    }
                    expect = Expect::Comma;
                }
                ',' => {
                    if expect != Expect::Comma {
                        return Err(unexpected());
                    }
                    self.rest = &self.rest[1..];
                    expect = Expect::Item;
                }
                _ => {
                    if expect == Expect::Comma || *element_depth.get_or_insert(counts.len()) != counts.len() {
                        return Err(malformed(self.text, "Unexpected array element."));
                    }
                    // A deeper level has been seen before.
                    if lengths.len() > counts.len() {
                        return Err(malformed(self.text, "Unexpected array element."));
                    }
                    items.push(self.element()?);
                    if items.len() > MAX_ELEMENTS {
                        bail!(
                            ProgramLimitExceeded,
                            "array size exceeds the maximum allowed ({MAX_ELEMENTS})"
                        );
                    }
                    if let Some(count) = counts.last_mut() {
                        *count += 1;
                    }
                    expect = Expect::Comma;
                }
            }
        }
    }

    /// A quoted or a bare element; None for NULL.
    fn element(&mut self) -> Result<Option<String>> {
        let mut item = String::new();
        let end_of_input = malformed(self.text, "Unexpected end of input.");
        let mut chars = self.rest.char_indices();
        if self.rest.starts_with('"') {
            chars.next();
            loop {
                match chars.next().ok_or_else(|| end_of_input.clone())? {
                    (_, '\\') => item.push(chars.next().ok_or_else(|| end_of_input.clone())?.1),
                    (at, '"') => {
                        self.rest = &self.rest[at + 1..];
                        let after = self.rest.trim_start_matches(is_space);
                        if !after.starts_with([',', '}', '{']) && !after.is_empty() {
                            return Err(malformed(self.text, "Unexpected array element."));
                        }
                        return Ok(Some(item));
                    }
                    (_, c) => item.push(c),
                }
            }
        }
        // Trailing blanks do not count, unless escaped.
        let mut kept = 0;
        let mut escaped = false;
        loop {
            match chars.next().ok_or_else(|| end_of_input.clone())? {
                (_, '\\') => {
                    item.push(chars.next().ok_or_else(|| end_of_input.clone())?.1);
                    kept = item.len();
                    escaped = true;
                }
                (at, ',' | '}') => {
                    self.rest = &self.rest[at..];
                    item.truncate(kept);
                    let is_null = !escaped && item.eq_ignore_ascii_case("null");
                    return Ok((!is_null).then_some(item));
                }
                (_, '"') => return Err(malformed(self.text, "Unexpected array element.")),
                (_, '{') => return Err(malformed(self.text, "Unexpected \"{\" character.")),
                (_, c) => {
                    item.push(c);
                    if !is_space(c) {
                        kept = item.len();
                    }
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Expect {
    /// The outermost brace.
    Open,
    /// An element, a sub-array or the closing brace.
    First,
    /// An element or a sub-array, after a comma.
    Item,
    /// A comma or the closing brace.
    Comma,
}

pub(super) fn format(array: &Array, settings: &TextSettings, out: &mut String) {
    if array.values.is_empty() {
        return out.push_str("{}");
    }
    if array.dimensions.iter().any(|(_, bound)| *bound != 1) {
        for (length, bound) in &array.dimensions {
            let upper = *bound as i64 + *length as i64 - 1;
            out.push_str(&format!("[{bound}:{upper}]"));
        }
        out.push('=');
    }
    let mut values = array.values.iter();
    format_level(array, &array.dimensions, &mut values, settings, out);
}

/// Recurses by dimension: six at most.
fn format_level<'a>(
    array: &Array,
    dimensions: &[(i32, i32)],
    values: &mut impl Iterator<Item = &'a Value>,
    settings: &TextSettings,
    out: &mut String,
) {
    let (length, inner) = match dimensions {
        [(length, _), inner @ ..] => (*length, inner),
        [] => (array.values.len() as i32, dimensions),
    };
    out.push('{');
    for index in 0..length {
        if index > 0 {
            out.push(',');
        }
        if !inner.is_empty() {
            format_level(array, inner, values, settings, out);
        } else if let Some(value) = values.next() {
            format_element(value, array.element, settings, out);
        }
    }
    out.push('}');
}

fn format_element(value: &Value, element: DataType, settings: &TextSettings, out: &mut String) {
    if value.is_null() {
        return out.push_str("NULL");
    }
    let start = out.len();
    super::format(value, element, settings, out);
    let text = &out[start..];
    let special = |c: char| matches!(c, '"' | '\\' | '{' | '}' | ',') || is_space(c);
    if text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(special) {
        let text = out.split_off(start);
        out.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
}

/// int2vector and oidvector: numbers with blanks between, counted from 0.
pub(super) fn parse_vector(text: &str, element: DataType) -> Result<Value> {
    let settings = TextSettings::default();
    let values = text
        .split(is_space)
        .filter(|item| !item.is_empty())
        .map(|item| super::parse(item, element.into(), &settings))
        .collect::<Result<Vec<_>>>()?;
    let dimensions = if values.is_empty() { vec![] } else { vec![(values.len() as i32, 0)] };
    Ok(Value::Array(Box::new(Array { element, dimensions, values })))
}

pub(super) fn format_vector(array: &Array, out: &mut String) {
    for (index, value) in array.values.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        super::push_integer(out, value.as_i64().unwrap_or(0));
    }
}
