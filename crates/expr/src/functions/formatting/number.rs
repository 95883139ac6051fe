//! Pictures of numbers, and to_char of numbers: a port of `NUM_processor`.

use super::ordinal;
use types::{Error, Numeric, Result, SqlState, Value, err};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Key {
    Comma,
    Point,
    Zero,
    Nine,
    Blank,
    LocalPoint,
    Exponent,
    Fill,
    Group,
    Currency,
    Minus,
    Plus,
    Brackets,
    Roman { upper: bool },
    Sign,
    LocalSign,
    Ordinal { upper: bool },
    Multiply,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Node {
    Key(Key),
    Text(char),
}

#[rustfmt::skip]
const KEYWORDS: &[(&str, Key)] = &[
    (",", Key::Comma), (".", Key::Point), ("0", Key::Zero), ("9", Key::Nine), ("EEEE", Key::Exponent),
    ("FM", Key::Fill), ("MI", Key::Minus), ("PL", Key::Plus), ("PR", Key::Brackets), ("RN", Key::Roman { upper: true }),
    ("SG", Key::Sign), ("TH", Key::Ordinal { upper: true }), ("B", Key::Blank), ("D", Key::LocalPoint),
    ("G", Key::Group), ("L", Key::Currency), ("S", Key::LocalSign), ("V", Key::Multiply),
    ("eeee", Key::Exponent), ("fm", Key::Fill), ("mi", Key::Minus), ("pl", Key::Plus), ("pr", Key::Brackets),
    ("rn", Key::Roman { upper: false }), ("sg", Key::Sign), ("th", Key::Ordinal { upper: false }), ("b", Key::Blank),
    ("d", Key::LocalPoint), ("g", Key::Group), ("l", Key::Currency), ("s", Key::LocalSign), ("v", Key::Multiply),
];

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum LocalSign {
    #[default]
    None,
    Before,
    After,
}

/// What a template says of the number as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Picture {
    pub nodes: Vec<Node>,
    /// Digits before and after the point.
    pub before: i32,
    pub after: i32,
    pub sign: LocalSign,
    sign_after_digits: i32,
    /// V: digits to shift by.
    pub shift: i32,
    zero_start: i32,
    zero_end: i32,
    has_zero: bool,
    blank: bool,
    pub fill: bool,
    pub has_point: bool,
    pub has_sign: bool,
    pub brackets: bool,
    pub minus: bool,
    pub plus: bool,
    pub roman: bool,
    pub exponent: bool,
    multiplies: bool,
}

fn syntax(message: &str) -> Error {
    Error::new(SqlState::SyntaxError, message)
}

impl Picture {
    pub fn parse(template: &str) -> Result<Picture> {
        let mut picture = Picture::default();
        let mut rest = template;
        while let Some(c) = rest.chars().next() {
            if let Some((keyword, key)) = KEYWORDS.iter().find(|(keyword, _)| rest.starts_with(keyword)) {
                rest = &rest[keyword.len()..];
                picture.prepare(*key)?;
                picture.nodes.push(Node::Key(*key));
            } else if let Some(quoted) = rest.strip_prefix('"') {
                let mut characters = quoted.chars();
                while let Some(c) = characters.next().filter(|c| *c != '"') {
                    let c = if c == '\\' { characters.next().unwrap_or(c) } else { c };
                    picture.nodes.push(Node::Text(c));
                }
                rest = characters.as_str();
            } else {
                let mut skip = c.len_utf8();
                let mut shown = c;
                if c == '\\' && rest[1..].starts_with('"') {
                    (skip, shown) = (2, '"');
                }
                picture.nodes.push(Node::Text(shown));
                rest = &rest[skip..];
            }
        }
        Ok(picture)
    }

