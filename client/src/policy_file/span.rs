//! Spans of time: `24h`, `30m`, `7d`.

use super::text::Written;

/// Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) u64);

/// The longest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Written for Span {
    const WHAT: &'static str = "a span of time, such as \"90s\", \"30m\", \"24h\" or \"7d\"";

    fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected {}", Self::WHAT);
        let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(*millis).map(Self).ok_or_else(|| "too long".to_owned())
    }

    fn write(&self) -> String {
        let exact = |(_, millis): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*millis);
        let (name, millis) = UNITS.iter().find(exact).unwrap_or(&("s", 1000));
        format!("{}{name}", self.0 / millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_in_the_longest_exact_unit() {
        for (text, written) in [("24h", "1d"), ("90m", "90m"), ("1500ms", "1500ms"), ("0s", "0s"), ("60s", "1m")] {
            assert_eq!(Span::read(text).unwrap().write(), written);
        }
        for text in ["", "h", "1", "1 h", "-1h", "1.5h", "1w", "99999999999999d"] {
            assert!(Span::read(text).is_err(), "{text}");
        }
    }
}
