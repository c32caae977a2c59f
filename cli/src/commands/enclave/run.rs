use std::path::PathBuf;

use clap::Args;
use cloister_host::nitro::{Enclave, NitroCli, Start};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Named,
    shown::Shown,
    supervisor::{Event, Pace, Supervisor},
};
use crate::{failure::Failure, image::Image, output::Output};

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// The enclave image.
    #[arg(long, value_name = "FILE")]
    eif: PathBuf,
    /// The pcr.json that was made with the image.
    #[arg(long, value_name = "PCR_JSON")]
    pcrs: PathBuf,
    #[command(flatten)]
    named: Named,
    /// The vsock address; by default a free one, which may be another after each start.
    #[arg(long, value_name = "CID", value_parser = clap::value_parser!(u32).range(4..))]
    cid: Option<u32>,
    /// Memory in place of pcr.json's.
    #[arg(long, value_name = "MIB")]
    memory_mib: Option<u64>,
    /// Virtual processors in place of pcr.json's.
    #[arg(long, value_name = "COUNT")]
    cpus: Option<u64>,
}

impl Run {
    pub(super) async fn run(&self, nitro: &NitroCli, output: &Output) -> Result<(), Failure> {
        let image = Image::read(&self.pcrs)?;
        if !self.eif.is_file() {
            return Err(Failure::file(&self.eif, "there is no such image"));
        }
        let missing = |what: &str, option: &str| {
            Failure::usage(
                format!("{} does not say {what} it needs", self.pcrs.display()),
                &format!("Say it with {option}."),
            )
        };
        let memory_mib = self.memory_mib.or(image.needs.memory_mib);
        let cpus = self.cpus.or(image.needs.cpus);
        let start = Start {
            name: &self.named.name,
            eif: &self.eif,
            cpus: cpus.ok_or_else(|| missing("how many processors", "--cpus"))?,
            memory_mib: memory_mib.ok_or_else(|| missing("how much memory", "--memory-mib"))?,
            cid: self.cid,
        };
        let supervisor = Supervisor::new(nitro, start, image.release, Pace::default());
        let mut first = true;
        let tell = |event: Event<'_>| tell(&event, &mut first, output);
        tokio::select! {
            ended = supervisor.watch(tell) => ended,
            signal = told_to_stop() => {
                signal?;
                supervisor.stop().await
            }
        }
    }
}

/// Says once what runs, and what becomes of it in notes.
fn tell(event: &Event<'_>, first: &mut bool, output: &Output) {
    match event {
        Event::Running(enclave) if std::mem::take(first) => {
            output.answer(&Shown::new(Enclave::clone(enclave), Some(true)));
        }
        Event::Running(enclave) => output.note(format!("the enclave runs again: {}, CID {}", enclave.id, enclave.cid)),
        Event::Ended(pause) => {
            output.note(format!("the enclave has ended; it is started again in {} seconds", pause.as_secs()));
        }
        Event::NotStarted(why, pause) => {
            output.note(format!("{}; tried again in {} seconds", why.message, pause.as_secs()));
        }
        Event::Unanswered(why) => output.note(why),
    }
}

async fn told_to_stop() -> Result<(), Failure> {
    let listen = |kind| signal(kind).map_err(anyhow::Error::from);
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
