//! to_date and to_timestamp: reading text by a template.

use super::date_template::{
    DAYS, Field, FieldNode, MONTHS, Node, ROMAN_MONTHS, is_separator, is_space, parse as parse_template,
};
use types::datetime as civil;
use types::{Error, Result, err};

/// A local time, and the offset if the text gave one.
pub(super) struct Parsed {
    /// 0 is 1 BC.
    pub year: i32,
    pub month: i32,
    pub day: i32,
    pub micros_of_day: i64,
    /// East of UTC.
    pub offset_seconds: Option<i32>,
    /// FF1 to FF6: how many digits the result keeps of its fraction.
    pub precision: u32,
}

pub(super) fn parse(text: &str, template: &str) -> Result<Parsed> {
    let nodes = parse_template(template);
    let mut fields = Fields::default();
    Reader { rest: text, text, exact: false, extra: 0 }.read(&nodes, &mut fields)?;
    fields.resolve(text)
}

/// What was read; 0 is "not".
#[derive(Default)]
struct Fields {
    /// ISO weeks, or the Gregorian calendar; they do not mix.
    is_iso: Option<bool>,
    twelve_hours: bool,
    afternoon: i32,
    hour: i32,
    minute: i32,
    second: i32,
    second_of_day: i32,
    day_of_week: i32,
    day: i32,
    day_of_year: i32,
    month: i32,
    millis: i32,
    micros: i32,
    year: i32,
    year_digits: u8,
    before_christ: i32,
    week: i32,
    week_of_month: i32,
    century: i32,
    julian: i32,
    zone_sign: i32,
    zone_hours: i32,
    zone_minutes: i32,
    fraction_digits: u8,
}

