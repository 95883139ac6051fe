//! Time zones: names, abbreviations, POSIX rules, fixed offsets; what offset is in force when.

use super::abbreviations::{Abbreviation, abbreviation};
use super::{Civil, MICROS_PER_SECOND};
use crate::{Result, err};
use jiff::tz::{AmbiguousOffset, TimeZoneDatabase};
use std::sync::OnceLock;

/// A time zone as `SET TimeZone` names it: an IANA name, a POSIX rule, or a fixed offset.
#[derive(Debug, Clone)]
pub struct TimeZone {
    /// As `SHOW TimeZone` prints it.
    pub name: String,
    zone: jiff::tz::TimeZone,
    /// The abbreviation of a fixed offset, which `jiff` does not keep.
    fixed_abbreviation: Option<String>,
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &TimeZone) -> bool {
        self.name == other.name
    }
}

/// Compiled in: the machine's own database would make two machines disagree.
fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

/// The daylight-saving rule of a POSIX string that has none (PostgreSQL's TZDEFRULESTRING).
const DEFAULT_RULE: &str = ",M3.2.0,M11.1.0";

/// 400 years: the calendar and its weekdays repeat, so rules of today hold for the same day of the cycle.
const CYCLE_SECONDS: i64 = 146_097 * 86_400;
/// 9001-01-01 in seconds: beyond it, offsets are those of an earlier cycle.
const FAR_FUTURE_SECONDS: i64 = 221_876_409_600;
/// 5000 BC or so: before it, local mean time.
const FAR_PAST_SECONDS: i64 = -220_000_000_000;

impl TimeZone {
    pub fn utc() -> TimeZone {
        TimeZone { name: "UTC".into(), zone: jiff::tz::TimeZone::UTC, fixed_abbreviation: None }
    }

    /// The names of all zones that are known.
    pub fn names() -> Vec<String> {
        jiff::tz::db().available().map(|name| name.to_string()).collect()
    }

    /// 22023 for a name that is none: `time zone "x" not recognized`.
    pub fn parse(name: &str) -> Result<TimeZone> {
        TimeZone::lookup(name)
            .ok_or_else(|| err!(InvalidParameterValue, "time zone \"{name}\" not recognized"))
    }

