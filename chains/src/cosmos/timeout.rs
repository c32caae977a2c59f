//! When coins that left over a channel come back.

use core::fmt;

/// When a packet is no longer taken at the other end of its channel: at this height or time, whichever is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout {
    /// The revision of the other chain that `height` counts in.
    pub revision: u64,
    /// The other chain's block; 0, with revision 0, if none is named.
    pub height: u64,
    /// Nanoseconds since 1970; 0 if no time is named.
    pub timestamp: u64,
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revision, height, timestamp } = self;
        match (*revision, *height, *timestamp) {
            (0, 0, 0) => f.write_str("without a timeout"),
            (0, 0, _) => write!(f, "before {timestamp} nanoseconds since 1970"),
            (_, _, 0) => write!(f, "before block {revision}-{height}"),
            _ => write!(f, "before block {revision}-{height} and {timestamp} nanoseconds since 1970"),
        }
    }
}
