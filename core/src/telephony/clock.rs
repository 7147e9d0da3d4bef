//! The time of a capture, told by packets whose stamps may be wrong.
//!
//! What is idle is found by comparing times, so one packet that is stamped years ahead must not move the time. A jump of minutes is
//! believed once a second packet in succession agrees with it: a quiet line over lunch, files put together, a clock that was set.

use std::time::Duration;

/// A jump that is not believed at once, either way: more than packets of a busy line are out of order or apart.
const JUMP: Duration = Duration::from_secs(180);

/// The time of the last packets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    now: Duration,
    begun: bool,
    /// A stamp that lies far away from `now`: what the next one must agree with.
    doubtful: Option<Duration>,
}

impl Clock {
    /// Now; never earlier than it was, but after a jump.
    pub(super) fn now(&self) -> Duration {
        self.now
    }

    /// Takes the stamp of a packet; whether the time has jumped.
    pub(super) fn take(&mut self, stamp: Duration) -> bool {
        if !std::mem::replace(&mut self.begun, true) {
            self.now = stamp;
        }
        if stamp.abs_diff(self.now) <= JUMP {
            self.doubtful = None;
            self.now = self.now.max(stamp);
            return false;
        }
        let believed = self.doubtful.is_some_and(|doubtful| doubtful.abs_diff(stamp) <= JUMP);
        self.doubtful = (!believed).then_some(stamp);
        if believed {
            self.now = stamp;
        }
        believed
    }
}
