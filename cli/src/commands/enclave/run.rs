use std::path::PathBuf;

use clap::Args;
use cloister_host::nitro::{Enclave, NitroCli, Start};
use cloister_wire::manifest::Measurements;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    Named,
    lock::Lock,
    shown::Shown,
    supervisor::{Event, Pace, Stranger, Supervisor},
};
use crate::{
    commands::image,
    failure::{Exit, Failure},
    image::Image,
    kms_policy::pcr,
    output::Output,
};

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
    /// End an enclave that runs under this name and is another image, and start this one in its place.
    #[arg(long)]
    replace: bool,
}

impl Run {
    pub(super) async fn run(&self, nitro: &NitroCli, output: &Output) -> Result<(), Failure> {
        let image = Image::read(&self.pcrs)?;
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
        let bytes = self.check_image(&image.release)?;
        check_size(&start, bytes)?;
        let _lock = Lock::take(&self.named.name)?;
        let stranger = if self.replace { Stranger::IsReplaced } else { Stranger::IsLeft };
        let supervisor = Supervisor::new(nitro, start, image.release, stranger, Pace::default());
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

    /// Reads the image as `image verify` does: nitro-cli gets none that is spoiled or measures something else. Answers with its bytes.
    fn check_image(&self, release: &Measurements) -> Result<u64, Failure> {
        let image = image::read(&self.eif)?;
        let measured = image.measurements();
        let registers = [
            ("PCR0", Some(measured.pcr0), Some(release.pcr0)),
            ("PCR1", Some(measured.pcr1), Some(release.pcr1)),
            ("PCR2", Some(measured.pcr2), Some(release.pcr2)),
            ("PCR8", measured.pcr8, release.pcr8),
        ];
        let differs = registers.into_iter().find(|(_, found, named)| *found != named.as_ref().map(pcr));
        let Some((register, ..)) = differs else {
            return image::does_not_start(&image).map_or(Ok(image.bytes() as u64), Err);
        };
        let message = format!("{} is not the image of {}: {register} differs", self.eif.display(), self.pcrs.display());
        let hint = "Give an image and the pcr.json that was made with it: `cloister image verify --eif FILE --against PCR_JSON`.";
        Err(Failure::new(Exit::Unverified, "image_differs", message, hint))
    }
}

/// What nitro-cli would refuse in words of its own.
fn check_size(start: &Start<'_>, image: u64) -> Result<(), Failure> {
    if start.cpus == 0 {
        return Err(Failure::usage("an enclave has at least one processor", "Say how many with --cpus."));
    }
    let least = (4 * image).div_ceil(1 << 20).max(LEAST_MEMORY_MIB);
    if start.memory_mib < least {
        let message = format!("{} MiB are too little for this image: nitro-cli asks for {least}", start.memory_mib);
        return Err(Failure::usage(message, "Give more with --memory-mib, or leave it to pcr.json."));
    }
    Ok(())
}

/// The least that nitro-cli takes, beside four times the image.
const LEAST_MEMORY_MIB: u64 = 64;

/// Says once what runs, and what becomes of it in notes.
fn tell(event: &Event<'_>, first: &mut bool, output: &Output) {
    match event {
        Event::Running(enclave) if std::mem::take(first) => {
            output.answer(&Shown::new(Enclave::clone(enclave), Some(true)));
        }
        Event::Running(enclave) => output.note(format!("the enclave runs again: {}, CID {}", enclave.id, enclave.cid)),
        Event::Elsewhere(enclave, cid) => output.note(format!(
            "the enclave that runs already has CID {}, and not {cid}: a host that connects to vsock:{cid} does not find it. \
             `cloister enclave stop` ends it, and it is then started with CID {cid}",
            enclave.cid
        )),
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
