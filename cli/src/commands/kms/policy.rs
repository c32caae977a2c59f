//! `cloister kms policy`.

mod build;
mod lint;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cloister_client::{Error, operator};
use cloister_wire::{
    endorsement::Endorsed,
    ids::SignerId,
    manifest::{Manifest, SignerSlot, ValidManifest},
};

use crate::{document, failure::Failure, image::Image, output::Output};

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Write the final policy of one signer's KMS key.
    ///
    /// Only the parent role may ask for kms:Decrypt, and only for an enclave that shows PCR0, 1, 2, 3, 16 and 17 (and 8, where the image is
    /// signed) as given. One role may end the key. Nobody may change the policy or grant around it, ever: make the key, take its public key
    /// into the manifest, have the manifest signed, and put this policy last. The same policy is for each key of the signer in the account.
    #[command(after_help = build::EXAMPLE)]
    Build(build::Build),
    /// Find what a key policy leaves open. Exits with 4 if it finds anything.
    ///
    /// What is said of the image and signer is compared; without it, only the policy's shape is looked at.
    #[command(after_help = lint::EXAMPLE)]
    Lint(lint::Lint),
}

pub(crate) fn run(command: Command, output: &Output) -> Result<(), Failure> {
    match command {
        Command::Build(build) => build.run(output),
        Command::Lint(lint) => lint.run(output),
    }
}

/// One signer of a signed manifest.
pub(in crate::commands) struct Member {
    pub(in crate::commands) manifest: ValidManifest,
    pub(in crate::commands) slot: SignerSlot,
}

impl Member {
    pub(in crate::commands) fn read(file: &Path, signer: SignerId) -> Result<Self, Failure> {
        Self::of(Self::manifest(file)?, signer)
    }

    /// The signer of that number.
    pub(in crate::commands) fn of(manifest: ValidManifest, signer: SignerId) -> Result<Self, Failure> {
        let Some(slot) = manifest.slot(signer).cloned() else {
            let message = format!("the manifest has {} signers, and no signer {signer}", manifest.signers.len());
            return Err(Failure::usage(message, "`cloister manifest show` lists them."));
        };
        Ok(Self { manifest, slot })
    }

    /// Takes a manifest that a quorum has signed.
    pub(in crate::commands) fn manifest(file: &Path) -> Result<ValidManifest, Failure> {
        let endorsed: Endorsed<Manifest> = document::read(file)?;
        let manifest = operator::read_manifest(&endorsed).map_err(Error::from)?;
        endorsed.verify(&manifest).map_err(|why| Error::NotEndorsed { what: "manifest", why })?;
        Ok(manifest)
    }

    /// Takes a manifest whoever has signed it, to look at what it says before that.
    pub(in crate::commands) fn unsigned(file: &Path) -> Result<ValidManifest, Failure> {
        Ok(operator::read_manifest(&document::read(file)?).map_err(Error::from)?)
    }
}

/// Which generation of keys a policy is for.
#[derive(Args, Debug)]
struct Generation {
    /// The policy is for a later generation of keys, whose release the manifest does not name.
    #[arg(long, requires_all = ["manifest", "pcrs"])]
    later_generation: bool,
}

impl Generation {
    /// Whether one of the releases is the manifest's, as that of the first generation has to be.
    fn is_of<'a>(&self, manifest: &ValidManifest, mut images: impl Iterator<Item = &'a Image>) -> bool {
        self.later_generation || images.any(|image| image.release == manifest.release)
    }
}

/// A second accepted release.
#[derive(Args, Debug)]
struct Second {
    /// The pcr.json of a second release that is accepted. Costs what rotating keys buys: the older image opens what the newer seals, for as
    /// long as the key lives, whatever is found to be wrong with it.
    #[arg(long = "also-accept", value_name = "PCR_JSON")]
    other: Option<PathBuf>,
}

impl Second {
    fn read(&self) -> Result<Option<Image>, Failure> {
        self.other.as_deref().map(Image::read).transpose()
    }
}
