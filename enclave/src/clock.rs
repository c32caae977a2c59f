//! The enclave's time.

use std::time::{SystemTime, UNIX_EPOCH};

use cloister_wire::ids::UnixMillis;

/// The system's clock (kvm-clock in an enclave), but never earlier than it was before.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    latest: UnixMillis,
}

impl Clock {
    /// Now, or the latest moment that was ever given out if the system's clock was set back.
    pub(crate) fn now(&mut self) -> UnixMillis {
        self.advance(SystemTime::now())
    }

    fn advance(&mut self, system: SystemTime) -> UnixMillis {
        let since = system.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.latest = self.latest.max(UnixMillis(millis));
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn does_not_follow_the_system_backwards() {
        let mut clock = Clock::default();
        let later = UNIX_EPOCH + Duration::from_secs(20);
        assert_eq!(clock.advance(later), UnixMillis(20_000));
        assert_eq!(clock.advance(UNIX_EPOCH + Duration::from_secs(19)), UnixMillis(20_000));
        assert_eq!(clock.advance(UNIX_EPOCH - Duration::from_secs(1)), UnixMillis(20_000));
        assert_eq!(clock.advance(later + Duration::from_millis(1)), UnixMillis(20_001));
    }
}
