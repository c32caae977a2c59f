use std::{collections::BTreeMap, fmt};

use cloister_host::nitro::Enclave;
use cloister_wire::{ids::Pcr, manifest::Measurements};
use serde::Serialize;

use crate::{
    failure::{Exit, Failure},
    output::Lines,
};

/// An enclave, as it is shown.
#[derive(Serialize)]
pub(super) struct Shown {
    name: String,
    id: String,
    cid: u32,
    cpus: u64,
    memory_mib: u64,
    state: String,
    debug: bool,
    /// The registers that `nitro-cli` knows.
    measurements: BTreeMap<String, String>,
    /// Whether they are the image's; unknown without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_expected: Option<bool>,
}

impl Shown {
    pub(super) fn new(enclave: Enclave, as_expected: Option<bool>) -> Self {
        let debug = enclave.is_in_debug_mode();
        let Enclave { name, id, cid, cpus, memory_mib, state, mut measurements, .. } = enclave;
        measurements.retain(|register, _| register.starts_with("PCR"));
        Self { name, id, cid, cpus, memory_mib, state, debug, measurements, as_expected }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = Lines::new()
            .line("enclave", format!("{}, {}", self.name, self.state.to_lowercase()))
            .line("id", &self.id)
            .line("vsock", format!("CID {}", self.cid))
            .line("size", format!("{} processors, {} MiB", self.cpus, self.memory_mib))
            .maybe("debug mode", self.debug.then_some("ON: whoever owns this machine can read it"))
            .maybe(
                "image",
                self.as_expected.map(|yes| if yes { "as pcr.json has it" } else { "ANOTHER than pcr.json's" }),
            );
        write!(f, "{lines}")
    }
}

/// Why an enclave is not to be used as one of this release, if it is not.
pub(crate) fn differs(enclave: &Enclave, release: &Measurements) -> Option<Failure> {
    if enclave.is_in_debug_mode() {
        let message = format!(
            "the enclave {} runs in debug mode: its measurements are all zero for everybody else",
            enclave.name
        );
        let hint = "No --pcrs fits it, whichever image it is. End it with `cloister enclave stop`, and start it with `cloister enclave run`.";
        return Some(Failure::new(Exit::Unverified, "enclave_debug", message, hint));
    }
    let demanded = [("PCR0", release.pcr0), ("PCR1", release.pcr1), ("PCR2", release.pcr2)];
    let demanded = demanded.into_iter().chain(release.pcr8.map(|pcr| ("PCR8", pcr)));
    let (register, expected) = demanded.into_iter().find(|(register, expected)| !shows(enclave, register, expected))?;
    let found = enclave.measurements.get(register).map_or("nothing", String::as_str);
    let message = format!("{register} of the enclave {} is {found}, and the image's is {expected}", enclave.name);
    let hint = "Either another image runs, or this pcr.json is another image's: `cloister image verify --eif FILE --against PCR_JSON` compares the \
                two. Start the image that belongs to it: `cloister enclave stop`, then `cloister enclave run`.";
    Some(Failure::new(Exit::Unverified, "enclave_differs", message, hint))
}

fn shows(enclave: &Enclave, register: &str, expected: &Pcr) -> bool {
    enclave.measurements.get(register).is_some_and(|found| *found == expected.to_string())
}