struct Reader<'a> {
    rest: &'a str,
    text: &'a str,
    /// FX
    exact: bool,
    /// Characters skipped beyond what the template has.
    extra: i32,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.skip();
            self.extra += 1;
        }
    }

    fn read(mut self, nodes: &[Node], fields: &mut Fields) -> Result<()> {
        for (index, node) in nodes.iter().enumerate() {
            if self.rest.is_empty() {
                break;
            }
            let is_exact_keyword = matches!(node, Node::Field(node) if node.field == Field::Exact);
            if !self.exact && !is_exact_keyword && (matches!(node, Node::Field(_)) || index == 0) {
                self.skip_spaces();
            }
            match node {
                Node::Space(_) | Node::Separator(_) if self.exact => self.skip(),
                Node::Space(_) | Node::Separator(_) => {
                    // One matches one, or nothing.
                    self.extra -= 1;
                    if self.peek().is_some_and(|c| is_space(c) || is_separator(c)) {
                        self.skip();
                        self.extra += 1;
                    }
                }
                Node::Text(_) if !self.exact && self.extra > 0 => self.extra -= 1,
                Node::Text(_) => self.skip(),
                Node::Field(field) => {
                    fields.set_convention(field)?;
                    self.read_field(field, nodes.get(index + 1), fields)?;
                    if !self.exact {
                        self.extra = 0;
                        self.skip_spaces();
                    }
                }
            }
        }
        Ok(())
    }

    fn read_field(&mut self, node: &FieldNode, next: Option<&Node>, fields: &mut Fields) -> Result<()> {
        use Field::*;
        let digits_of_keyword = node.keyword.len();
        match node.field {
            Exact => {
                self.exact = true;
                return Ok(());
            }
            HalfDotted | Half => {
                let words: &[&str] = if node.field == HalfDotted { &["A.M.", "P.M."] } else { &["AM", "PM"] };
                let value = self.word(words, node)?;
                set(&mut fields.afternoon, value, node)?;
                fields.twelve_hours = true;
                return Ok(());
            }
            EraDotted | Era => {
                let words: &[&str] = if node.field == EraDotted { &["A.D.", "B.C."] } else { &["AD", "BC"] };
                let value = self.word(words, node)?;
                return set(&mut fields.before_christ, value, node);
            }
            MonthName => {
                let month = self.word(&MONTHS, node)? + 1;
                return set(&mut fields.month, month, node);
            }
            MonthShort => {
                let month = self.word(&MONTHS.map(|name| &name[..3]), node)? + 1;
                return set(&mut fields.month, month, node);
            }
            DayName => {
                let day = self.word(&DAYS, node)? + 1;
                return set(&mut fields.day_of_week, day, node);
            }
            DayShort => {
                let day = self.word(&DAYS.map(|name| &name[..3]), node)? + 1;
                return set(&mut fields.day_of_week, day, node);
            }
            RomanMonth => {
                let month = 12 - self.word(&ROMAN_MONTHS, node)?;
                return set(&mut fields.month, month, node);
            }
            Zone | Offset => {
                return Err(err!(
                    FeatureNotSupported,
                    "formatting field \"{}\" is only supported in to_char",
                    node.keyword
                ));
            }
            ZoneHour => {
                fields.zone_sign = match self.peek() {
                    Some(c @ ('+' | '-' | ' ')) => {
                        self.skip();
                        if c == '-' { -1 } else { 1 }
                    }
                    // The sign may have been taken for a separator.
                    _ if self.extra > 0 && self.before() == Some('-') => -1,
                    _ => 1,
                };
                let (hours, _) = self.integer(2, node, next)?;
                return set(&mut fields.zone_hours, hours, node);
            }
            ZoneMinute => {
                if fields.zone_sign == 0 {
                    fields.zone_sign = 1;
                }
                let (minutes, _) = self.integer(2, node, next)?;
                return set(&mut fields.zone_minutes, minutes, node);
            }
            YearComma => {
                let (thousands, _) = self.integer(10, node, Some(&Node::Separator(',')))?;
                let rest =
                    self.rest.strip_prefix(',').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                let Some(rest) = rest else {
                    return Err(err!(InvalidDatetimeFormat, "invalid input string for \"Y,YYY\""));
                };
                self.rest = rest;
                let length = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
                let ones: i32 = rest[..length].parse().unwrap_or(0);
                self.rest = &rest[length..];
                let year = thousands.checked_mul(1000).and_then(|year| year.checked_add(ones));
                let year = year.ok_or_else(|| {
                    err!(DatetimeFieldOverflow, "value for \"Y,YYY\" in source string is out of range")
                })?;
                set(&mut fields.year, year, node)?;
                fields.year_digits = 4;
                self.skip_ordinal(node);
                return Ok(());
            }
            _ => {}
        }

        let length = match node.field {
            Hour12 | Hour24 => 2,
            Millisecond | IsoDayOfYear => 3,
            Microsecond => 6,
            Fraction(digits) => digits as usize,
            IsoDayOfWeek => 1,
            _ => digits_of_keyword,
        };
        let (value, used) = self.integer(length, node, next)?;
        match node.field {
            Hour12 => {
                set(&mut fields.hour, value, node)?;
                fields.twelve_hours = true;
            }
            Hour24 => set(&mut fields.hour, value, node)?,
            Minute => set(&mut fields.minute, value, node)?,
            Second => set(&mut fields.second, value, node)?,
            SecondOfDay => set(&mut fields.second_of_day, value, node)?,
            // 25 is 0.25 and 250 is 0.25, too; 025 is 0.025.
            Millisecond => {
                let value = value.saturating_mul(10i32.pow(3u32.saturating_sub(used as u32)));
                set(&mut fields.millis, value, node)?;
            }
            Microsecond | Fraction(_) => {
                if let Fraction(digits) = node.field {
                    fields.fraction_digits = digits;
                }
                let value = value.saturating_mul(10i32.pow(6u32.saturating_sub(used as u32)));
                set(&mut fields.micros, value, node)?;
            }
            Month => set(&mut fields.month, value, node)?,
            Day => set(&mut fields.day, value, node)?,
            DayOfYear | IsoDayOfYear => set(&mut fields.day_of_year, value, node)?,
            DayOfWeek => set(&mut fields.day_of_week, value, node)?,
            // From Monday to from Sunday.
            IsoDayOfWeek => set(&mut fields.day_of_week, if value >= 7 { 1 } else { value + 1 }, node)?,
            Week | IsoWeek => set(&mut fields.week, value, node)?,
            WeekOfMonth => set(&mut fields.week_of_month, value, node)?,
            Century => set(&mut fields.century, value, node)?,
            Year(digits) | IsoYear(digits) => {
                let year = if digits < 4 && used < 4 { nearest_2020(value) } else { value };
                set(&mut fields.year, year, node)?;
                fields.year_digits = digits;
            }
            Julian => set(&mut fields.julian, value, node)?,
            // Which day of a quarter would be meant is unclear.
            _ => {}
        }
        self.skip_ordinal(node);
        Ok(())
    }

    fn skip_ordinal(&mut self, node: &FieldNode) {
        if node.ordinal.is_some() {
            self.skip();
            self.skip();
        }
    }

    fn before(&self) -> Option<char> {
        self.text[..self.text.len() - self.rest.len()].chars().next_back()
    }

    /// One of some words, in any case; its index.
    fn word(&mut self, words: &[&str], node: &FieldNode) -> Result<i32> {
        let found = words.iter().position(|word| {
            self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        });
        let Some(index) = found else {
            let shown = self.rest.split(is_space).next().unwrap_or_default();
            return Err(err!(InvalidDatetimeFormat, "invalid value \"{shown}\" for \"{}\"", node.keyword)
                .detail("The given value did not match any of the allowed values for this field."));
        };
        self.rest = &self.rest[words[index].len()..];
        Ok(index as i32)
    }

    /// An integer of `length` characters; of as many as there are if nothing of digits follows in the template. Also
    /// returns how many characters were read.
    fn integer(&mut self, length: usize, node: &FieldNode, next: Option<&Node>) -> Result<(i32, usize)> {
        let fixed_width_hint = "If your source string is not fixed-width, try using the \"FM\" modifier.";
        let start = self.rest;
        self.rest = self.rest.trim_start_matches(is_space);
        let copy: String = self.rest.chars().take(length).collect();
        let invalid =
            |shown: &str| err!(InvalidDatetimeFormat, "invalid value \"{shown}\" for \"{}\"", node.keyword);
        let digits;
        if node.fill || is_next_separator(node, next) {
            digits = leading_integer(self.rest);
        } else {
            let have = copy.chars().count();
            if have < length {
                return Err(err!(
                    InvalidDatetimeFormat,
                    "source string too short for \"{}\" formatting field",
                    node.keyword
                )
                .detail(format!("Field requires {length} characters, but only {have} remain."))
                .hint(fixed_width_hint));
            }
            digits = leading_integer(&copy);
            if !digits.is_empty() && digits.len() < length {
                return Err(invalid(&copy)
                    .detail(format!(
                        "Field requires {length} characters, but only {} could be parsed.",
                        digits.len()
                    ))
                    .hint(fixed_width_hint));
            }
        }
        if digits.is_empty() {
            return Err(invalid(&copy).detail("Value must be an integer."));
        }
        let value = digits.parse::<i32>().map_err(|_| {
            err!(DatetimeFieldOverflow, "value for \"{}\" in source string is out of range", node.keyword)
                .detail(format!("Value must be in the range {} to {}.", i32::MIN, i32::MAX))
        })?;
        self.rest = &self.rest[digits.len()..];
        Ok((value, start.len() - self.rest.len()))
    }
}

