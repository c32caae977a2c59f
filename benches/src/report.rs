//! The tables: the appliance beside the library, and the targets.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use crate::{
    bare::Ceremonies,
    load::Pooled,
    table::Table,
    taken::{Part, Taken},
};

/// Signatures under load, beside the library's whole ceremonies.
#[derive(Debug)]
pub struct Sustained {
    /// What is signed with, and by how many.
    pub scheme: &'static str,
    /// The library's whole ceremonies.
    pub bare: Taken,
    /// The appliance, by requests outstanding.
    pub levels: Vec<Level>,
    /// For the processor time.
    pub target: &'static str,
}

/// The appliance with so many requests outstanding.
#[derive(Debug)]
pub struct Level {
    /// How many.
    pub outstanding: usize,
    /// The appliance.
    pub appliance: Taken,
    /// The library, in turns with it: a virtual machine's speed changes by more than a tenth from minute to minute.
    pub library: Taken,
}

/// The steps of threshold ECDSA, one at a time.
#[derive(Debug)]
pub struct Steps {
    /// The library's.
    pub bare: Ceremonies,
    /// The library's key generation.
    pub bare_keygen: Taken,
    /// The appliance's.
    pub keygen: Taken,
    /// Signatures with presignatures that were there.
    pub pooled: Pooled,
    /// Signatures for which presignatures had to be made.
    pub unpooled: Taken,
}

/// Memory, and what each may be at most.
#[derive(Debug)]
pub struct Sizes(pub Vec<(&'static str, Size, &'static str)>);

/// A size.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// Shown in MiB.
    Kib(u64),
    /// Shown in KiB.
    Bytes(u64),
}

impl Display for Sustained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels: Vec<_> = self.levels.iter().map(|level| format!("{} outstanding", level.outstanding)).collect();
        let mut heads = vec![self.scheme, "bare library"];
        heads.extend(levels.iter().map(String::as_str));
        heads.push("target");
        let mut table = Table::new(&heads)
            .row("one signature, median, ms", self.cells(|taken| ms(taken.quantile(50))))
            .row("one signature, 99th percentile, ms", self.cells(|taken| ms(taken.quantile(99))))
            .row("signatures per second", self.cells(|taken| format!("{:.0}", taken.per_second())))
            .row("processor time per signature, µs", self.cells(|taken| us(taken.processor_each())));
        for (part, name) in PARTS {
            table = table.row(name, self.appliance_cells(|taken| us(taken.part_each(part))));
        }
        if self.levels.iter().any(|level| level.appliance.presigned > 0) {
            let presigned = |taken: &Taken| format!("{:.2}", taken.presigned as f64 / taken.count() as f64);
            table = table.row("presignatures made for each", self.appliance_cells(presigned));
        }
        let table = table.row("processor time, library in turns, µs", self.level_cells(Level::library_each));
        let mut ratios = self.level_cells(Level::ratio);
        ratios.pop();
        ratios.push(self.target.to_owned());
        write!(f, "{}", table.row("processor time, times the library's", ratios))
    }
}

impl Level {
    fn library_each(&self) -> String {
        self.library.cell(|library| us(library.processor_each()))
    }

    fn ratio(&self) -> String {
        let [appliance, library] = [&self.appliance, &self.library].map(|taken| taken.processor_each().as_secs_f64());
        self.appliance.cell(|_| format!("{:.2}", appliance / library))
    }
}

impl Sustained {
    fn cells(&self, value: impl Fn(&Taken) -> String) -> Vec<String> {
        let mut cells = self.appliance_cells(&value);
        cells[0] = self.bare.cell(&value);
        cells
    }

    fn appliance_cells(&self, value: impl Fn(&Taken) -> String) -> Vec<String> {
        self.level_cells(|level| level.appliance.cell(&value))
    }

    /// Nothing for the library, and no target.
    fn level_cells(&self, value: impl Fn(&Level) -> String) -> Vec<String> {
        let mut cells = vec![String::new()];
        cells.extend(self.levels.iter().map(value));
        cells.push(String::new());
        cells
    }
}

impl Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["one at a time", "median, ms", "99th perc., ms", "processor, µs", "target"];
        let row = |taken: &Taken, target: &str| {
            let latencies = [50, 99].map(|percent| taken.cell(|taken| ms(taken.quantile(percent))));
            let processor = taken.cell(|taken| us(taken.processor_each()));
            [latencies.as_slice(), &[processor, target.to_owned()]].concat()
        };
        let presigning = self.pooled.presigning().map_or_else(nothing, us);
        let table = Table::new(&heads)
            .row("library: key generation", row(&self.bare_keygen, ""))
            .row("library: presignature (phases 1 to 3)", row(&self.bare.presigning, ""))
            .row("library: signature from it (phase 4)", row(&self.bare.online, ""))
            .row("library: whole signature", row(&self.bare.whole, ""))
            .row("appliance: key generation", row(&self.keygen, "below 4000 ms"))
            .row("appliance: presignature, in the background", [nothing(), nothing(), presigning, String::new()])
            .row("appliance: signature, presignatures ready", row(&self.pooled.signed, "at most 3 ms"))
            .row("appliance: signature, none ready", row(&self.unpooled, ""));
        write!(f, "{table}")
    }
}

impl Pooled {
    /// Processor time of a presignature: that of filling pools up without the few signatures that began it.
    fn presigning(&self) -> Option<Duration> {
        let signing = self.signed.processor_each() * u32::try_from(self.refilled.count()).ok()?;
        let filling = self.refilled.processor_total().saturating_sub(signing);
        (self.refilled.presigned > 0).then(|| filling.div_f64(self.refilled.presigned as f64))
    }
}

impl Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = Table::new(&["a signer's memory", "", "target"]);
        let row = |table: Table, (name, size, target): &(&str, Size, &str)| {
            let (number, unit) = match size {
                Size::Kib(kib) => (format!("{:.1}", *kib as f64 / 1024.0), "MiB"),
                Size::Bytes(bytes) => (format!("{:.2}", *bytes as f64 / 1024.0), "KiB"),
            };
            table.row(&format!("{name}, {unit}"), [number, (*target).to_owned()])
        };
        write!(f, "{}", self.0.iter().fold(table, row))
    }
}

impl Taken {
    /// Nothing to show if Criterion was told to leave it out.
    fn cell(&self, value: impl Fn(&Self) -> String) -> String {
        if self.count() == 0 { nothing() } else { value(self) }
    }
}

fn nothing() -> String {
    "–".into()
}

fn ms(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64() * 1e3)
}

fn us(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

const PARTS: [(Part, &str); 4] = [
    (Part::Coordinator, "… of the coordinating host"),
    (Part::Hosts, "… of the two other hosts"),
    (Part::Signers, "… of the three signers"),
    (Part::Kms, "… of the KMS stand-in"),
];