    fn prepare(&mut self, key: Key) -> Result<()> {
        if self.exponent && key != Key::Exponent {
            return Err(syntax("\"EEEE\" must be the last pattern used"));
        }
        match key {
            Key::Nine => {
                if self.brackets {
                    return Err(syntax("\"9\" must be ahead of \"PR\""));
                }
                if self.multiplies {
                    self.shift += 1;
                } else if self.has_point {
                    self.after += 1;
                } else {
                    self.before += 1;
                }
            }
            Key::Zero => {
                if self.brackets {
                    return Err(syntax("\"0\" must be ahead of \"PR\""));
                }
                if !self.has_zero && !self.has_point {
                    self.has_zero = true;
                    self.zero_start = self.before + 1;
                }
                if self.has_point {
                    self.after += 1;
                } else {
                    self.before += 1;
                }
                self.zero_end = self.before + self.after;
            }
            Key::Blank => self.blank |= self.before == 0 && self.after == 0 && !self.has_zero,
            Key::Point | Key::LocalPoint => {
                if self.has_point {
                    return Err(syntax("multiple decimal points"));
                }
                if self.multiplies {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.has_point = true;
            }
            Key::Fill => self.fill = true,
            Key::LocalSign => {
                if self.has_sign {
                    return Err(syntax("cannot use \"S\" twice"));
                }
                if self.plus || self.minus || self.brackets {
                    return Err(syntax("cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together"));
                }
                self.has_sign = true;
                if self.has_point {
                    self.sign = LocalSign::After;
                } else {
                    self.sign = LocalSign::Before;
                    self.sign_after_digits = self.before;
                }
            }
            Key::Minus => {
                if self.has_sign {
                    return Err(syntax("cannot use \"S\" and \"MI\" together"));
                }
                self.minus = true;
            }
            Key::Plus => {
                if self.has_sign {
                    return Err(syntax("cannot use \"S\" and \"PL\" together"));
                }
                self.plus = true;
            }
            Key::Sign => {
                if self.has_sign {
                    return Err(syntax("cannot use \"S\" and \"SG\" together"));
                }
                (self.minus, self.plus) = (true, true);
            }
            Key::Brackets => {
                if self.has_sign || self.plus || self.minus {
                    return Err(syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
                }
                self.brackets = true;
            }
            Key::Roman { .. } => self.roman = true,
            Key::Multiply => {
                if self.has_point {
                    return Err(syntax("cannot use \"V\" and decimal point together"));
                }
                self.multiplies = true;
            }
            Key::Exponent => {
                if self.exponent {
                    return Err(syntax("cannot use \"EEEE\" twice"));
                }
                let other =
                    self.blank || self.fill || self.has_sign || self.brackets || self.minus || self.plus;
                if other || self.roman || self.multiplies {
                    return Err(syntax("\"EEEE\" is incompatible with other formats").detail(
                        "\"EEEE\" may only be used together with digit and decimal point patterns.",
                    ));
                }
                self.exponent = true;
            }
            Key::Comma | Key::Group | Key::Currency | Key::Ordinal { .. } => {}
        }
        Ok(())
    }
}

pub(super) fn format(value: &Value, template: &str) -> Result<String> {
    let mut picture = Picture::parse(template)?;
    let float = match value {
        Value::Float4(value) => Some((*value as f64, 6)),
        Value::Float8(value) => Some((*value, 15)),
        _ => None,
    };
    let exact = match value {
        Value::Int4(value) => Numeric::from(*value as i64),
        Value::Int8(value) => Numeric::from(*value),
        Value::Numeric(value) => value.clone(),
        Value::Float4(_) | Value::Float8(_) => Numeric::default(),
        other => return Err(Error::internal(format!("to_char of {other:?}"))),
    };
    if picture.roman {
        let whole = match float {
            Some((value, _)) => value.round_ties_even() as i64,
            None => exact.to_i64().unwrap_or(i64::MAX),
        };
        return Writer::new(&picture, roman(whole), '+', 0).run();
    }
    if picture.exponent {
        return scientific(&exact, float.map(|(value, _)| value), picture.before, picture.after);
    }
    // The digits as text, rounded.
    let shown = match float {
        Some((value, digits)) => {
            let value = value * 10f64.powi(picture.shift);
            let whole = format!("{:.0}", value.abs()).len() as i32;
            if whole >= digits {
                picture.after = 0;
            } else if whole + picture.after > digits {
                picture.after = digits - whole;
            }
            match value {
                value if value.is_nan() => "NaN".to_owned(),
                value if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
                value => format!("{value:.*}", picture.after as usize),
            }
        }
        None => {
            let value = match picture.shift {
                0 => exact,
                shift => exact.mul(&Numeric::from(10).power(&Numeric::from(shift as i64))?)?,
            };
            let value = if value.is_finite() { value.round(picture.after)? } else { value };
            types::text::to_string(&Value::Numeric(value), types::DataType::Numeric, &Default::default())
        }
    };
    picture.before += picture.shift;
    let (sign, digits) = match shown.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', shown.as_str()),
    };
    let length = digits.find('.').unwrap_or(digits.len()) as i32;
    if length > picture.before {
        // Too large for the picture.
        let mut overflow = vec!['#'; (picture.before + picture.after + 1) as usize];
        overflow[picture.before as usize] = '.';
        return Writer::new(&picture, overflow.into_iter().collect(), sign, 0).run();
    }
    Writer::new(&picture, digits.to_owned(), sign, picture.before - length).run()
}

fn roman(number: i64) -> String {
    if !(1..=3999).contains(&number) {
        return "#".repeat(15);
    }
    const PARTS: [(i64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = number;
    let mut out = String::new();
    for (value, letters) in PARTS {
        while rest >= value {
            out.push_str(letters);
            rest -= value;
        }
    }
    out
}

/// `9.99EEEE`: with a sign or a blank, and an exponent of two digits or more.
fn scientific(exact: &Numeric, float: Option<f64>, before: i32, after: i32) -> Result<String> {
    let finite = float.map_or(exact.is_finite(), f64::is_finite);
    if !finite {
        let mut hashes = vec!['#'; (before + after + 6) as usize];
        hashes[0] = ' ';
        hashes[(before + 1) as usize] = '.';
        return Ok(hashes.into_iter().collect());
    }
    let precision = after.max(0) as usize;
    let (negative, digits, exponent) = match float {
        Some(value) => {
            let shown = format!("{:.precision$e}", value.abs());
            let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
            (value.is_sign_negative(), digits.to_owned(), exponent.parse::<i64>().unwrap_or(0))
        }
        None => {
            let (digits, exponent) = decimal_digits(&exact.abs(), after)?;
            (exact.is_negative(), digits, exponent)
        }
    };
    let sign = if negative { '-' } else { ' ' };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    Ok(format!("{sign}{digits}e{exponent_sign}{:02}", exponent.abs()))
}

/// One digit, a point, `after` digits; and the power of ten.
fn decimal_digits(value: &Numeric, after: i32) -> Result<(String, i64)> {
    let text = |value: &Numeric| {
        types::text::to_string(&Value::Numeric(value.clone()), types::DataType::Numeric, &Default::default())
    };
    let exponent_of = |text: &str| -> i64 {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        match whole.trim_start_matches('0').len() {
            0 => fraction.bytes().position(|digit| digit != b'0').map_or(0, |zeros| -(zeros as i64) - 1),
            digits => digits as i64 - 1,
        }
    };
    let exponent = exponent_of(&text(value));
    let scale = i32::try_from(after as i64 - exponent)
        .map_err(|_| err!(NumericValueOutOfRange, "value overflows numeric format"))?;
    let rounded = text(&value.round(scale)?);
    // 9.99 rounded is 10.0e+00, as PostgreSQL has it.
    let whole = 1 + (exponent_of(&rounded) - exponent).max(0) as usize;
    let all: String = rounded.chars().filter(char::is_ascii_digit).collect();
    let all = all.trim_start_matches('0');
    let mut digits: String = all.chars().chain(std::iter::repeat('0')).take(after as usize + whole).collect();
    if after > 0 {
        digits.insert(whole, '.');
    }
    Ok((digits, exponent))
}

/// Writes digits into a picture.
struct Writer<'a> {
    picture: &'a Picture,
    /// The digits and the point; and where we are.
    number: Vec<u8>,
    position: usize,
    out: String,
    sign: char,
    sign_written: bool,
    spaces_before: i32,
    count: i32,
    current: i32,
    /// Whether digits have been written.
    in_number: bool,
    /// FM: the last digit after the point that is to be shown (the point itself if none).
    last_relevant: Option<usize>,
    has_zero: bool,
    zero_start: i32,
    brackets: bool,
    local_sign: LocalSign,
}

impl<'a> Writer<'a> {
    fn new(picture: &'a Picture, number: String, sign: char, spaces_before: i32) -> Writer<'a> {
        let roman = picture.roman;
        let mut writer = Writer {
            picture,
            number: number.into_bytes(),
            position: 0,
            out: String::new(),
            sign,
            sign_written: false,
            spaces_before,
            count: picture.after + picture.before - 1,
            current: 0,
            in_number: false,
            last_relevant: None,
            has_zero: picture.has_zero && !roman,
            zero_start: (picture.zero_start - 1).max(0),
            brackets: picture.brackets && !roman,
            local_sign: if roman { LocalSign::None } else { picture.sign },
        };
        if (picture.plus || picture.minus) && !roman {
            writer.sign_written = picture.minus;
        } else {
            if sign != '-' && picture.fill {
                writer.brackets = false;
            }
            writer.sign_written = sign == '+' && picture.fill && !picture.has_sign;
            if writer.local_sign == LocalSign::Before
                && picture.before == picture.sign_after_digits + picture.shift
            {
                writer.local_sign = LocalSign::After;
            }
        }
        if picture.fill && picture.has_point {
            writer.last_relevant = writer.last_decimal();
            if let Some(relevant) = writer.last_relevant
                && picture.zero_end > spaces_before
            {
                let last_zero = (writer.number.len() - 1).min((picture.zero_end - spaces_before) as usize);
                writer.last_relevant = Some(relevant.max(last_zero));
            }
        }
        if !writer.sign_written && spaces_before == 0 {
            writer.count += 1;
        }
        writer
    }

    fn last_decimal(&self) -> Option<usize> {
        let point = self.number.iter().position(|byte| *byte == b'.')?;
        let last = self.number.iter().rposition(|byte| *byte != b'0')?;
        Some(last.max(point))
    }

    fn at(&self, position: usize) -> u8 {
        self.number.get(position).copied().unwrap_or(0)
    }

    fn run(mut self) -> Result<String> {
        let digits: String = self.number.iter().map(|byte| char::from(*byte)).collect();
        let fill = self.picture.fill;
        for node in &self.picture.nodes {
            let key = match node {
                Node::Text(c) => {
                    self.out.push(*c);
                    continue;
                }
                Node::Key(key) => *key,
            };
            match key {
                Key::Nine | Key::Zero | Key::Point | Key::LocalPoint => self.digit(key),
                Key::Comma | Key::Group => match (self.in_number, fill) {
                    (true, _) => self.out.push(','),
                    (false, true) => {}
                    (false, false) => self.out.push(' '),
                },
                Key::Currency => self.out.push(' '),
                Key::Roman { upper } => {
                    let roman = if upper { digits.clone() } else { digits.to_lowercase() };
                    let width = if fill { 0 } else { 15 };
                    self.out.push_str(&format!("{roman:>width$}"));
                }
                Key::Ordinal { upper } => {
                    let applies = !self.picture.roman && !digits.starts_with('#') && self.sign != '-';
                    if applies && !self.picture.has_point {
                        self.out.push_str(ordinal(&digits, upper)?);
                    }
                }
                Key::Minus => match (self.sign, fill) {
                    ('-', _) => self.out.push('-'),
                    (_, true) => {}
                    (_, false) => self.out.push(' '),
                },
                Key::Plus => match (self.sign, fill) {
                    ('+', _) => self.out.push('+'),
                    (_, true) => {}
                    (_, false) => self.out.push(' '),
                },
                Key::Sign => self.out.push(self.sign),
                Key::Blank | Key::Exponent | Key::Fill | Key::Brackets | Key::LocalSign | Key::Multiply => {}
            }
        }
        Ok(self.out)
    }

    /// `9.9` of 0.1 has no 0 before the point.
    fn is_space_before_point(&self) -> bool {
        !self.has_zero && self.position == 0 && self.at(0) == b'0' && self.picture.after != 0
    }

    /// `NUM_numpart_to_char`
    fn digit(&mut self, key: Key) {
        if self.picture.roman {
            return;
        }
        let fill = self.picture.fill;
        let relevant_is_point = self.last_relevant.is_some_and(|last| self.at(last) == b'.');
        self.in_number = false;
        let begins = self.current >= self.spaces_before || (self.has_zero && self.zero_start == self.current);
        if !self.sign_written && begins && (!self.is_space_before_point() || relevant_is_point) {
            if self.picture.has_sign {
                if self.local_sign == LocalSign::Before {
                    self.out.push(self.sign);
                    self.sign_written = true;
                }
            } else if self.brackets {
                self.out.push(if self.sign == '+' { ' ' } else { '<' });
                self.sign_written = true;
            } else if self.sign == '+' {
                if !fill {
                    self.out.push(' ');
                }
                self.sign_written = true;
            } else if self.sign == '-' {
                self.out.push('-');
                self.sign_written = true;
            }
        }

        if self.current < self.spaces_before && (self.zero_start > self.current || !self.has_zero) {
            if !fill {
                self.out.push(' ');
            }
        } else if self.has_zero && self.current < self.spaces_before && self.zero_start <= self.current {
            self.out.push('0');
            self.in_number = true;
        } else {
            let byte = self.at(self.position);
            if byte == b'.' {
                if !relevant_is_point || fill {
                    self.out.push('.');
                }
            } else if self.last_relevant.is_some_and(|last| self.position > last) && key != Key::Zero {
                // A zero at the end, left out by FM.
            } else if self.is_space_before_point() {
                if !fill {
                    self.out.push(' ');
                } else if relevant_is_point {
                    self.out.push('0');
                }
            } else if byte != 0 {
                self.out.push(char::from(byte));
                self.in_number = true;
            }
            if self.position < self.number.len() {
                self.position += 1;
            }
        }

        let mut end = self.count + i32::from(self.spaces_before != 0) + i32::from(self.picture.has_point);
        if self.last_relevant == Some(self.position) {
            end = self.current;
        }
        if self.current + 1 == end {
            if self.sign_written && self.brackets {
                self.out.push(if self.sign == '+' { ' ' } else { '>' });
            } else if self.picture.has_sign && self.local_sign == LocalSign::After {
                self.out.push(self.sign);
            }
        }
        self.current += 1;
    }
}
