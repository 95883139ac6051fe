//! The words of dates and times (PostgreSQL's `datetktbl` and `deltatktbl`).

/// What a word within a date or time means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Month(i32),
    DayOfWeek,
    Now,
    Today,
    Tomorrow,
    Yesterday,
    /// `allballs`: midnight UTC.
    Zulu,
    Epoch,
    Infinity,
    NegativeInfinity,
    Am,
    Pm,
    Ad,
    Bc,
    /// `dst`: an hour more than the zone before it.
    DaylightSaving,
    /// Says what the number after it is.
    Unit(Units),
    Julian,
    /// `t` between an ISO date and its time.
    IsoTime,
    /// `at`, `on`
    Ignore,
}

/// Words of ten letters and more are told apart by their first ten.
pub(super) const MAX_TOKEN: usize = 10;

pub(super) fn word(text: &str) -> Option<Word> {
    use Word::*;
    Some(match text {
        "jan" | "january" => Month(1),
        "feb" | "february" => Month(2),
        "mar" | "march" => Month(3),
        "apr" | "april" => Month(4),
        "may" => Month(5),
        "jun" | "june" => Month(6),
        "jul" | "july" => Month(7),
        "aug" | "august" => Month(8),
        "sep" | "sept" | "september" => Month(9),
        "oct" | "october" => Month(10),
        "nov" | "november" => Month(11),
        "dec" | "december" => Month(12),
        "sun" | "sunday" | "mon" | "monday" | "tue" | "tues" | "tuesday" | "wed" | "weds" | "wednesday"
        | "thu" | "thur" | "thurs" | "thursday" | "fri" | "friday" | "sat" | "saturday" => DayOfWeek,
        "now" => Now,
        "today" => Today,
        "tomorrow" => Tomorrow,
        "yesterday" => Yesterday,
        "allballs" => Zulu,
        "epoch" => Epoch,
        "infinity" => Infinity,
        "-infinity" => NegativeInfinity,
        "am" => Am,
        "pm" => Pm,
        "ad" => Ad,
        "bc" => Bc,
        "dst" => DaylightSaving,
        "d" => Unit(Units::Day),
        "h" => Unit(Units::Hour),
        "m" => Unit(Units::Month),
        "mm" => Unit(Units::Minute),
        "s" => Unit(Units::Second),
        "y" => Unit(Units::Year),
        "dow" => Unit(Units::DayOfWeek),
        "doy" => Unit(Units::DayOfYear),
        "isodow" => Unit(Units::IsoDayOfWeek),
        "isoyear" => Unit(Units::IsoYear),
        "j" | "jd" | "julian" => Julian,
        "t" => IsoTime,
        "at" | "on" => Ignore,
        _ => return None,
    })
}

/// Units of intervals and of EXTRACT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Ago,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Julian,
    Epoch,
}

/// The word of a unit, lower case.
pub(crate) fn decode_units(text: &str) -> Option<Units> {
    use Units::*;
    let cut = text.get(..MAX_TOKEN).unwrap_or(text);
    Some(match cut {
        "us" | "usec" | "usecond" | "useconds" | "usecs" | "microsecon" => Microsecond,
        "ms" | "msec" | "msecond" | "mseconds" | "msecs" | "millisecon" => Millisecond,
        "s" | "sec" | "second" | "seconds" | "secs" => Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Minute,
        "h" | "hour" | "hours" | "hr" | "hrs" => Hour,
        "d" | "day" | "days" => Day,
        "w" | "week" | "weeks" => Week,
        "mon" | "mons" | "month" | "months" => Month,
        "qtr" | "quarter" => Quarter,
        "y" | "year" | "years" | "yr" | "yrs" => Year,
        "dec" | "decade" | "decades" | "decs" => Decade,
        "c" | "cent" | "centuries" | "century" => Century,
        "mil" | "mils" | "millennia" | "millennium" => Millennium,
        "ago" => Ago,
        "timezone" => Timezone,
        "timezone_h" => TimezoneHour,
        "timezone_m" => TimezoneMinute,
        _ => return None,
    })
}

/// [`decode_units`] and the words that only EXTRACT knows.
pub(super) fn decode_field(text: &str) -> Option<Units> {
    decode_units(text).or_else(|| match word(text)? {
        Word::Unit(unit) => Some(unit),
        Word::Julian => Some(Units::Julian),
        Word::Epoch => Some(Units::Epoch),
        _ => None,
    })
}
