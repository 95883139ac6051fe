//! Dates and times from text: PostgreSQL's `ParseDateTime` and `DecodeDateTime`, rule by rule, because its guesses
//! (which number is the day?) are part of what clients rely on.

use super::token::{MAX_TOKEN, Units, Word, word};
use super::*;
use crate::settings::DateOrder;
use crate::{Result, TextSettings, err};

mod fault;
mod number;
mod split;

pub(crate) use fault::Fault;
pub(crate) use number::decode_time_parts;
use number::*;
pub(crate) use split::{Kind, Token, split};

/// Which fields have been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mask(u32);

impl Mask {
    const YEAR: Mask = Mask(1);
    const MONTH: Mask = Mask(1 << 1);
    const DAY: Mask = Mask(1 << 2);
    const HOUR: Mask = Mask(1 << 3);
    const MINUTE: Mask = Mask(1 << 4);
    const SECOND: Mask = Mask(1 << 5);
    const ZONE: Mask = Mask(1 << 7);
    const DAY_OF_YEAR: Mask = Mask(1 << 8);
    const DAY_OF_WEEK: Mask = Mask(1 << 9);
    const AM_PM: Mask = Mask(1 << 10);
    const AD_BC: Mask = Mask(1 << 11);
    const SAVING: Mask = Mask(1 << 12);
    const DATE: Mask = Mask(0b111);
    const TIME: Mask = Mask(0b111_1000);
    const SECONDS: Mask = Mask(0b110_0000);

    fn or(self, other: Mask) -> Mask {
        Mask(self.0 | other.0)
    }
    fn has_all(self, other: Mask) -> bool {
        self.0 & other.0 == other.0
    }
    fn has_any(self, other: Mask) -> bool {
        self.0 & other.0 != 0
    }
    fn only(self, other: Mask) -> Mask {
        Mask(self.0 & other.0)
    }
    fn without(self, other: Mask) -> Mask {
        Mask(self.0 & !other.0)
    }
}

/// What the next number is, as the word before it said.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Prefix {
    Unit(Units),
    Julian,
    Time,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    Fields,
    Epoch,
    Infinity,
    NegativeInfinity,
}

/// The state of a decoding: the fields so far.
struct Decoder<'a> {
    settings: &'a TextSettings,
    civil: Civil,
    day_of_year: i32,
    mask: Mask,
    /// Seconds west of UTC.
    west: i32,
    named_zone: Option<NamedZone>,
    outcome: Outcome,
    prefix: Option<Prefix>,
    text_month: bool,
    two_digit_year: bool,
    julian: bool,
    bc: bool,
    afternoon: Option<bool>,
}

