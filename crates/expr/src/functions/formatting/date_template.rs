//! Templates of dates and times, taken apart.

/// What a keyword stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field {
    /// B.C. and BC
    EraDotted,
    Era,
    /// A.M. and AM
    HalfDotted,
    Half,
    Century,
    DayName,
    DayShort,
    Day,
    DayOfWeek,
    DayOfYear,
    IsoDayOfWeek,
    IsoDayOfYear,
    /// Digits of the fraction of a second.
    Fraction(u8),
    Millisecond,
    Microsecond,
    /// FX: input is taken as the template says, to the character.
    Exact,
    Hour12,
    Hour24,
    Minute,
    Second,
    SecondOfDay,
    Week,
    WeekOfMonth,
    IsoWeek,
    /// Digits.
    Year(u8),
    YearComma,
    IsoYear(u8),
    Julian,
    Month,
    MonthName,
    MonthShort,
    RomanMonth,
    Quarter,
    Offset,
    Zone,
    ZoneHour,
    ZoneMinute,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Field(FieldNode),
    /// A character that is none of the next two, or is quoted.
    Text(char),
    Separator(char),
    Space(char),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct FieldNode {
    pub field: Field,
    /// As written: its case is the case of the output.
    pub keyword: &'static str,
    /// FM: without padding.
    pub fill: bool,
    /// TM
    pub translate: bool,
    /// TH (true) and th
    pub ordinal: Option<bool>,
}

impl Field {
    /// The keyword's digits on input are counted when another such field follows at once.
    pub fn is_digits(self) -> bool {
        use Field::*;
        !matches!(
            self,
            EraDotted
                | Era
                | HalfDotted
                | Half
                | DayName
                | DayShort
                | MonthName
                | MonthShort
                | RomanMonth
                | Exact
                | Offset
                | Zone
                | ZoneHour
        )
    }
}

/// The first that the text begins with is meant.
#[rustfmt::skip]
const KEYWORDS: &[(&str, Field)] = &[
    ("A.D.", Field::EraDotted),
    ("A.M.", Field::HalfDotted),
    ("AD", Field::Era),
    ("AM", Field::Half),
    ("B.C.", Field::EraDotted),
    ("BC", Field::Era),
    ("CC", Field::Century),
    ("DAY", Field::DayName),
    ("DDD", Field::DayOfYear),
    ("DD", Field::Day),
    ("DY", Field::DayShort),
    ("Day", Field::DayName),
    ("Dy", Field::DayShort),
    ("D", Field::DayOfWeek),
    ("FF1", Field::Fraction(1)),
    ("FF2", Field::Fraction(2)),
    ("FF3", Field::Fraction(3)),
    ("FF4", Field::Fraction(4)),
    ("FF5", Field::Fraction(5)),
    ("FF6", Field::Fraction(6)),
    ("FX", Field::Exact),
    ("HH24", Field::Hour24),
    ("HH12", Field::Hour12),
    ("HH", Field::Hour12),
    ("IDDD", Field::IsoDayOfYear),
    ("ID", Field::IsoDayOfWeek),
    ("IW", Field::IsoWeek),
    ("IYYY", Field::IsoYear(4)),
    ("IYY", Field::IsoYear(3)),
    ("IY", Field::IsoYear(2)),
    ("I", Field::IsoYear(1)),
    ("J", Field::Julian),
    ("MI", Field::Minute),
    ("MM", Field::Month),
    ("MONTH", Field::MonthName),
    ("MON", Field::MonthShort),
    ("MS", Field::Millisecond),
    ("Month", Field::MonthName),
    ("Mon", Field::MonthShort),
    ("OF", Field::Offset),
    ("P.M.", Field::HalfDotted),
    ("PM", Field::Half),
    ("Q", Field::Quarter),
    ("RM", Field::RomanMonth),
    ("SSSSS", Field::SecondOfDay),
    ("SSSS", Field::SecondOfDay),
    ("SS", Field::Second),
    ("TZH", Field::ZoneHour),
    ("TZM", Field::ZoneMinute),
    ("TZ", Field::Zone),
    ("US", Field::Microsecond),
    ("WW", Field::Week),
    ("W", Field::WeekOfMonth),
    ("Y,YYY", Field::YearComma),
    ("YYYY", Field::Year(4)),
    ("YYY", Field::Year(3)),
    ("YY", Field::Year(2)),
    ("Y", Field::Year(1)),
    ("a.d.", Field::EraDotted),
    ("a.m.", Field::HalfDotted),
    ("ad", Field::Era),
    ("am", Field::Half),
    ("b.c.", Field::EraDotted),
    ("bc", Field::Era),
    ("cc", Field::Century),
    ("day", Field::DayName),
    ("ddd", Field::DayOfYear),
    ("dd", Field::Day),
    ("dy", Field::DayShort),
    ("d", Field::DayOfWeek),
    ("ff1", Field::Fraction(1)),
    ("ff2", Field::Fraction(2)),
    ("ff3", Field::Fraction(3)),
    ("ff4", Field::Fraction(4)),
    ("ff5", Field::Fraction(5)),
    ("ff6", Field::Fraction(6)),
    ("fx", Field::Exact),
    ("hh24", Field::Hour24),
    ("hh12", Field::Hour12),
    ("hh", Field::Hour12),
    ("iddd", Field::IsoDayOfYear),
    ("id", Field::IsoDayOfWeek),
    ("iw", Field::IsoWeek),
    ("iyyy", Field::IsoYear(4)),
    ("iyy", Field::IsoYear(3)),
    ("iy", Field::IsoYear(2)),
    ("i", Field::IsoYear(1)),
    ("j", Field::Julian),
    ("mi", Field::Minute),
    ("mm", Field::Month),
    ("month", Field::MonthName),
    ("mon", Field::MonthShort),
    ("ms", Field::Millisecond),
    ("of", Field::Offset),
    ("p.m.", Field::HalfDotted),
    ("pm", Field::Half),
    ("q", Field::Quarter),
    ("rm", Field::RomanMonth),
    ("sssss", Field::SecondOfDay),
    ("ssss", Field::SecondOfDay),
    ("ss", Field::Second),
    ("tzh", Field::ZoneHour),
    ("tzm", Field::ZoneMinute),
    ("tz", Field::Zone),
    ("us", Field::Microsecond),
    ("ww", Field::Week),
    ("w", Field::WeekOfMonth),
    ("y,yyy", Field::YearComma),
    ("yyyy", Field::Year(4)),
    ("yyy", Field::Year(3)),
    ("yy", Field::Year(2)),
    ("y", Field::Year(1)),
];

