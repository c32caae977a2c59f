use std::fmt;

use cloister_client::AttestedBoot;
use cloister_wire::ids::SignerId;
use serde::Serialize;

use super::Arguments;
use crate::{
    commands::attest::verify::rfc3339,
    destination::Destination,
    failure::{Exit, Failure},
    output::{Lines, Output},
    progress::Progress,
};

pub(super) async fn run(arguments: Arguments, output: &Output) -> Result<(), Failure> {
    let destination = arguments.save.as_deref().map(Destination::open).transpose()?;
    let progress = Progress::new(output);
    progress.doing("verifying every signer's attestation");
    let attested = arguments.connection.attest().await?;
    drop(progress);
    if let Some(signer) =
        arguments.signer.filter(|only| attested.manifest().signers.iter().all(|slot| slot.id != *only))
    {
        let message = format!("the manifest has no signer {signer}");
        return Err(Failure::new(Exit::Usage, "unknown_signer", message, "Look at `cloister status` for the numbers."));
    }
    let wanted = |signer: SignerId| arguments.signer.is_none_or(|only| only == signer);
    let boots: Vec<_> = attested.boots().iter().filter(|boot| wanted(boot.signer())).collect();
    let absent: Vec<_> = attested.absent().iter().filter(|(signer, _)| wanted(*signer)).collect();
    if let (Some(destination), [boot]) = (destination, boots.as_slice()) {
        destination.write(boot.introduction().document.as_slice())?;
    }
    let view = View {
        group: attested.manifest().group.to_string(),
        manifest_hash: attested.manifest().hash().to_string(),
        verified: absent.is_empty() && !boots.is_empty(),
        signers: boots.iter().map(|boot| BootView::new(boot)).collect(),
        absent: absent.iter().map(|(signer, _)| signer.get()).collect(),
        simulated: arguments.connection.is_simulated()?,
    };
    if view.verified {
        output.answer(&view);
        return Ok(());
    }
    let message = match absent.first() {
        Some((signer, why)) => format!("signer {signer} did not attest: {why}"),
        None => "the group has no such signer".to_owned(),
    };
    let failure = Failure::new(Exit::Failed, "not_attested", message, "Start the signer and its host, and ask again.");
    Err(output.answer_failed(&view, failure))
}

#[derive(Serialize)]
struct View {
    verified: bool,
    group: String,
    manifest_hash: String,
    signers: Vec<BootView>,
    absent: Vec<u16>,
    simulated: bool,
}

#[derive(Serialize)]
struct BootView {
    signer: u16,
    boot: String,
    /// The boot's Ed25519 identity.
    public_key: String,
    /// Absent until a start order has named the boot.
    signer_key: Option<String>,
    attested_at: u64,
}

impl BootView {
    fn new(boot: &AttestedBoot) -> Self {
        Self {
            signer: boot.signer().get(),
            boot: boot.boot().to_string(),
            public_key: boot.identity().to_string(),
            signer_key: boot.signer_key().map(|key| key.to_string()),
            attested_at: boot.attested_at(),
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines =
            Lines::new().line("group", &self.group).line("manifest", &self.manifest_hash).simulated(self.simulated);
        write!(f, "{lines}")?;
        for boot in &self.signers {
            let key = boot.signer_key.as_deref().unwrap_or("none yet: no start order names this boot");
            let lines = Lines::new()
                .line("signer", format!("{}, verified at {}", boot.signer, rfc3339(boot.attested_at)))
                .line("boot", &boot.boot)
                .line("signer key", key);
            write!(f, "\n\n{lines}")?;
        }
        Ok(())
    }
}