impl<'a> Decoder<'a> {
    fn new(settings: &'a TextSettings) -> Decoder<'a> {
        Decoder {
            settings,
            civil: Civil::default(),
            day_of_year: 0,
            mask: Mask::default(),
            west: 0,
            named_zone: None,
            outcome: Outcome::Fields,
            prefix: None,
            text_month: false,
            two_digit_year: false,
            julian: false,
            bc: false,
            afternoon: None,
        }
    }

    /// Adds fields; each may come once.
    fn add(&mut self, found: Mask) -> Result<(), Fault> {
        if self.mask.has_any(found) {
            return Err(Fault::Format);
        }
        self.mask = self.mask.or(found);
        Ok(())
    }

    fn set_days(&mut self, days: i64) {
        (self.civil.year, self.civil.month, self.civil.day) = civil_from_days(days);
    }

    fn set_time(&mut self, micros: i64) {
        let time = Civil::from_time(micros);
        self.civil = Civil { year: self.civil.year, month: self.civil.month, day: self.civil.day, ..time };
    }

    /// The session's local time.
    fn now_local(&self) -> i64 {
        self.settings.time_zone.to_local(self.settings.now)
    }

    fn today(&self) -> i64 {
        self.now_local().div_euclid(MICROS_PER_DAY)
    }

    /// One field. `time_only`: of a time or timetz, where dates are the exception.
    fn field(&mut self, tokens: &[Token], index: usize, time_only: bool) -> Result<(), Fault> {
        let token = &tokens[index];
        let text = token.text.as_str();
        let known = if time_only { self.mask.or(Mask::DATE) } else { self.mask };
        let found = match token.kind {
            Kind::Date if time_only => self.date_in_time(tokens, index)?,
            Kind::Date => self.date(text)?,
            Kind::Time => {
                if let Some(prefix) = self.prefix.take()
                    && prefix != Prefix::Time
                {
                    return Err(Fault::Format);
                }
                let (hour, minute, second, micros) = decode_time_parts(text, false)?;
                let hour = i32::try_from(hour).map_err(|_| Fault::Range)?;
                self.civil = Civil { hour, minute, second, micros, ..self.civil };
                if !time_only && self.time_overflows() {
                    return Err(Fault::Range);
                }
                Mask::TIME
            }
            Kind::Zone => {
                self.west = decode_zone(text)?;
                Mask::ZONE
            }
            Kind::Number if self.prefix.is_some() => self.labelled_number(text)?,
            Kind::Number => {
                let point = text.find('.');
                match point {
                    Some(_)
                        if time_only
                            && index == 0
                            && tokens.len() >= 2
                            && tokens[tokens.len() - 1].kind == Kind::Date =>
                    {
                        self.decode_date(text)?
                    }
                    Some(_) if !time_only && !self.mask.has_any(Mask::DATE) => self.decode_date(text)?,
                    Some(point) if point > 2 => self.number_field(text, known)?,
                    Some(_) if time_only => return Err(Fault::Format),
                    None if time_only && text.len() > 4 => self.number_field(text, known)?,
                    _ if !time_only
                        && text.len() >= 6
                        && (!self.mask.has_any(Mask::DATE) || !self.mask.has_any(Mask::TIME)) =>
                    {
                        self.number_field(text, known)?
                    }
                    _ => self.number(text, self.text_month && !time_only, known)?,
                }
            }
            Kind::String | Kind::Special => match self.word(text, time_only)? {
                Some(found) => found,
                None => return Ok(()),
            },
        };
        self.add(found)
    }

    /// A word; None for one that is only noise.
    fn word(&mut self, text: &str, time_only: bool) -> Result<Option<Mask>, Fault> {
        let cut = text.get(..MAX_TOKEN).unwrap_or(text);
        if let Some(zone) = NamedZone::abbreviation(cut) {
            match zone {
                NamedZone::Fixed(east) => self.west = -east,
                zone => self.named_zone = Some(zone),
            }
            return Ok(Some(Mask::ZONE));
        }
        let Some(word) = word(cut) else {
            // Perhaps a zone's name that is all letters.
            self.named_zone = Some(NamedZone::Zone(TimeZone::lookup(text).ok_or(Fault::Format)?));
            return Ok(Some(Mask::ZONE));
        };
        let everything = Mask::DATE.or(Mask::TIME).or(Mask::ZONE);
        Ok(Some(match word {
            Word::Ignore => return Ok(None),
            Word::Now if time_only => {
                self.set_time(self.now_local().rem_euclid(MICROS_PER_DAY));
                Mask::TIME
            }
            Word::Now => {
                self.civil = Civil::from_micros(self.now_local());
                self.west = -self.settings.time_zone.offset_at(self.settings.now);
                everything
            }
            Word::Zulu => {
                self.set_time(0);
                self.west = 0;
                Mask::TIME.or(Mask::ZONE)
            }
            Word::Today | Word::Tomorrow | Word::Yesterday if !time_only => {
                let shift = match word {
                    Word::Tomorrow => 1,
                    Word::Yesterday => -1,
                    _ => 0,
                };
                self.set_days(self.today() + shift);
                Mask::DATE
            }
            Word::Epoch | Word::Infinity | Word::NegativeInfinity if !time_only => {
                self.outcome = match word {
                    Word::Epoch => Outcome::Epoch,
                    Word::Infinity => Outcome::Infinity,
                    _ => Outcome::NegativeInfinity,
                };
                everything
            }
            Word::Month(month) if !time_only => {
                // A number before was taken for the month: it is the day.
                let swap = self.mask.has_any(Mask::MONTH)
                    && !self.text_month
                    && !self.mask.has_any(Mask::DAY)
                    && (1..=31).contains(&self.civil.month);
                if swap {
                    self.civil.day = self.civil.month;
                }
                self.text_month = true;
                self.civil.month = month;
                if swap { Mask::DAY } else { Mask::MONTH }
            }
            Word::DaylightSaving => {
                self.west -= 3600;
                Mask::SAVING
            }
            Word::Am | Word::Pm => {
                self.afternoon = Some(word == Word::Pm);
                Mask::AM_PM
            }
            Word::Ad | Word::Bc => {
                self.bc = word == Word::Bc;
                Mask::AD_BC
            }
            Word::DayOfWeek if !time_only => Mask::DAY_OF_WEEK,
            Word::Unit(_) | Word::Julian | Word::IsoTime => {
                let prefix = match word {
                    Word::Unit(unit) => Prefix::Unit(unit),
                    Word::Julian => Prefix::Julian,
                    _ if !time_only && !self.mask.has_all(Mask::DATE) => return Err(Fault::Format),
                    _ => Prefix::Time,
                };
                if self.prefix.replace(prefix).is_some() {
                    return Err(Fault::Format);
                }
                Mask::default()
            }
            _ => return Err(Fault::Format),
        }))
    }

    /// A field that looks like a date: it may be a zone's name, or a time with a zone after it.
    fn date(&mut self, text: &str) -> Result<Mask, Fault> {
        if self.prefix == Some(Prefix::Julian) {
            // A Julian day and a zone: J2451187-08.
            self.prefix = None;
            let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let days = integer(&text[..end])?;
            self.set_days(days as i64 + DATE_MIN as i64);
            self.julian = true;
            self.west = decode_zone(&text[end..])?;
            return Ok(Mask::DATE.or(Mask::TIME).or(Mask::ZONE));
        }
        if self.prefix.is_none() && !self.mask.has_all(Mask::MONTH.or(Mask::DAY)) {
            return self.decode_date(text);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) || self.prefix.is_some() {
            if self.prefix.take().is_some_and(|prefix| prefix != Prefix::Time)
                || self.mask.has_all(Mask::TIME)
            {
                return Err(Fault::Format);
            }
            return self.time_and_zone(text, self.mask);
        }
        self.zone_name(text)
    }

    /// hhmmss-zz
    fn time_and_zone(&mut self, text: &str, known: Mask) -> Result<Mask, Fault> {
        let at = text.find('-').ok_or(Fault::Format)?;
        self.west = decode_zone(&text[at..])?;
        Ok(self.number_field(&text[..at], known)?.or(Mask::ZONE))
    }

    fn zone_name(&mut self, text: &str) -> Result<Mask, Fault> {
        let unknown = || Fault::Other(err!(InvalidParameterValue, "time zone \"{text}\" not recognized"));
        self.named_zone = Some(NamedZone::Zone(TimeZone::lookup(text).ok_or_else(unknown)?));
        Ok(Mask::ZONE)
    }

    /// A time may have a date before or after it, so that its zone can be told.
    fn date_in_time(&mut self, tokens: &[Token], index: usize) -> Result<Mask, Fault> {
        let text = tokens[index].text.as_str();
        if index == 0
            && tokens.len() >= 2
            && (tokens[tokens.len() - 1].kind == Kind::Date || tokens[1].kind == Kind::Time)
        {
            return self.decode_date(text);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            if self.mask.has_all(Mask::TIME) {
                return Err(Fault::Format);
            }
            return self.time_and_zone(text, self.mask.or(Mask::DATE));
        }
        self.zone_name(text)
    }

    /// A number after a word that says what it is.
    fn labelled_number(&mut self, text: &str) -> Result<Mask, Fault> {
        let Some(prefix) = self.prefix.take() else { return Err(Fault::Format) };
        let (whole, fraction) = match text.find('.') {
            Some(at) => (&text[..at], Some(&text[at..])),
            None => (text, None),
        };
        let value = if whole.is_empty() { 0 } else { integer(whole)? };
        let allows_fraction = matches!(prefix, Prefix::Julian | Prefix::Time | Prefix::Unit(Units::Second));
        if fraction.is_some() && !allows_fraction {
            return Err(Fault::Format);
        }
        Ok(match prefix {
            Prefix::Unit(Units::Year) => {
                self.civil.year = value;
                Mask::YEAR
            }
            // After a month and an hour it is a minute.
            Prefix::Unit(Units::Month) if self.mask.has_all(Mask::MONTH.or(Mask::HOUR)) => {
                self.civil.minute = value;
                Mask::MINUTE
            }
            Prefix::Unit(Units::Month) => {
                self.civil.month = value;
                Mask::MONTH
            }
            Prefix::Unit(Units::Day) => {
                self.civil.day = value;
                Mask::DAY
            }
            Prefix::Unit(Units::Hour) => {
                self.civil.hour = value;
                Mask::HOUR
            }
            Prefix::Unit(Units::Minute) => {
                self.civil.minute = value;
                Mask::MINUTE
            }
            Prefix::Unit(Units::Second) => {
                self.civil.second = value;
                match fraction {
                    Some(fraction) => {
                        self.civil.micros = fraction_micros(fraction)?;
                        Mask::SECONDS
                    }
                    None => Mask::SECOND,
                }
            }
            Prefix::Julian => {
                self.set_days(value as i64 + DATE_MIN as i64);
                self.julian = true;
                match fraction {
                    Some(fraction) => {
                        let part: f64 = format!("0{fraction}").parse().map_err(|_| Fault::Format)?;
                        self.set_time((part * MICROS_PER_DAY as f64) as i64);
                        Mask::DATE.or(Mask::TIME)
                    }
                    None => Mask::DATE,
                }
            }
            Prefix::Time => {
                let found = self.number_field(text, self.mask.or(Mask::DATE))?;
                if found != Mask::TIME {
                    return Err(Fault::Format);
                }
                found
            }
            Prefix::Unit(_) => return Err(Fault::Format),
        })
    }

    /// Year, month and day as they turned out.
    fn validate_date(&mut self) -> Result<(), Fault> {
        if self.mask.has_any(Mask::YEAR) && !self.julian {
            if self.bc {
                if self.civil.year <= 0 {
                    return Err(Fault::Range);
                }
                self.civil.year = 1 - self.civil.year;
            } else if self.two_digit_year {
                self.civil.year += match self.civil.year {
                    0..70 => 2000,
                    70..100 => 1900,
                    _ => 0,
                };
            } else if self.civil.year <= 0 {
                return Err(Fault::Range);
            }
        }
        if self.mask.has_any(Mask::DAY_OF_YEAR) {
            self.set_days(days_from_civil(self.civil.year, 1, 1) + self.day_of_year as i64 - 1);
        }
        if self.mask.has_any(Mask::MONTH) && !(1..=12).contains(&self.civil.month) {
            return Err(Fault::MonthDay);
        }
        if self.mask.has_any(Mask::DAY) && !(1..=31).contains(&self.civil.day) {
            return Err(Fault::MonthDay);
        }
        if self.mask.has_all(Mask::DATE) && self.civil.day > days_in_month(self.civil.year, self.civil.month)
        {
            return Err(Fault::Range);
        }
        Ok(())
    }

    fn apply_am_pm(&mut self) -> Result<(), Fault> {
        if let Some(afternoon) = self.afternoon {
            if self.civil.hour > 12 {
                return Err(Fault::Range);
            }
            self.civil.hour = self.civil.hour % 12 + if afternoon { 12 } else { 0 };
        }
        Ok(())
    }

    fn time_overflows(&self) -> bool {
        let Civil { hour, minute, second, micros, .. } = self.civil;
        !(0..=24).contains(&hour)
            || !(0..60).contains(&minute)
            || !(0..=60).contains(&second)
            || !(0..=1_000_000).contains(&micros)
            || self.civil.time() > MICROS_PER_DAY
    }
}

/// A date, a time and a zone, as far as `text` has them.
fn decode_date_time<'a>(text: &str, settings: &'a TextSettings) -> Result<Decoder<'a>, Fault> {
    let tokens = split(text)?;
    let mut decoder = Decoder::new(settings);
    for index in 0..tokens.len() {
        decoder.field(&tokens, index, false)?;
    }
    if decoder.prefix.is_some() {
        return Err(Fault::Format);
    }
    if decoder.outcome != Outcome::Fields {
        return Ok(decoder);
    }
    decoder.validate_date()?;
    decoder.apply_am_pm()?;
    if !decoder.mask.has_all(Mask::DATE) {
        return Err(Fault::Format);
    }
    if decoder.mask.has_any(Mask::SAVING)
        && (decoder.named_zone.is_some() || !decoder.mask.has_any(Mask::ZONE))
    {
        return Err(Fault::Format);
    }
    Ok(decoder)
}

