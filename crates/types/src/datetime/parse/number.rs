//! Numbers within dates and times: which field is meant. `DecodeDate`, `DecodeNumber`, `DecodeTime`, `DecodeTimezone`.

use super::*;

/// Digits as an i32.
pub(crate) fn integer(digits: &str) -> Result<i32, Fault> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    digits.parse().map_err(|_| Fault::Range)
}

/// `.5` is 500,000 microseconds.
pub(crate) fn fraction_micros(fraction: &str) -> Result<i32, Fault> {
    let digits = fraction.strip_prefix('.').ok_or(Fault::Format)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    if digits.is_empty() {
        return Ok(0);
    }
    let value: f64 = format!("0.{digits}").parse().map_err(|_| Fault::Format)?;
    Ok((value * 1_000_000.0).round_ties_even() as i32)
}

/// (hour, minute, second, microseconds) of `h:m[:s[.f]]`. Two fields are hours and minutes, unless a fraction follows
/// or `minutes_first` says that they are minutes and seconds. The hour may be any.
pub(crate) fn decode_time_parts(text: &str, minutes_first: bool) -> Result<(i64, i32, i32, i32), Fault> {
    let (text, fraction) = match text.find('.') {
        Some(at) => (&text[..at], Some(&text[at..])),
        None => (text, None),
    };
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default();
    if !first.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::Format);
    }
    let first: i64 = if first.is_empty() { 0 } else { first.parse().map_err(|_| Fault::Range)? };
    let mut next =
        || parts.next().map(|part| if part.is_empty() { Ok(0) } else { integer(part) }).transpose();
    let (second, third) = (next()?.ok_or(Fault::Format)?, next()?);
    if next()?.is_some() {
        return Err(Fault::Format);
    }
    let micros = fraction.map(fraction_micros).transpose()?.unwrap_or(0);
    let (hour, minute, second) = match third {
        Some(third) => (first, second, third),
        None if fraction.is_some() || minutes_first => {
            (0, i32::try_from(first).map_err(|_| Fault::Range)?, second)
        }
        None => (first, second, 0),
    };
    if !(0..60).contains(&minute) || !(0..=60).contains(&second) || !(0..=1_000_000).contains(&micros) {
        return Err(Fault::Range);
    }
    Ok((hour, minute, second, micros))
}

/// Seconds west of UTC: `+5`, `-0530`, `+05:30:15`.
pub(crate) fn decode_zone(text: &str) -> Result<i32, Fault> {
    let (negative, rest) = match text.as_bytes() {
        [b'+', ..] => (false, &text[1..]),
        [b'-', ..] => (true, &text[1..]),
        _ => return Err(Fault::Format),
    };
    let number = |text: &str| -> Result<(i32, usize), Fault> {
        let length = text.bytes().take_while(u8::is_ascii_digit).count();
        let value = if length == 0 { 0 } else { text[..length].parse().map_err(|_| Fault::Displacement)? };
        Ok((value, length))
    };
    let (mut hours, length) = number(rest)?;
    let (mut minutes, mut seconds) = (0, 0);
    let mut rest = &rest[length..];
    if let Some(after) = rest.strip_prefix(':') {
        let (value, length) = number(after)?;
        (minutes, rest) = (value, &after[length..]);
        if let Some(after) = rest.strip_prefix(':') {
            let (value, length) = number(after)?;
            (seconds, rest) = (value, &after[length..]);
        }
    } else if rest.is_empty() && length > 2 {
        (hours, minutes) = (hours / 100, hours % 100);
    }
    // The range comes first: `-2024-01-01` is a displacement out of range.
    if hours > 15 || minutes >= 60 || seconds >= 60 {
        return Err(Fault::Displacement);
    }
    if !rest.is_empty() {
        return Err(Fault::Format);
    }
    let east = (hours * 60 + minutes) * 60 + seconds;
    Ok(if negative { east } else { -east })
}

