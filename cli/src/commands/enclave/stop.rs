use std::fmt;

use clap::Args;
use cloister_host::nitro::NitroCli;
use serde::Serialize;

use super::Named;
use crate::{failure::Failure, output::Output};

#[derive(Args, Debug)]
pub(crate) struct Stop {
    #[command(flatten)]
    named: Named,
}

impl Stop {
    pub(super) async fn run(&self, nitro: &NitroCli, output: &Output) -> Result<(), Failure> {
        let mut stopped = Vec::new();
        for enclave in nitro.describe().await?.into_iter().filter(|enclave| enclave.name == self.named.name) {
            nitro.terminate(&enclave).await?;
            stopped.push(enclave.id);
        }
        output.answer(&Stopped { name: self.named.name.clone(), stopped });
        Ok(())
    }
}

#[derive(Serialize)]
struct Stopped {
    name: String,
    /// Ids of the enclaves that ran under this name.
    stopped: Vec<String>,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stopped[..] {
            [] => write!(f, "no enclave named {} ran", self.name),
            stopped => write!(f, "ended {}", stopped.join(", ")),
        }
    }
}