impl Decoder<'_> {
    /// Seconds east of UTC that the text or the session names, at a local time.
    fn east(&self, local_micros: i64) -> i32 {
        match &self.named_zone {
            Some(zone) => zone.offset_at_local(local_micros),
            None if self.mask.has_any(Mask::ZONE) => -self.west,
            None => self.settings.time_zone.offset_at_local(local_micros),
        }
    }
}

/// 22007, 22008 with PostgreSQL's messages.
pub fn parse_date(text: &str, settings: &TextSettings) -> Result<i32> {
    let decoder = decode_date_time(text, settings).map_err(|fault| fault.error(text, "date"))?;
    match decoder.outcome {
        Outcome::Epoch => Ok(0),
        Outcome::Infinity => Ok(DATE_INFINITY),
        Outcome::NegativeInfinity => Ok(DATE_NEGATIVE_INFINITY),
        Outcome::Fields => i32::try_from(decoder.civil.days())
            .ok()
            .filter(|days| (DATE_MIN..=DATE_MAX).contains(days))
            .ok_or_else(|| err!(DatetimeFieldOverflow, "date out of range: \"{text}\"")),
    }
}

pub fn parse_timestamp(text: &str, settings: &TextSettings) -> Result<i64> {
    timestamp(text, settings, "timestamp", false)
}