    /// What `SET TimeZone` takes: [`TimeZone::parse`], or hours east of UTC (`-7`, `5.5`).
    pub fn parse_setting(text: &str) -> Result<TimeZone> {
        match text.trim().parse::<f64>() {
            Ok(hours)
                if hours.abs() < 24.0
                    && text.trim().starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) =>
            {
                TimeZone::fixed((hours * 3600.0).round() as i32)
            }
            _ => TimeZone::lookup(text).ok_or_else(|| {
                err!(InvalidParameterValue, "invalid value for parameter \"TimeZone\": \"{text}\"")
            }),
        }
    }

    /// Seconds east of UTC, less than a day: named `<-07>+07`, as PostgreSQL does.
    pub fn fixed(east_seconds: i32) -> Result<TimeZone> {
        let offset = (east_seconds.unsigned_abs() < 24 * 3600)
            .then(|| jiff::tz::Offset::from_seconds(east_seconds).ok())
            .flatten()
            .ok_or_else(|| err!(InvalidParameterValue, "time zone displacement out of range"))?;
        let show = |seconds: i32| {
            let mut text = String::new();
            super::push_offset(&mut text, -seconds, false);
            text
        };
        let abbreviation = show(east_seconds);
        let mut zone = TimeZone {
            name: format!("<{abbreviation}>{}", show(-east_seconds)),
            zone: offset.to_time_zone(),
            fixed_abbreviation: Some(abbreviation),
        };
        // PostgreSQL's offset strings write +00 for both.
        if east_seconds == 0 {
            zone.name = "<+00>-00".into();
        }
        Ok(zone)
    }

    /// A zone's name or a POSIX rule, but no abbreviation.
    pub(super) fn lookup(name: &str) -> Option<TimeZone> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(TimeZone::utc());
        }
        // jiff's own name for a zone that is not known.
        if let Ok(zone) = database().get(name)
            && !zone.is_unknown()
        {
            let name = zone.iana_name().unwrap_or(name).to_owned();
            return Some(TimeZone { name, zone, fixed_abbreviation: None });
        }
        TimeZone::posix(name)
    }

    fn posix(name: &str) -> Option<TimeZone> {
        // An abbreviation alone is no rule; neither is a path.
        if !name.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // An offset alone, counted west: a name without letters.
        if name.starts_with(|c: char| c.is_ascii_digit() || c == '+' || c == '-') {
            let zone = jiff::tz::TimeZone::posix(&format!("<UTC>{name}")).ok()?;
            return Some(TimeZone { name: name.to_owned(), zone, fixed_abbreviation: Some(String::new()) });
        }
        let zone = jiff::tz::TimeZone::posix(name)
            .or_else(|_| jiff::tz::TimeZone::posix(&format!("{name}{DEFAULT_RULE}")))
            .ok()?;
        let first_digit =
            name.trim_start_matches('<').find(['+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        let fixed_abbreviation = match (zone.to_fixed_offset(), first_digit) {
            (Ok(_), Some(end)) if !name.starts_with('<') => Some(name[..end].to_owned()),
            (Ok(_), _) => name.strip_prefix('<').and_then(|rest| rest.split('>').next()).map(str::to_owned),
            _ => None,
        };
        Some(TimeZone { name: name.to_owned(), zone, fixed_abbreviation })
    }

    fn timestamp(micros: i64) -> jiff::Timestamp {
        let mut seconds = micros.div_euclid(MICROS_PER_SECOND);
        if seconds >= FAR_FUTURE_SECONDS {
            seconds -= ((seconds - FAR_FUTURE_SECONDS) / CYCLE_SECONDS + 1) * CYCLE_SECONDS;
        }
        jiff::Timestamp::from_second(seconds.max(FAR_PAST_SECONDS)).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// Seconds east of UTC in force at `micros` (UTC).
    pub fn offset_at(&self, micros: i64) -> i32 {
        self.zone.to_offset(TimeZone::timestamp(micros)).seconds()
    }

    /// The abbreviation in force: `PST`, `+0530`.
    pub fn abbreviation_at(&self, micros: i64) -> String {
        match &self.fixed_abbreviation {
            Some(abbreviation) => abbreviation.clone(),
            None => self.zone.to_offset_info(TimeZone::timestamp(micros)).abbreviation().to_owned(),
        }
    }

    pub fn is_dst_at(&self, micros: i64) -> bool {
        self.zone.to_offset_info(TimeZone::timestamp(micros)).dst().is_dst()
    }

    /// The offset, if it is the same at all times.
    pub fn fixed_offset(&self) -> Option<i32> {
        self.zone.to_fixed_offset().ok().map(|offset| offset.seconds())
    }

    /// Seconds east of UTC that hold at a local time. A gap uses the offset before it, a fold the offset after.
    pub fn offset_at_local(&self, local_micros: i64) -> i32 {
        if let Some(offset) = self.fixed_offset() {
            return offset;
        }
        let mut seconds = local_micros.div_euclid(MICROS_PER_SECOND);
        if seconds >= FAR_FUTURE_SECONDS {
            seconds -= ((seconds - FAR_FUTURE_SECONDS) / CYCLE_SECONDS + 1) * CYCLE_SECONDS;
        }
        let local = Civil::from_micros(seconds.max(FAR_PAST_SECONDS).saturating_mul(MICROS_PER_SECOND));
        let civil = jiff::civil::DateTime::new(
            local.year as i16,
            local.month as i8,
            local.day as i8,
            local.hour as i8,
            local.minute as i8,
            local.second as i8,
            0,
        );
        let Ok(civil) = civil else { return self.offset_at(local_micros) };
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.seconds(),
            AmbiguousOffset::Gap { before, .. } => before.seconds(),
            AmbiguousOffset::Fold { after, .. } => after.seconds(),
        }
    }

    /// The UTC microseconds of a local time; saturates. A gap uses the offset before it, a fold the offset after
    /// (PostgreSQL). The infinities stay.
    pub fn to_utc(&self, local_micros: i64) -> i64 {
        if matches!(local_micros, i64::MIN | i64::MAX) {
            return local_micros;
        }
        local_micros.saturating_sub(self.offset_at_local(local_micros) as i64 * MICROS_PER_SECOND)
    }

    /// The local microseconds of a UTC time; saturates. The infinities stay.
    pub fn to_local(&self, micros: i64) -> i64 {
        if matches!(micros, i64::MIN | i64::MAX) {
            return micros;
        }
        micros.saturating_add(self.offset_at(micros) as i64 * MICROS_PER_SECOND)
    }

    /// What `abbreviation` meant in this zone at a time (UTC): its last use before, else its first after it.
    fn abbreviation_offset(&self, abbreviation: &str, micros: i64) -> Option<i32> {
        let at = TimeZone::timestamp(micros);
        let now = self.zone.to_offset_info(at);
        if now.abbreviation().eq_ignore_ascii_case(abbreviation) {
            return Some(now.offset().seconds());
        }
        let found = |abbreviated: &str| abbreviated.eq_ignore_ascii_case(abbreviation);
        let before =
            self.zone.preceding(at).take(MAX_TRANSITIONS).find(|transition| found(transition.abbreviation()));
        let after = || {
            self.zone.following(at).take(MAX_TRANSITIONS).find(|transition| found(transition.abbreviation()))
        };
        before.or_else(after).map(|transition| transition.offset().seconds())
    }
}

