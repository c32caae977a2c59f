//! What a number of ceremonies took.

use std::{collections::BTreeMap, time::Duration};

/// Who uses processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// No appliance: the bare library.
    Library,
    /// The host that requests are posted to.
    Coordinator,
    /// The other hosts.
    Hosts,
    /// The signers.
    Signers,
    /// The KMS stand-in.
    Kms,
}

/// Processor time that each part has used.
pub type Processor = BTreeMap<Part, Duration>;

/// What so many signatures or keys took.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// From a request's first byte to its answer's last, for each.
    pub latencies: Vec<Duration>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Processor time of each part.
    pub processor: Processor,
    /// Presignatures that were made meanwhile.
    pub presigned: u64,
}

impl Taken {
    /// Together with another run.
    pub fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.elapsed += other.elapsed;
        self.presigned += other.presigned;
        for (part, time) in other.processor {
            *self.processor.entry(part).or_default() += time;
        }
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.latencies.len()
    }

    /// The latency that so many percent of them stay below.
    #[must_use]
    pub fn quantile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
    }

    /// How many in a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64()
    }

    /// Processor time of all parts.
    #[must_use]
    pub fn processor_total(&self) -> Duration {
        self.processor.values().sum()
    }

    /// Processor time for each.
    #[must_use]
    pub fn processor_each(&self) -> Duration {
        self.each(self.processor_total())
    }

    /// One part's processor time for each.
    #[must_use]
    pub fn part_each(&self, part: Part) -> Duration {
        self.each(self.processor.get(&part).copied().unwrap_or_default())
    }

    fn each(&self, total: Duration) -> Duration {
        total.div_f64(self.count().max(1) as f64)
    }
}
