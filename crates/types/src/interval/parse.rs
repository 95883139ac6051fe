//! Intervals from text: `1 day 02:03`, `1-2`, `@ 1 year ago`, `P1Y2M`. PostgreSQL's `DecodeInterval`.

use super::*;
use crate::datetime::{Fault, Kind, Token, Units, decode_time_parts, decode_units, split};
use crate::settings::IntervalStyle;

impl Interval {
    /// 22007, 22015 and 22008 with PostgreSQL's messages. `typmod` decides what a bare number is, and is applied.
    pub fn parse(text: &str, typmod: i32, style: IntervalStyle) -> Result<Interval> {
        let range = if typmod < 0 { FULL_RANGE } else { (typmod >> 16) & 0x7fff };
        let parsed = match split(text).and_then(|tokens| decode(&tokens, range, style)) {
            Err(Fault::Format) => decode_iso_8601(text),
            other => other,
        };
        let fields = parsed.map_err(|fault| {
            let fault = if fault == Fault::Range { Fault::Interval } else { fault };
            fault.error(text, "interval")
        })?;
        let months = (fields.years as i64) * 12 + fields.months as i64;
        let interval = Interval {
            months: i32::try_from(months).map_err(|_| out_of_range())?,
            days: fields.days,
            micros: fields.micros,
        };
        Ok(interval.apply_typmod(typmod))
    }
}

#[derive(Debug, Default)]
struct Fields {
    years: i32,
    months: i32,
    days: i32,
    micros: i64,
}

/// A value that grew too large.
fn grown<T>(value: Option<T>) -> Result<T, Fault> {
    value.ok_or(Fault::Range)
}

impl Fields {
    fn add_years(&mut self, value: i64, fraction: f64, scale: i64) -> Result<(), Fault> {
        let years = grown(value.checked_mul(scale).and_then(|years| i32::try_from(years).ok()))?;
        self.years = grown(self.years.checked_add(years))?;
        let months = (fraction * scale as f64 * 12.0).round_ties_even() as i32;
        self.months = grown(self.months.checked_add(months))?;
        Ok(())
    }

    fn add_months(&mut self, value: i64, fraction: f64) -> Result<(), Fault> {
        let months = grown(i32::try_from(value).ok())?;
        self.months = grown(self.months.checked_add(months))?;
        self.add_fraction_of_days(fraction, DAYS_PER_MONTH)
    }

    fn add_days(&mut self, value: i64, fraction: f64, scale: i64) -> Result<(), Fault> {
        let days = grown(value.checked_mul(scale).and_then(|days| i32::try_from(days).ok()))?;
        self.days = grown(self.days.checked_add(days))?;
        self.add_fraction_of_days(fraction, scale as i32)
    }

    fn add_fraction_of_days(&mut self, fraction: f64, scale: i32) -> Result<(), Fault> {
        let days = fraction * scale as f64;
        self.days = grown(self.days.checked_add(days as i32))?;
        self.add_fraction(days - days.trunc(), MICROS_PER_DAY)
    }

    fn add_micros(&mut self, value: i64, fraction: f64, scale: i64) -> Result<(), Fault> {
        let micros = grown(value.checked_mul(scale))?;
        self.micros = grown(self.micros.checked_add(micros))?;
        self.add_fraction(fraction, scale)
    }

    fn add_fraction(&mut self, fraction: f64, scale: i64) -> Result<(), Fault> {
        let exact = fraction * scale as f64;
        let mut micros = exact as i64;
        let rest = exact - micros as f64;
        if rest > 0.5 {
            micros += 1;
        } else if rest < -0.5 {
            micros -= 1;
        }
        self.micros = grown(self.micros.checked_add(micros))?;
        Ok(())
    }

    fn add(&mut self, unit: Units, value: i64, fraction: f64) -> Result<(), Fault> {
        match unit {
            Units::Microsecond => self.add_micros(value, fraction, 1),
            Units::Millisecond => self.add_micros(value, fraction, 1000),
            Units::Second => self.add_micros(value, fraction, MICROS_PER_SECOND),
            Units::Minute => self.add_micros(value, fraction, MICROS_PER_MINUTE),
            Units::Hour => self.add_micros(value, fraction, MICROS_PER_HOUR),
            Units::Day => self.add_days(value, fraction, 1),
            Units::Week => self.add_days(value, fraction, 7),
            Units::Month => self.add_months(value, fraction),
            Units::Year => self.add_years(value, fraction, 1),
            Units::Decade => self.add_years(value, fraction, 10),
            Units::Century => self.add_years(value, fraction, 100),
            Units::Millennium => self.add_years(value, fraction, 1000),
            _ => Err(Fault::Format),
        }
    }
}

