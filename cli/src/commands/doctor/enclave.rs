use cloister_host::nitro::{NitroCli, NitroError};

use super::{super::enclave::differs, check::Check};
use crate::{
    failure::{Exit, Failure},
    image::Image,
};

const CHECK: &str = "enclave";

/// What is to be said about the enclave, and whether it has its memory.
pub(super) async fn check(nitro: &NitroCli, name: &str, image: Option<&Image>, here: bool) -> (Check, bool) {
    let enclave = match nitro.find(name).await {
        Ok(enclave) => enclave,
        Err(NitroError::Missing { program }) if !here => {
            return (Check::skipped(CHECK, format!("{program} is not there")), false);
        }
        Err(why) => return (of(why.into()), false),
    };
    let check = match image.map(|image| differs(&enclave, &image.release)) {
        Some(Some(why)) => of(why),
        Some(None) => Check::good(
            CHECK,
            format!(
                "{name} runs with the image's measurements, CID {}, says nitro-cli of the file that it started: no attestation, which is \
                 `cloister attest`",
                enclave.cid
            ),
        ),
        None => {
            Check::skipped(CHECK, format!("{name} runs, CID {}; --pcrs says which image it should be", enclave.cid))
        }
    };
    (check, true)
}

fn of(failure: Failure) -> Check {
    match failure.exit {
        Exit::Unverified => Check::unverified(CHECK, failure.message, failure.hint),
        Exit::Failed | Exit::Usage | Exit::Refused => Check::bad(CHECK, failure.message, failure.hint),
    }
}
