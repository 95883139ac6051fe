//! Cancel requests, timeouts and shutdown, as flags that any thread may raise and every wait polls.

use host::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use types::{Result, err};

pub struct Interrupt {
    clock: Arc<dyn Clock>,
    cancelled: AtomicBool,
    terminated: AtomicBool,
    /// Microseconds on the monotonic clock; 0 = none.
    deadline_us: AtomicI64,
}

impl Interrupt {
    pub fn new(clock: Arc<dyn Clock>) -> Interrupt {
        Interrupt {
            clock,
            cancelled: AtomicBool::new(false),
            terminated: AtomicBool::new(false),
            deadline_us: AtomicI64::new(0),
        }
    }

    /// A cancel request came for the running statement. Forgotten when the next one starts.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// The session is to end: 57P01 from now on.
    pub fn terminate(&self) {
        self.terminated.store(true, Ordering::Release);
    }

    pub fn is_terminated(&self) -> bool {
        self.terminated.load(Ordering::Acquire)
    }

    /// A statement starts: old cancels are void, its time runs (`timeout_ms` 0 = without end).
    pub fn start(&self, timeout_ms: u64) {
        self.cancelled.store(false, Ordering::Release);
        let deadline = match timeout_ms {
            0 => 0,
            ms => (self.clock.monotonic() + Duration::from_millis(ms)).as_micros() as i64,
        };
        self.deadline_us.store(deadline, Ordering::Release);
    }

    /// 57P01, 57014, or nothing.
    pub fn check(&self) -> Result<()> {
        if self.terminated.load(Ordering::Acquire) {
            return Err(err!(AdminShutdown, "terminating connection due to administrator command"));
        }
        if self.cancelled.load(Ordering::Acquire) {
            return Err(err!(QueryCanceled, "canceling statement due to user request"));
        }
        let deadline = self.deadline_us.load(Ordering::Acquire);
        if deadline != 0 && self.clock.monotonic().as_micros() as i64 >= deadline {
            return Err(err!(QueryCanceled, "canceling statement due to statement timeout"));
        }
        Ok(())
    }
}