pub fn parse_timestamp_tz(text: &str, settings: &TextSettings) -> Result<i64> {
    timestamp(text, settings, "timestamp with time zone", true)
}

fn timestamp(text: &str, settings: &TextSettings, type_name: &str, with_zone: bool) -> Result<i64> {
    let decoder = decode_date_time(text, settings).map_err(|fault| fault.error(text, type_name))?;
    let range = || err!(DatetimeFieldOverflow, "timestamp out of range: \"{text}\"");
    match decoder.outcome {
        Outcome::Epoch => Ok(0),
        Outcome::Infinity => Ok(TIMESTAMP_INFINITY),
        Outcome::NegativeInfinity => Ok(TIMESTAMP_NEGATIVE_INFINITY),
        Outcome::Fields => {
            let local = decoder.civil.to_micros();
            let near = local.clamp(TIMESTAMP_MIN as i128, TIMESTAMP_MAX as i128) as i64;
            let east = if with_zone { decoder.east(near) as i128 * MICROS_PER_SECOND as i128 } else { 0 };
            timestamp_from(local - east).map_err(|_| range())
        }
    }
}

/// `time`: a zone in the text is read and ignored.
pub fn parse_time(text: &str, settings: &TextSettings) -> Result<i64> {
    decode_time_only(text, settings).map(|(time, _)| time).map_err(|fault| fault.error(text, "time"))
}