/// An optional sign and digits.
fn leading_integer(text: &str) -> &str {
    let signs = usize::from(text.starts_with(['+', '-']));
    let digits = text[signs..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 { "" } else { &text[..signs + digits] }
}

/// Whether no digit can follow this field.
fn is_next_separator(node: &FieldNode, next: Option<&Node>) -> bool {
    node.ordinal.is_some()
        || match next {
            None => true,
            Some(Node::Field(next)) => !next.field.is_digits(),
            Some(Node::Text(c)) => !c.is_ascii_digit(),
            Some(_) => true,
        }
}

/// A field may be given twice, but not differently.
fn set(field: &mut i32, value: i32, node: &FieldNode) -> Result<()> {
    if *field != 0 && *field != value {
        return Err(err!(
            InvalidDatetimeFormat,
            "conflicting values for \"{}\" field in formatting string",
            node.keyword
        )
        .detail("This value contradicts a previous setting for the same field type."));
    }
    *field = value;
    Ok(())
}

/// The year nearest to 2020 with these last digits.
fn nearest_2020(year: i32) -> i32 {
    match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        100..520 => year + 2000,
        520..1000 => year + 1000,
        year => year,
    }
}

impl Fields {
    fn set_convention(&mut self, node: &FieldNode) -> Result<()> {
        use Field::*;
        let is_iso = match node.field {
            IsoDayOfWeek | IsoDayOfYear | IsoWeek | IsoYear(_) => true,
            EraDotted | Era | Century | DayOfYear | Day | DayOfWeek | Julian | Month | MonthName
            | MonthShort | RomanMonth | Week | WeekOfMonth | Year(_) | YearComma => false,
            _ => return Ok(()),
        };
        if *self.is_iso.get_or_insert(is_iso) != is_iso {
            return Err(err!(InvalidDatetimeFormat, "invalid combination of date conventions")
                .hint("Do not mix Gregorian and ISO week date conventions in a formatting template."));
        }
        Ok(())
    }

