//! When a commit may say that it happened.

use host::Clock;
use types::{Error, Result, err};

const DRIFT_MAX_US: i64 = 60 * 1_000_000;
const AHEAD_MAX_US: i64 = 24 * 3600 * 1_000_000;

/// Compares the wall clock with the monotonic one and with the last commit, and refuses to stamp what looks wrong.
pub struct CommitClock {
    started_us: i64,
    started_monotonic_us: i64,
    refusal: Option<Error>,
}

impl CommitClock {
    /// `accepted`: whatever the clock says now has been confirmed.
    pub fn start(clock: &dyn Clock, last_commit_us: i64, accepted: bool) -> CommitClock {
        let now = clock.now_us();
        let ahead = now.saturating_sub(last_commit_us);
        let refusal = if accepted {
            None
        } else if ahead < 0 {
            Some(refused(format!("the clock is {} behind the last commit", span(-ahead))))
        } else if ahead > AHEAD_MAX_US {
            Some(refused(format!("the clock is {} ahead of the last commit", span(ahead))))
        } else {
            None
        };
        CommitClock { started_us: now, started_monotonic_us: monotonic_us(clock), refusal }
    }

    /// The time of a commit after one at `last_commit_us`.
    pub fn stamp(&mut self, clock: &dyn Clock, last_commit_us: i64) -> Result<i64> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let now = clock.now_us();
        let passed = monotonic_us(clock).saturating_sub(self.started_monotonic_us);
        let drift = now.saturating_sub(self.started_us).saturating_sub(passed);
        if drift.saturating_abs() > DRIFT_MAX_US {
            let side = if drift < 0 { "back" } else { "ahead" };
            let refusal = refused(format!("the clock jumped {} {side}", span(drift.saturating_abs())));
            self.refusal = Some(refusal.clone());
            return Err(refusal);
        }
        Ok(now.max(last_commit_us))
    }
}

fn monotonic_us(clock: &dyn Clock) -> i64 {
    i64::try_from(clock.monotonic().as_micros()).unwrap_or(i64::MAX)
}

fn refused(what: String) -> Error {
    err!(ObjectNotInPrerequisiteState, "cannot commit: {what}")
        .detail("Commit times are part of the ledger and can never be corrected. Reading goes on.")
        .hint("Set the clock right, or confirm that it is by restarting with --accept-clock.")
}

fn span(us: i64) -> String {
    const SECOND: i64 = 1_000_000;
    if us < 120 * SECOND {
        format!("{}.{:06} seconds", us / SECOND, us % SECOND)
    } else if us < 7200 * SECOND {
        format!("{} minutes", us / (60 * SECOND))
    } else if us < 48 * 3600 * SECOND {
        format!("{} hours", us / (3600 * SECOND))
    } else {
        format!("{} days", us / (86_400 * SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::ManualClock;

    const START: i64 = 1_000_000_000_000;

    #[test]
    fn times_never_go_back() {
        let clock = ManualClock::new(START);
        let mut commits = CommitClock::start(&clock, START, false);
        assert_eq!(commits.stamp(&clock, START), Ok(START));
        clock.advance_us(5);
        assert_eq!(commits.stamp(&clock, START), Ok(START + 5));
        clock.set_now_us(START - 59_000_000);
        assert_eq!(commits.stamp(&clock, START + 5), Ok(START + 5));
    }

    #[test]
    fn a_clock_that_jumps_stops_commits_until_confirmed() {
        for (jump, message) in [
            (-61_000_000, "cannot commit: the clock jumped 61.000000 seconds back"),
            (3_600_000_000, "cannot commit: the clock jumped 60 minutes ahead"),
        ] {
            let clock = ManualClock::new(START);
            let mut commits = CommitClock::start(&clock, START, false);
            clock.advance_us(10_000_000_000);
            clock.set_now_us(clock.now_us() + jump);
            assert_eq!(commits.stamp(&clock, START).unwrap_err().message, message);
            clock.set_now_us(clock.now_us() - jump);
            assert_eq!(commits.stamp(&clock, START).unwrap_err().state.code(), "55000");
        }
    }

    #[test]
    fn a_clock_behind_the_ledger_or_a_day_ahead_is_refused_at_start() {
        for (last, accepted) in
            [(START + 1, false), (START - 86_400_000_001, false), (START - 86_400_000_000, true)]
        {
            let clock = ManualClock::new(START);
            assert_eq!(
                CommitClock::start(&clock, last, false).stamp(&clock, last).is_ok(),
                accepted,
                "{last}"
            );
            assert_eq!(CommitClock::start(&clock, last, true).stamp(&clock, last), Ok(START.max(last)));
        }
    }
}
