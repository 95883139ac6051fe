use super::*;
use crate::{Interval, TextSettings};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn days_and_the_calendar_agree(days in DATE_MIN..=DATE_MAX) {
        let (year, month, day) = civil_from_days(days as i64);
        prop_assert!((1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day));
        prop_assert_eq!(days_from_civil(year, month, day), days as i64);
        let next = civil_from_days(days as i64 + 1);
        let expected = if day < days_in_month(year, month) {
            (year, month, day + 1)
        } else if month < 12 {
            (year, month + 1, 1)
        } else {
            (year + 1, 1, 1)
        };
        prop_assert_eq!(next, expected);
    }

    /// Local times lead back, except within an hour that comes twice.
    #[test]
    fn zones_lead_there_and_back(micros in TIMESTAMP_MIN..=TIMESTAMP_MAX - MICROS_PER_DAY, recent in 0i64..4_000_000_000_000_000) {
        for name in ["America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"] {
            let zone = TimeZone::parse(name).unwrap();
            for micros in [micros, recent] {
                let back = zone.to_utc(zone.to_local(micros));
                let apart = (back - micros).abs();
                prop_assert!(apart == 0 || apart <= 2 * MICROS_PER_HOUR, "{} {}", name, micros);
            }
        }
    }

    #[test]
    fn an_interval_keeps_its_size(months in -5000i32..5000, days in -50_000i32..50_000, micros in -1i64 << 50..1 << 50) {
        let interval = Interval { months, days, micros };
        for justified in [interval.justify_days(), interval.justify_hours(), interval.justify_interval()] {
            prop_assert_eq!(justified.unwrap(), interval);
        }
        prop_assert_eq!(Interval::from_normalised(interval.normalised()), interval);
        prop_assert_eq!(interval.neg().unwrap().neg().unwrap(), interval);
    }

    #[test]
    fn truncating_twice_changes_nothing(micros in TIMESTAMP_MIN + (1 << 60)..TIMESTAMP_MAX) {
        let zone = TimeZone::parse("Europe/Berlin").unwrap();
        for field in ["hour", "day", "week", "month", "quarter", "year", "decade", "century"] {
            let value = Value::Timestamp(micros);
            let once = date_trunc(field, &value, crate::DataType::Timestamp, &zone).unwrap();
            prop_assert_eq!(date_trunc(field, &once, crate::DataType::Timestamp, &zone).unwrap(), once);
        }
    }
}

#[test]
fn now_and_today_come_from_the_settings() {
    let settings = TextSettings {
        // 2026-11-22 23:30 UTC is the next day in Berlin.
        now: 1_795_390_200_000_000,
        time_zone: std::sync::Arc::new(TimeZone::parse("Europe/Berlin").unwrap()),
        ..TextSettings::default()
    };
    let date = |text: &str| {
        let mut out = String::new();
        format_date(parse_date(text, &settings).unwrap(), &settings, &mut out);
        out
    };
    assert_eq!(date("today"), "2026-11-23");
    assert_eq!(date("Tomorrow"), "2026-11-24");
    assert_eq!(date("yesterday"), "2026-11-22");
    assert_eq!(date("now"), "2026-11-23");
    assert_eq!(parse_timestamp_tz("now", &settings).unwrap(), settings.now);
    assert_eq!(parse_timestamp("now", &settings).unwrap(), settings.now + MICROS_PER_HOUR);
    assert_eq!(parse_timestamp_tz("today 00:30", &settings).unwrap(), settings.now);
    assert_eq!(parse_time("now", &settings).unwrap(), MICROS_PER_HOUR / 2);
}

#[test]
fn zones_have_the_names_that_postgresql_shows() {
    let name = |text: &str| TimeZone::parse_setting(text).map(|zone| zone.name);
    assert_eq!(name("utc").unwrap(), "UTC");
    assert_eq!(name("america/new_york").unwrap(), "America/New_York");
    assert_eq!(name("-7.5").unwrap(), "<-07:30>+07:30");
    assert_eq!(name("5").unwrap(), "<+05>-05");
    assert_eq!(name("0").unwrap(), "<+00>-00");
    assert_eq!(name("EST5EDT,M3.2.0,M11.1.0").unwrap(), "EST5EDT,M3.2.0,M11.1.0");
    for bad in ["foo/bar", "PST", "z", "", "99", "../etc/passwd"] {
        assert_eq!(name(bad).unwrap_err().state.code(), "22023", "{bad}");
    }
    assert!(NamedZone::parse("PST").is_ok());
}
