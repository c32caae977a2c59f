use std::path::PathBuf;

use clap::Args;
use cloister_host::nitro::NitroCli;

use super::{Named, differs, shown::Shown};
use crate::{failure::Failure, image::Image, output::Output};

#[derive(Args, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    named: Named,
    /// The pcr.json of the image that it should be.
    #[arg(long, value_name = "PCR_JSON")]
    pcrs: Option<PathBuf>,
}

impl Status {
    pub(super) async fn run(&self, nitro: &NitroCli, output: &Output) -> Result<(), Failure> {
        let image = self.pcrs.as_deref().map(Image::read).transpose()?;
        let enclave = nitro.find(&self.named.name).await?;
        let failure = image.as_ref().and_then(|image| differs(&enclave, &image.release));
        let shown = Shown::new(enclave, image.map(|_| failure.is_none()));
        match failure {
            Some(failure) => Err(output.answer_failed(&shown, failure)),
            None => {
                output.answer(&shown);
                Ok(())
            }
        }
    }
}
