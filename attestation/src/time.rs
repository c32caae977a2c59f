/// A moment: milliseconds since the Unix epoch, UTC. Always passed in; this crate has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl UnixMillis {
    /// This moment moved later, or the last one there is.
    pub(crate) fn later(self, by: Millis) -> UnixMillis {
        UnixMillis(self.0.saturating_add(by.0))
    }
}