    fn resolve(mut self, text: &str) -> Result<Parsed> {
        let out_of_range =
            || -> Error { err!(DatetimeFieldOverflow, "date/time field value out of range: \"{text}\"") };
        let (mut hour, mut minute, mut second) =
            (self.second_of_day / 3600, self.second_of_day % 3600 / 60, self.second_of_day % 60);
        for (given, part) in [(self.second, &mut second), (self.minute, &mut minute), (self.hour, &mut hour)]
        {
            if given != 0 {
                *part = given;
            }
        }
        if self.twelve_hours {
            if !(1..=12).contains(&hour) {
                return Err(err!(InvalidDatetimeFormat, "hour \"{hour}\" is invalid for the 12-hour clock")
                    .hint("Use the 24-hour clock, or give an hour between 1 and 12."));
            }
            hour = hour % 12 + 12 * self.afternoon;
        }

        let (mut year, mut month, mut day) = (self.year(), 1, 1);
        let mut from_days = |days: i64| (year, month, day) = civil::civil_from_days(days);
        if self.julian != 0 {
            from_days(self.julian as i64 - 2_440_588);
        }
        let is_iso = self.is_iso == Some(true);
        if self.week != 0 {
            if is_iso {
                let weeks = (self.week as i64 - 1) * 7;
                // Without a day, Monday.
                let days = match self.day_of_week {
                    0 => 0,
                    1 => 6,
                    day => day as i64 - 2,
                };
                from_days(civil::iso_year_start(self.year()) + weeks + days);
            } else {
                self.day_of_year = (self.week - 1).saturating_mul(7).saturating_add(1);
            }
        }
        if self.week_of_month != 0 {
            self.day = (self.week_of_month - 1).saturating_mul(7).saturating_add(1);
        }
        if self.day != 0 {
            day = self.day;
        }
        if self.month != 0 {
            month = self.month;
        }
        if self.day_of_year != 0 && (month <= 1 || day <= 1) {
            if year == 0 && self.before_christ == 0 {
                return Err(err!(
                    InvalidDatetimeFormat,
                    "cannot calculate day of year without year information"
                ));
            }
            if is_iso {
                let days = civil::iso_year_start(year) + self.day_of_year as i64 - 1;
                (year, month, day) = civil::civil_from_days(days);
            } else {
                let length = if civil::is_leap_year(year) { 366 } else { 365 };
                if !(1..=length).contains(&self.day_of_year) {
                    return Err(out_of_range());
                }
                let days = civil::days_from_civil(year, 1, 1) + self.day_of_year as i64 - 1;
                let (_, found_month, found_day) = civil::civil_from_days(days);
                if month <= 1 {
                    month = found_month;
                }
                if day <= 1 {
                    day = found_day;
                }
            }
        }
        if !(1..=12).contains(&month) || !(1..=civil::days_in_month(year, month)).contains(&day) {
            return Err(out_of_range());
        }
        let micros = self.millis as i64 * 1000 + self.micros as i64;
        if !(0..24).contains(&hour)
            || !(0..60).contains(&minute)
            || !(0..60).contains(&second)
            || !(0..civil::MICROS_PER_SECOND).contains(&micros)
        {
            return Err(out_of_range());
        }
        let seconds = hour as i64 * 3600 + minute as i64 * 60 + second as i64;
        let offset_seconds = match self.zone_sign {
            0 => None,
            _ if !(0..=15).contains(&self.zone_hours) || !(0..60).contains(&self.zone_minutes) => {
                return Err(out_of_range());
            }
            sign => Some(sign * (self.zone_hours * 3600 + self.zone_minutes * 60)),
        };
        let micros_of_day = seconds * civil::MICROS_PER_SECOND + micros;
        let precision = if self.fraction_digits == 0 { 6 } else { u32::from(self.fraction_digits) };
        Ok(Parsed { year, month, day, micros_of_day, offset_seconds, precision })
    }

    /// 0 is 1 BC, and also "not given".
    fn year(&self) -> i32 {
        let before_christ = self.before_christ != 0;
        let century = if before_christ { -self.century } else { self.century };
        match (self.year, self.century) {
            (0, 0) => 0,
            // The century's first year.
            (0, _) if century >= 0 => (century - 1).saturating_mul(100).saturating_add(1),
            (0, _) => century.saturating_mul(100).saturating_add(1),
            (year, 1..) if self.year_digits <= 2 => match (year % 100, century >= 0) {
                (0, positive) => century.saturating_mul(100).saturating_add(i32::from(!positive)),
                (year, true) => (century - 1).saturating_mul(100).saturating_add(year),
                (year, false) => (century + 1).saturating_mul(100).saturating_sub(year - 1),
            },
            (year, _) => {
                let year = if before_christ { -year } else { year };
                if year < 0 { year + 1 } else { year }
            }
        }
    }
}