/// A rule without end has transitions without end.
const MAX_TRANSITIONS: usize = 400;

/// What `AT TIME ZONE` names: zones, and abbreviations with a meaning of their own.
#[derive(Debug, Clone)]
pub enum NamedZone {
    /// Seconds east of UTC.
    Fixed(i32),
    Abbreviation(String, TimeZone),
    Zone(TimeZone),
}

impl NamedZone {
    /// 22023: `time zone "x" not recognized`.
    pub fn parse(name: &str) -> Result<NamedZone> {
        NamedZone::abbreviation(name)
            .or_else(|| TimeZone::lookup(name).map(NamedZone::Zone))
            .ok_or_else(|| err!(InvalidParameterValue, "time zone \"{name}\" not recognized"))
    }

    pub(super) fn abbreviation(name: &str) -> Option<NamedZone> {
        match abbreviation(&name.to_ascii_lowercase())? {
            Abbreviation::Fixed(offset) => Some(NamedZone::Fixed(offset)),
            Abbreviation::Zone(zone) => {
                Some(NamedZone::Abbreviation(name.to_owned(), TimeZone::lookup(zone)?))
            }
        }
    }

    /// Seconds east of UTC that hold at a local time.
    pub fn offset_at_local(&self, local_micros: i64) -> i32 {
        match self {
            NamedZone::Fixed(offset) => *offset,
            NamedZone::Zone(zone) => zone.offset_at_local(local_micros),
            NamedZone::Abbreviation(name, zone) => zone
                .abbreviation_offset(name, zone.to_utc(local_micros))
                .unwrap_or_else(|| zone.offset_at_local(local_micros)),
        }
    }

    /// Seconds east of UTC in force at `micros` (UTC).
    pub fn offset_at(&self, micros: i64) -> i32 {
        match self {
            NamedZone::Fixed(offset) => *offset,
            NamedZone::Zone(zone) => zone.offset_at(micros),
            NamedZone::Abbreviation(name, zone) => {
                zone.abbreviation_offset(name, micros).unwrap_or_else(|| zone.offset_at(micros))
            }
        }
    }
}
