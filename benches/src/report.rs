//! The table: the appliance beside the library, and the targets.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use crate::{appliance::Part, live::Live, load::Taken};

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    /// The library's whole ceremonies.
    pub bare: Taken,
    /// The appliance, by requests outstanding.
    pub appliance: Vec<(usize, Taken)>,
    /// The largest signer's memory after the start, KiB.
    pub fresh: u64,
    /// The most that any signer ever used, KiB.
    pub peak: u64,
    /// Memory of open ceremonies.
    pub live: Live,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut heads = vec!["Ed25519, 2 of 3".to_owned(), "bare library".into()];
        heads.extend(self.appliance.iter().map(|(outstanding, _)| format!("{outstanding} outstanding")));
        heads.push("target".into());
        row(f, &heads)?;
        row(f, &vec!["---".to_owned(); heads.len()])?;
        self.times(f, "one signature, median, ms", |taken| ms(taken.quantile(50)))?;
        self.times(f, "one signature, 99th percentile, ms", |taken| ms(taken.quantile(99)))?;
        self.times(f, "signatures per second", |taken| format!("{:.0}", taken.per_second()))?;
        self.times(f, "processor time per signature, µs", |taken| us(taken.processor_each()))?;
        self.parts(f)?;
        self.ratio(f)?;
        self.memory(f)
    }
}

impl Report {
    fn times(&self, f: &mut fmt::Formatter<'_>, name: &str, value: impl Fn(&Taken) -> String) -> fmt::Result {
        let mut cells = vec![name.to_owned(), self.bare.cell(&value)];
        cells.extend(self.appliance.iter().map(|(_, taken)| taken.cell(&value)));
        cells.push(String::new());
        row(f, &cells)
    }

    fn parts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PARTS: [(Part, &str); 4] = [
            (Part::Coordinator, "… of the coordinating host"),
            (Part::Hosts, "… of the two other hosts"),
            (Part::Signers, "… of the three signers"),
            (Part::Kms, "… of the KMS stand-in"),
        ];
        for (part, name) in PARTS {
            let mut cells = vec![name.to_owned(), String::new()];
            cells.extend(
                self.appliance.iter().map(|(_, taken)| taken.cell(|taken| us(taken.each(taken.processor.get(&part))))),
            );
            cells.push(String::new());
            row(f, &cells)?;
        }
        Ok(())
    }

    fn ratio(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.bare.processor_each().as_secs_f64();
        let mut cells = vec!["processor time, times the library's".to_owned(), self.bare.cell(|_| "1.00".into())];
        let ratio = |taken: &Taken| self.bare.cell(|_| format!("{:.2}", taken.processor_each().as_secs_f64() / bare));
        cells.extend(self.appliance.iter().map(|(_, taken)| taken.cell(ratio)));
        cells.push("at most 2 at 64".into());
        row(f, &cells)
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
        let kib = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
        writeln!(f)?;
        for cells in [
            ["a signer's memory", "", "target"].map(str::to_owned),
            ["---", "---", "---"].map(str::to_owned),
            ["resident after the start, MiB".into(), mib(self.fresh), "at most 24".into()],
            ["the most ever resident, MiB".into(), mib(self.peak), "at most 24".into()],
            ["each signature between its rounds, KiB".into(), kib(self.live.commitment), "at most 4".into()],
            ["each key generation after round 1, KiB".into(), kib(self.live.begun), "at most 4".into()],
            ["each key generation, share sealed, KiB".into(), kib(self.live.sealed), "at most 4".into()],
        ] {
            row(f, &cells)?;
        }
        Ok(())
    }
}

impl Taken {
    /// Nothing to show if Criterion was told to leave it out.
    fn cell(&self, value: impl Fn(&Self) -> String) -> String {
        if self.latencies.is_empty() { "–".into() } else { value(self) }
    }

    fn quantile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
    }

    fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn processor_each(&self) -> Duration {
        self.each(Some(&self.processor.values().sum()))
    }

    fn each(&self, total: Option<&Duration>) -> Duration {
        total.copied().unwrap_or_default().div_f64(self.latencies.len().max(1) as f64)
    }
}

fn row(f: &mut fmt::Formatter<'_>, cells: &[String]) -> fmt::Result {
    let (name, values) = cells.split_first().ok_or(fmt::Error)?;
    write!(f, "| {name:<38} |")?;
    values.iter().try_for_each(|value| write!(f, " {value:>15} |"))?;
    writeln!(f)
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn us(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}