/// Which unit a number without one has, by the modifier's range.
fn unit_of_range(range: i32) -> Units {
    match finest_field(range) {
        Some(RANGE_YEAR) => Units::Year,
        Some(RANGE_MONTH) => Units::Month,
        Some(RANGE_DAY) => Units::Day,
        Some(RANGE_HOUR) => Units::Hour,
        Some(RANGE_MINUTE) => Units::Minute,
        _ => Units::Second,
    }
}

/// Fields from the last to the first, so that a unit comes before its number.
fn decode(tokens: &[Token], range: i32, style: IntervalStyle) -> Result<Fields, Fault> {
    let signed = |token: &Token| token.text.starts_with(['-', '+']);
    // The SQL standard's leading minus holds for all, unless there are other signs.
    let all_negative = style == IntervalStyle::SqlStandard
        && tokens.first().is_some_and(|token| token.text.starts_with('-'))
        && !tokens[1..].iter().any(signed);
    let mut fields = Fields::default();
    let mut unit = None;
    let mut ago = false;
    let mut seen: Vec<Units> = vec![];
    for token in tokens.iter().rev() {
        let mut found: &[Units] = &[];
        let one;
        match token.kind {
            Kind::Time => {
                add_clock(&mut fields, &token.text, range, all_negative)?;
                found = &[Units::Hour, Units::Minute, Units::Second, Units::Millisecond, Units::Microsecond];
                unit = Some(Units::Day);
            }
            Kind::Zone if token.text.contains(':') && decode_time_parts(&token.text[1..], false).is_ok() => {
                let negative = token.text.starts_with('-') || all_negative;
                add_clock(&mut fields, &token.text[1..], range, negative)?;
                found = &[Units::Hour, Units::Minute, Units::Second, Units::Millisecond, Units::Microsecond];
                unit = Some(Units::Day);
            }
            Kind::Zone | Kind::Date | Kind::Number => {
                let mut this = unit.unwrap_or_else(|| unit_of_range(range));
                let (mut value, mut fraction) = decode_number(&token.text, &mut this)?;
                if all_negative {
                    (value, fraction) = (-value.abs(), -fraction.abs());
                }
                fields.add(this, value, fraction)?;
                // After hours come days; else the unit stays, and is then there twice.
                unit = Some(if this == Units::Hour { Units::Day } else { this });
                one = [this];
                found = match this {
                    Units::Second if fraction != 0.0 => {
                        &[Units::Second, Units::Millisecond, Units::Microsecond]
                    }
                    _ => &one,
                };
            }
            Kind::String | Kind::Special => {
                // A unit without a number is passed over, as PostgreSQL 15 does.
                let this = decode_units(&token.text).ok_or(Fault::Format)?;
                ago |= this == Units::Ago;
                unit = Some(this);
            }
        }
        if found.iter().any(|unit| seen.contains(unit)) {
            return Err(Fault::Format);
        }
        seen.extend_from_slice(found);
    }
    if seen.is_empty() {
        return Err(Fault::Format);
    }
    if ago {
        fields = Fields {
            years: grown(fields.years.checked_neg())?,
            months: grown(fields.months.checked_neg())?,
            days: grown(fields.days.checked_neg())?,
            micros: grown(fields.micros.checked_neg())?,
        };
    }
    Ok(fields)
}

/// hh:mm[:ss[.f]]
fn add_clock(fields: &mut Fields, text: &str, range: i32, negative: bool) -> Result<(), Fault> {
    let (hours, minutes, seconds, micros) = decode_time_parts(text, range == RANGE_MINUTE | RANGE_SECOND)?;
    let sum = hours.checked_mul(MICROS_PER_HOUR).and_then(|sum| {
        sum.checked_add(
            minutes as i64 * MICROS_PER_MINUTE + seconds as i64 * MICROS_PER_SECOND + micros as i64,
        )
    });
    let micros = grown(sum)?;
    fields.micros = grown(fields.micros.checked_add(if negative { -micros } else { micros }))?;
    Ok(())
}

