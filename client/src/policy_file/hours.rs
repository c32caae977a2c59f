//! Hours of the week.

use cloister_wire::policy::Hours;
use serde::{Deserialize, Serialize};

use super::text::{Text, Written};

/// `{ days = "mon-fri", from = "09:00", until = "17:00" }`, in UTC.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoursForm {
    days: Text<Days>,
    from: Text<Minute>,
    until: Text<Minute>,
}

/// Bit 0 is Monday.
struct Days(u8);

/// Of the day.
struct Minute(u16);

const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Written for Days {
    const WHAT: &'static str = "days of the week, such as \"mon-fri\" or \"mon,wed,sat-sun\"";

    fn read(text: &str) -> Result<Self, String> {
        let day = |name: &str| NAMES.iter().position(|known| *known == name);
        let mut days = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Some(first), Some(last)) = (day(first), day(last)) else {
                return Err(format!("expected {}", Self::WHAT));
            };
            let length = (last + NAMES.len() - first) % NAMES.len();
            days |= (0..=length).fold(0, |days, offset| days | 1 << ((first + offset) % NAMES.len()));
        }
        Ok(Self(days))
    }

    fn write(&self) -> String {
        let has = |day: usize| self.0 >> day & 1 == 1;
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for day in (0..NAMES.len()).filter(|day| has(*day)) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == day => *last = day,
                _ => runs.push((day, day)),
            }
        }
        let run = |(first, last): (usize, usize)| match last - first {
            0 => NAMES[first].to_owned(),
            _ => format!("{}-{}", NAMES[first], NAMES[last]),
        };
        runs.into_iter().map(run).collect::<Vec<_>>().join(",")
    }
}

impl Written for Minute {
    const WHAT: &'static str = "a time of day from \"00:00\" to \"23:59\"";

    fn read(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() == 2 && !text.starts_with('+'));
        let (hour, minute) = text.split_once(':').map_or((None, None), |(hour, minute)| (number(hour), number(minute)));
        match (hour, minute) {
            (Some(hour @ 0..24), Some(minute @ 0..60)) => Ok(Self(hour * 60 + minute)),
            _ => Err(format!("expected {}", Self::WHAT)),
        }
    }

    fn write(&self) -> String {
        format!("{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl From<&HoursForm> for Hours {
    fn from(form: &HoursForm) -> Self {
        Self { days: form.days.0.0, from: form.from.0.0, until: form.until.0.0 }
    }
}

impl From<&Hours> for HoursForm {
    fn from(hours: &Hours) -> Self {
        Self { days: Text(Days(hours.days)), from: Text(Minute(hours.from)), until: Text(Minute(hours.until)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_runs_and_may_pass_the_end_of_the_week() {
        for (text, days, written) in [
            ("mon-fri", 0b001_1111, "mon-fri"),
            ("sat-mon", 0b110_0001, "mon,sat-sun"),
            ("sun,mon,tue", 0b100_0011, "mon-tue,sun"),
            ("mon-sun", 0b111_1111, "mon-sun"),
        ] {
            let read = Days::read(text).unwrap();
            assert_eq!((read.0, read.write().as_str()), (days, written));
        }
        for text in ["", "Mon", "mon-", "mon fri", "monday"] {
            assert!(Days::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_of_day_have_four_digits() {
        assert_eq!(Minute::read("09:30").unwrap().0, 570);
        assert_eq!(Minute(570).write(), "09:30");
        for text in ["9:30", "24:00", "23:60", "0930", "+9:30", "09:+1", "09:30:00"] {
            assert!(Minute::read(text).is_err(), "{text}");
        }
    }
}
