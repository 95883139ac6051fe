//! Intervals as text, in each IntervalStyle: what PostgreSQL's `EncodeInterval` prints.

use super::Interval;
use crate::datetime::push_fraction;
use crate::settings::IntervalStyle;
use std::fmt::Write;

impl Interval {
    pub fn format(&self, style: IntervalStyle, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = match style {
            IntervalStyle::Postgres => self.postgres(out),
            IntervalStyle::PostgresVerbose => self.verbose(out),
            IntervalStyle::SqlStandard => self.sql_standard(out),
            IntervalStyle::Iso8601 => self.iso_8601(out),
        };
    }

    fn postgres(&self, out: &mut String) -> std::fmt::Result {
        let (hours, minutes, seconds, micros) = self.clock();
        let mut first = true;
        // A positive part after a negative one shows its sign.
        let mut after_negative = false;
        for (value, unit) in [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")] {
            if value != 0 {
                let space = if first { "" } else { " " };
                let plus = if after_negative && value > 0 { "+" } else { "" };
                write!(out, "{space}{plus}{value} {unit}{}", if value == 1 { "" } else { "s" })?;
                after_negative = value < 0;
                first = false;
            }
        }
        if first || self.micros != 0 {
            let sign = match (self.micros < 0, after_negative) {
                (true, _) => "-",
                (false, true) => "+",
                (false, false) => "",
            };
            let space = if first { "" } else { " " };
            write!(out, "{space}{sign}{:02}:{:02}:{:02}", hours.abs(), minutes.abs(), seconds.abs())?;
            push_fraction(out, micros.unsigned_abs() as i32);
        }
        Ok(())
    }

    fn verbose(&self, out: &mut String) -> std::fmt::Result {
        let (hours, minutes, seconds, micros) = self.clock();
        out.push('@');
        let mut first = true;
        let mut ago = false;
        let parts = [
            (self.months as i64 / 12, "year"),
            (self.months as i64 % 12, "mon"),
            (self.days as i64, "day"),
            (hours, "hour"),
            (minutes, "min"),
        ];
        for (value, unit) in parts {
            if value != 0 {
                // The first part decides whether all of it is ago.
                if first {
                    ago = value < 0;
                }
                let value = if ago { -value } else { value };
                write!(out, " {value} {unit}{}", if value == 1 { "" } else { "s" })?;
                first = false;
            }
        }
        if seconds != 0 || micros != 0 {
            out.push(' ');
            let negative = seconds < 0 || micros < 0;
            if first {
                ago = negative;
            } else if negative != ago {
                out.push('-');
            }
            write!(out, "{}", seconds.abs())?;
            push_fraction(out, micros.unsigned_abs() as i32);
            out.push_str(if seconds.abs() != 1 || micros != 0 { " secs" } else { " sec" });
            first = false;
        }
        if first {
            out.push_str(" 0");
        }
        if ago {
            out.push_str(" ago");
        }
        Ok(())
    }

    fn sql_standard(&self, out: &mut String) -> std::fmt::Result {
        let (hours, minutes, seconds, micros) = self.clock();
        let negative = self.months < 0 || self.days < 0 || self.micros < 0;
        let positive = self.months > 0 || self.days > 0 || self.micros > 0;
        let both_kinds = self.months != 0 && (self.days != 0 || self.micros != 0);
        let (years, months) = ((self.months / 12).abs(), (self.months % 12).abs());
        let (days, hours, minutes, seconds) =
            (self.days.unsigned_abs(), hours.abs(), minutes.abs(), seconds.abs());
        let micros = micros.unsigned_abs() as i32;
        if !negative && !positive {
            out.push('0');
        } else if negative && positive || both_kinds {
            let sign = |negative: bool| if negative { '-' } else { '+' };
            let (a, b, c) = (sign(self.months < 0), sign(self.days < 0), sign(self.micros < 0));
            write!(out, "{a}{years}-{months} {b}{days} {c}{hours}:{minutes:02}:{seconds:02}")?;
            push_fraction(out, micros);
        } else {
            if negative {
                out.push('-');
            }
            if self.months != 0 {
                return write!(out, "{years}-{months}");
            }
            if self.days != 0 {
                write!(out, "{days} ")?;
            }
            write!(out, "{hours}:{minutes:02}:{seconds:02}")?;
            push_fraction(out, micros);
        }
        Ok(())
    }

    fn iso_8601(&self, out: &mut String) -> std::fmt::Result {
        let (hours, minutes, seconds, micros) = self.clock();
        if self.months == 0 && self.days == 0 && self.micros == 0 {
            out.push_str("PT0S");
            return Ok(());
        }
        let part = |out: &mut String, value: i64, unit: char| {
            if value == 0 { Ok(()) } else { write!(out, "{value}{unit}") }
        };
        out.push('P');
        part(out, self.months as i64 / 12, 'Y')?;
        part(out, self.months as i64 % 12, 'M')?;
        part(out, self.days as i64, 'D')?;
        if self.micros != 0 {
            out.push('T');
        }
        part(out, hours, 'H')?;
        part(out, minutes, 'M')?;
        if seconds != 0 || micros != 0 {
            if seconds < 0 || micros < 0 {
                out.push('-');
            }
            write!(out, "{}", seconds.abs())?;
            push_fraction(out, micros.unsigned_abs() as i32);
            out.push('S');
        }
        Ok(())
    }
}