/// A number with a fraction; `years-months` makes the unit months.
fn decode_number(text: &str, unit: &mut Units) -> Result<(i64, f64), Fault> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let value: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Fault::Range)? };
    let sign = if negative { -1 } else { 1 };
    if let Some(months) = rest.strip_prefix('-') {
        if !months.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Format);
        }
        let months: i64 = if months.is_empty() { 0 } else { months.parse().map_err(|_| Fault::Range)? };
        if months >= 12 {
            return Err(Fault::Range);
        }
        *unit = Units::Month;
        let total = value.checked_mul(12).and_then(|total| total.checked_add(months));
        return Ok((grown(total)? * sign, 0.0));
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Fault::Format);
        }
        let fraction: f64 = format!("0.{fraction}0").parse().map_err(|_| Fault::Format)?;
        return Ok((value * sign, fraction * sign as f64));
    }
    if rest.is_empty() { Ok((value * sign, 0.0)) } else { Err(Fault::Format) }
}

/// `P1Y2M3DT4H5M6S`, `P0001-02-03T04:05:06`, `P00010203T040506`.
fn decode_iso_8601(text: &str) -> Result<Fields, Fault> {
    let mut rest = text.strip_prefix('P').filter(|rest| !rest.is_empty()).ok_or(Fault::Format)?;
    let mut fields = Fields::default();
    let mut date = true;
    let mut have_field = false;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            (rest, date, have_field) = (time, false, false);
            continue;
        }
        let start = rest;
        let (value, fraction) = iso_number(&mut rest)?;
        let designator = rest.chars().next();
        if let Some(unit) = designator.and_then(|c| iso_unit(c, date)) {
            rest = &rest[1..];
            fields.add(unit, value, fraction)?;
            have_field = true;
            continue;
        }
        let width = start.trim_start_matches('-').bytes().take_while(u8::is_ascii_digit).count();
        if have_field {
            return Err(Fault::Format);
        }
        match (date, designator) {
            (true, None | Some('T')) if width == 8 => {
                fields.add(Units::Year, value / 10_000, 0.0)?;
                fields.add(Units::Month, value / 100 % 100, 0.0)?;
                fields.add(Units::Day, value % 100, fraction)?;
            }
            (true, None | Some('T' | '-')) => {
                iso_extended(
                    &mut rest,
                    &mut fields,
                    [Units::Year, Units::Month, Units::Day],
                    '-',
                    (value, fraction),
                )?;
                if !(rest.is_empty() || rest.starts_with('T')) {
                    return Err(Fault::Format);
                }
            }
            (false, None) if width == 6 => {
                fields.add(Units::Hour, value / 10_000, 0.0)?;
                fields.add(Units::Minute, value / 100 % 100, 0.0)?;
                fields.add(Units::Second, value % 100, fraction)?;
            }
            (false, None | Some(':')) => {
                let units = [Units::Hour, Units::Minute, Units::Second];
                iso_extended(&mut rest, &mut fields, units, ':', (value, fraction))?;
                if !rest.is_empty() {
                    return Err(Fault::Format);
                }
            }
            _ => return Err(Fault::Format),
        }
    }
    Ok(fields)
}

fn iso_unit(designator: char, date: bool) -> Option<Units> {
    Some(match (designator, date) {
        ('Y', true) => Units::Year,
        ('M', true) => Units::Month,
        ('W', true) => Units::Week,
        ('D', true) => Units::Day,
        ('H', false) => Units::Hour,
        ('M', false) => Units::Minute,
        ('S', false) => Units::Second,
        _ => return None,
    })
}

/// Up to three numbers with a delimiter between; the first has been read.
fn iso_extended(
    rest: &mut &str,
    fields: &mut Fields,
    units: [Units; 3],
    delimiter: char,
    first: (i64, f64),
) -> Result<(), Fault> {
    fields.add(units[0], first.0, first.1)?;
    for unit in &units[1..] {
        let Some(next) = rest.strip_prefix(delimiter) else { break };
        *rest = next;
        let (value, fraction) = iso_number(rest)?;
        fields.add(*unit, value, fraction)?;
    }
    Ok(())
}

/// A float, as its whole part and its fraction.
fn iso_number(rest: &mut &str) -> Result<(i64, f64), Fault> {
    let text = *rest;
    let bytes = text.as_bytes();
    let mut end = usize::from(bytes.first() == Some(&b'-'));
    let digits = |mut at: usize| {
        while bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        at
    };
    end = digits(end);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    // An exponent, if it is one.
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let after = digits(end + 1 + sign);
        if after > end + 1 + sign {
            end = after;
        }
    }
    let value: f64 = text[..end].parse().map_err(|_| Fault::Format)?;
    *rest = &text[end..];
    if !(-1e15..=1e15).contains(&value) {
        return Err(Fault::Range);
    }
    Ok((value.trunc() as i64, value - value.trunc()))
}