/// (microseconds since midnight, seconds west of UTC)
pub fn parse_time_tz(text: &str, settings: &TextSettings) -> Result<(i64, i32)> {
    decode_time_only(text, settings).map_err(|fault| fault.error(text, "time with time zone"))
}

fn decode_time_only(text: &str, settings: &TextSettings) -> Result<(i64, i32), Fault> {
    let tokens = split(text)?;
    let mut decoder = Decoder::new(settings);
    for index in 0..tokens.len() {
        decoder.field(&tokens, index, true)?;
    }
    if decoder.prefix.is_some() {
        return Err(Fault::Format);
    }
    decoder.validate_date()?;
    decoder.apply_am_pm()?;
    if decoder.time_overflows() {
        return Err(Fault::Range);
    }
    if !decoder.mask.has_all(Mask::TIME) {
        return Err(Fault::Format);
    }
    if decoder.mask.has_any(Mask::SAVING)
        && (decoder.named_zone.is_some() || !decoder.mask.has_any(Mask::ZONE))
    {
        return Err(Fault::Format);
    }
    let time = decoder.civil.time();
    // A named zone's offset needs a date, unless it never changes; the session's zone and abbreviations take today.
    let has_date = decoder.mask.has_all(Mask::DATE);
    let fixed = match &decoder.named_zone {
        Some(NamedZone::Zone(zone)) => Some(zone.fixed_offset()),
        _ => None,
    };
    let west = match fixed {
        Some(Some(east)) => -east,
        Some(None) if !has_date => return Err(Fault::Format),
        _ if !has_date
            && decoder.mask.has_any(Mask::DATE)
            && (decoder.named_zone.is_some() || !decoder.mask.has_any(Mask::ZONE)) =>
        {
            return Err(Fault::Format);
        }
        _ => {
            let days = if has_date { decoder.civil.days() } else { decoder.today() };
            let local = (days as i128 * MICROS_PER_DAY as i128 + time as i128)
                .clamp(TIMESTAMP_MIN as i128, TIMESTAMP_MAX as i128);
            -decoder.east(local as i64)
        }
    };
    Ok((time, west))
}
