//! What the signer needs of a Nitro Secure Module.

use cloister_protocol::{DeviceAnswer, DeviceCall};
use cloister_wire::ids::Pcr;

/// The module that measures and attests. [`crate::nsm::NitroNsm`] is the real one.
pub trait Nsm: Send {
    /// Extends register `index` with `data`, then locks it, so that it keeps its value and stands in every later document.
    ///
    /// # Errors
    /// [`DeviceFailed`]; the register may then be extended and not locked.
    fn measure(&mut self, index: u8, data: &[u8]) -> Result<(), DeviceFailed>;

    /// PCR0: the measurement of the image that runs.
    ///
    /// # Errors
    /// [`DeviceFailed`].
    fn image(&mut self) -> Result<Pcr, DeviceFailed>;

    /// Makes an attestation document, a COSE_Sign1 of at most 16 KiB.
    ///
    /// # Errors
    /// [`DeviceFailed`].
    fn attest(&mut self, user_data: &[u8], nonce: Option<&[u8]>, public_key: &[u8]) -> Result<Vec<u8>, DeviceFailed>;
}

/// The module did not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Nitro Secure Module refused or could not be reached")]
pub struct DeviceFailed;

/// Carries out what the signer asks for.
pub(crate) fn perform(nsm: &mut impl Nsm, call: &DeviceCall) -> DeviceAnswer {
    match call {
        DeviceCall::Measure { pcrs } => {
            let measured = pcrs.iter().try_for_each(|(index, hash)| nsm.measure(*index, hash.as_bytes()));
            let image = measured.and_then(|()| nsm.image());
            image.map_or(DeviceAnswer::Failed, |image| DeviceAnswer::Measured { image })
        }
        DeviceCall::Attest { user_data, nonce, public_key } => {
            let document = nsm.attest(user_data.as_bytes(), nonce.as_deref(), public_key);
            document.map_or(DeviceAnswer::Failed, DeviceAnswer::Document)
        }
    }
}