pub(super) fn parse(template: &str) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (mut fill, mut translate) = (false, false);
        if let Some(after) = rest.strip_prefix("FM").or_else(|| rest.strip_prefix("fm")) {
            (rest, fill) = (after, true);
        } else if let Some(after) = rest.strip_prefix("TM").or_else(|| rest.strip_prefix("tm")) {
            (rest, translate) = (after, true);
        }
        if let Some((keyword, field)) = KEYWORDS.iter().find(|(keyword, _)| rest.starts_with(keyword)) {
            rest = &rest[keyword.len()..];
            let mut ordinal = None;
            if let Some(after) = rest.strip_prefix("TH") {
                (rest, ordinal) = (after, Some(true));
            } else if let Some(after) = rest.strip_prefix("th") {
                (rest, ordinal) = (after, Some(false));
            } else if let Some(after) = rest.strip_prefix("SP") {
                rest = after;
            }
            nodes.push(Node::Field(FieldNode { field: *field, keyword, fill, translate, ordinal }));
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let mut characters = quoted.chars();
            while let Some(c) = characters.next().filter(|c| *c != '"') {
                let c = if c == '\\' { characters.next().unwrap_or(c) } else { c };
                nodes.push(Node::Text(c));
            }
            rest = characters.as_str();
        } else {
            let mut characters = rest.chars();
            let mut c = characters.next();
            if c == Some('\\') && characters.as_str().starts_with('"') {
                c = characters.next();
            }
            nodes.extend(c.map(|c| match c {
                c if is_separator(c) => Node::Separator(c),
                c if is_space(c) => Node::Space(c),
                c => Node::Text(c),
            }));
            rest = characters.as_str();
        }
    }
    nodes
}

/// Punctuation.
pub(super) fn is_separator(c: char) -> bool {
    c.is_ascii_graphic() && !c.is_ascii_alphanumeric()
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// December first, as PostgreSQL has them: `VIII` must be found before `VII`.
pub(super) const ROMAN_MONTHS: [&str; 12] =
    ["XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"];