impl Decoder<'_> {
    /// A field of digits (and perhaps a month's name) with delimiters.
    pub(super) fn decode_date(&mut self, text: &str) -> Result<Mask, Fault> {
        let bytes = text.as_bytes();
        let mut fields = vec![];
        let mut at = 0;
        while at < bytes.len() {
            while at < bytes.len() && !bytes[at].is_ascii_alphanumeric() {
                at += 1;
            }
            let Some(first) = bytes.get(at) else { return Err(Fault::Format) };
            let start = at;
            let same = |byte: &u8| {
                if first.is_ascii_digit() { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() }
            };
            while bytes.get(at).is_some_and(same) {
                at += 1;
            }
            fields.push(&text[start..at]);
            // The delimiter, whatever it is.
            at += 1;
        }
        let mut found = Mask::default();
        let mut text_month = false;
        for field in fields.iter().filter(|field| field.starts_with(|c: char| c.is_ascii_alphabetic())) {
            match word(field) {
                Some(Word::Month(month)) => self.civil.month = month,
                Some(Word::Ignore) => continue,
                _ => return Err(Fault::Format),
            }
            text_month = true;
            if self.mask.or(found).has_any(Mask::MONTH) {
                return Err(Fault::Format);
            }
            found = found.or(Mask::MONTH);
        }
        for field in fields.iter().filter(|field| field.starts_with(|c: char| c.is_ascii_digit())) {
            let known = self.mask.or(found);
            let more = self.number(field, text_month, known)?;
            if known.has_any(more) {
                return Err(Fault::Format);
            }
            found = found.or(more);
        }
        if self.mask.or(found).without(Mask::DAY_OF_YEAR.or(Mask::ZONE)) != Mask::DATE {
            return Err(Fault::Format);
        }
        Ok(found)
    }

    /// A single number: what is missing, and the order of the fields, tell what it is. `known`: the fields so far.
    pub(super) fn number(&mut self, text: &str, text_month: bool, known: Mask) -> Result<Mask, Fault> {
        let (whole, fraction) = match text.find('.') {
            Some(at) => (&text[..at], Some(&text[at..])),
            None => (text, None),
        };
        let value = integer(whole)?;
        if let Some(fraction) = fraction {
            if whole.len() > 2 {
                return self.number_field(text, known.or(Mask::DATE));
            }
            self.civil.micros = fraction_micros(fraction)?;
        }
        let date = known.only(Mask::DATE);
        if text.len() == 3 && date == Mask::YEAR && (1..=366).contains(&value) {
            self.day_of_year = value;
            return Ok(Mask::DAY_OF_YEAR.or(Mask::MONTH).or(Mask::DAY));
        }
        let order = self.settings.date_order;
        let long = text.len() >= 3;
        let field = match date {
            Mask(0) if long || order == DateOrder::Ymd => Mask::YEAR,
            Mask(0) if order == DateOrder::Dmy => Mask::DAY,
            Mask(0) => Mask::MONTH,
            Mask::YEAR | Mask::DAY => Mask::MONTH,
            Mask::MONTH if text_month && (long || order == DateOrder::Ymd) => Mask::YEAR,
            Mask::MONTH => Mask::DAY,
            _ if date == Mask::YEAR.or(Mask::MONTH) => {
                if text_month && long && self.two_digit_year {
                    // What was taken for the year is the day.
                    self.civil.day = self.civil.year;
                    self.civil.year = value;
                    self.two_digit_year = false;
                    return Ok(Mask::DAY);
                }
                Mask::DAY
            }
            _ if date == Mask::MONTH.or(Mask::DAY) => Mask::YEAR,
            Mask::DATE => return self.number_field(text, known),
            _ => return Err(Fault::Format),
        };
        match field {
            Mask::YEAR => {
                self.civil.year = value;
                self.two_digit_year = text.len() <= 2;
            }
            Mask::MONTH => self.civil.month = value,
            _ => self.civil.day = value,
        }
        Ok(field)
    }

    /// Digits run together: yymmdd, yyyymmdd, hhmmss, hhmm, with a fraction of a second.
    pub(super) fn number_field(&mut self, text: &str, known: Mask) -> Result<Mask, Fault> {
        let digits = match text.find('.') {
            Some(at) => {
                self.civil.micros = fraction_micros(&text[at..])?;
                &text[..at]
            }
            None => {
                if !known.has_all(Mask::DATE) && text.len() >= 6 && text.is_ascii() {
                    let (year, rest) = text.split_at(text.len() - 4);
                    self.civil.year = integer(year)?;
                    self.civil.month = integer(&rest[..2])?;
                    self.civil.day = integer(&rest[2..])?;
                    if year.len() == 2 {
                        self.two_digit_year = true;
                    }
                    return Ok(Mask::DATE);
                }
                text
            }
        };
        if known.has_all(Mask::TIME) || !digits.is_ascii() || !matches!(digits.len(), 4 | 6) {
            return Err(Fault::Format);
        }
        self.civil.hour = integer(&digits[..2])?;
        self.civil.minute = integer(&digits[2..4])?;
        self.civil.second = if digits.len() == 6 { integer(&digits[4..])? } else { 0 };
        Ok(Mask::TIME)
    }
}
