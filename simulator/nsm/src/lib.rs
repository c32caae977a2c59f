//! A stand-in for the Nitro Secure Module: registers, and documents with real signatures under a test root.
//!
//! ```text
//!   TestRoot ──▶ zonal authority ──▶ instance authority ──▶ leaf (3 hours) ──signs──▶ documents
//!   a file        made anew, with everything after it, shortly before the leaf expires
//! ```
//!
//! The production verifier reads these documents as it reads AWS's; only the root differs. That root is worth nothing: whoever can
//! read its key file can pose as any simulated enclave.
//!
//! A crate of its own, since the rehearsal image's program links it with the enclave's library and nothing else of the simulator's:
//! [`Rehearsal`].

mod chain;
mod document;
mod rehearsal;
mod root;

use std::time::{SystemTime, UNIX_EPOCH};

use cloister_attestation::{Pcr, PcrIndex, UnixMillis, limits};
use cloister_enclave::device::{DeviceFailed, Nsm};
use cloister_wire::ids;

pub use rehearsal::Rehearsal;
pub use root::{TestRoot, TestRootError};

use chain::Chain;

/// One enclave's security module. Not shared: an enclave boot makes its own, as Nitro does.
pub struct StandInNsm {
    root: TestRoot,
    module: ModuleId,
    registers: [Register; limits::PCRS as usize],
    chain: Option<Chain>,
}

/// What documents name a module: `<instance>-enc<17 hex>`, where the instance is `i-<17 hex>`.
struct ModuleId(String);

#[derive(Clone, Copy)]
struct Register {
    value: Pcr,
    lock: Lock,
}

/// Whether a register may still be extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It may.
    Open,
    /// It has its final value, and appears in documents.
    Locked,
}

/// The NSM's error codes that a caller can meet here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NsmError {
    /// Register above 31.
    #[error("InvalidIndex: registers are numbered 0 to 31")]
    InvalidIndex,
    /// The register is locked.
    #[error("ReadOnlyIndex: this register is locked")]
    ReadOnlyIndex,
    /// Longer than the NSM takes.
    #[error("InputTooLarge: shorten the input")]
    InputTooLarge,
    /// Empty where the NSM demands something.
    #[error("InvalidArgument: public_key must not be empty")]
    InvalidArgument,
    /// A signature or key could not be made.
    #[error("InternalError: the stand-in could not sign")]
    InternalError,
}

impl StandInNsm {
    /// A module under `root` with these registers (the rest are zero); 0 to 15 are locked, as after a boot on Nitro.
    pub fn new(root: TestRoot, pcrs: &[(u8, Pcr)]) -> Result<Self, NsmError> {
        let mut registers = [Register { value: Pcr::ZERO, lock: Lock::Open }; limits::PCRS as usize];
        for register in &mut registers[..LOCKED_AT_BOOT] {
            register.lock = Lock::Locked;
        }
        for &(index, value) in pcrs {
            registers.get_mut(usize::from(index)).ok_or(NsmError::InvalidIndex)?.value = value;
        }
        Ok(StandInNsm { root, module: ModuleId::random()?, registers, chain: None })
    }

    /// `DescribePCR`.
    pub fn describe_pcr(&self, index: u8) -> Result<(Pcr, Lock), NsmError> {
        let register = self.registers.get(usize::from(index)).ok_or(NsmError::InvalidIndex)?;
        Ok((register.value, register.lock))
    }

    /// `ExtendPCR` with 0 to 512 bytes; returns the new value.
    pub fn extend_pcr(&mut self, index: u8, data: &[u8]) -> Result<Pcr, NsmError> {
        bounded(Some(data), EXTEND_DATA)?;
        let register = self.open_register(index)?;
        register.value = register.value.extended(data);
        Ok(register.value)
    }

    /// `LockPCR`: the register keeps its value and appears in every later document.
    pub fn lock_pcr(&mut self, index: u8) -> Result<(), NsmError> {
        self.open_register(index)?.lock = Lock::Locked;
        Ok(())
    }

    /// `Attestation`: an untagged COSE_Sign1 over these fields and all locked registers, dated `now_ms`.
    ///
    /// Takes at most 512, 512 and 1,024 bytes. Costs one P-384 signature, and three key pairs and certificates every few hours.
    pub fn attest(
        &mut self,
        user_data: Option<&[u8]>,
        nonce: Option<&[u8]>,
        public_key: Option<&[u8]>,
        now_ms: u64,
    ) -> Result<Vec<u8>, NsmError> {
        bounded(user_data, limits::USER_DATA)?;
        bounded(nonce, limits::NONCE)?;
        bounded(public_key, limits::PUBLIC_KEY)?;
        if public_key.is_some_and(<[u8]>::is_empty) {
            return Err(NsmError::InvalidArgument);
        }
        let now = UnixMillis(now_ms);
        let pcrs: Vec<(u8, Pcr)> =
            (0..).zip(self.registers).filter(|(_, r)| r.lock == Lock::Locked).map(|(i, r)| (i, r.value)).collect();
        let fields = document::Fields { module_id: &self.module.0, timestamp: now, pcrs, user_data, nonce, public_key };
        Chain::serving(&mut self.chain, &self.root, &self.module, now)?.sign(&fields)
    }

    /// The name that documents give this module.
    pub fn module_id(&self) -> &str {
        &self.module.0
    }

    fn open_register(&mut self, index: u8) -> Result<&mut Register, NsmError> {
        let index = PcrIndex::new(index).ok_or(NsmError::InvalidIndex)?;
        let register = &mut self.registers[usize::from(index.get())];
        match register.lock {
            Lock::Open => Ok(register),
            Lock::Locked => Err(NsmError::ReadOnlyIndex),
        }
    }
}

impl Nsm for StandInNsm {
    fn measure(&mut self, index: u8, data: &[u8]) -> Result<(), DeviceFailed> {
        self.extend_pcr(index, data).and_then(|_| self.lock_pcr(index)).map_err(|_| DeviceFailed)
    }

    fn image(&mut self) -> Result<ids::Pcr, DeviceFailed> {
        let (image, _) = self.describe_pcr(0).map_err(|_| DeviceFailed)?;
        Ok(ids::Pcr::from_bytes(*image.as_bytes()))
    }

    fn attest(&mut self, user_data: &[u8], nonce: Option<&[u8]>, public_key: &[u8]) -> Result<Vec<u8>, DeviceFailed> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(since.as_millis()).map_err(|_| DeviceFailed)?;
        StandInNsm::attest(self, Some(user_data), nonce, Some(public_key), now).map_err(|_| DeviceFailed)
    }
}

impl ModuleId {
    fn random() -> Result<ModuleId, NsmError> {
        let [instance, enclave] = [u64::from_be_bytes(random()?), u64::from_be_bytes(random()?)];
        Ok(ModuleId(format!("i-{instance:017x}-enc{enclave:017x}")))
    }

    fn instance(&self) -> &str {
        self.0.rsplit_once("-enc").map_or(&self.0, |(instance, _)| instance)
    }
}

fn random<const N: usize>() -> Result<[u8; N], NsmError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| NsmError::InternalError)?;
    Ok(bytes)
}

fn bounded(field: Option<&[u8]>, most: usize) -> Result<(), NsmError> {
    if field.is_some_and(|bytes| bytes.len() > most) { Err(NsmError::InputTooLarge) } else { Ok(()) }
}

/// Registers that the hypervisor has locked when an enclave starts.
const LOCKED_AT_BOOT: usize = 16;
/// Bytes that `ExtendPCR` takes.
const EXTEND_DATA: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> StandInNsm {
        StandInNsm::new(TestRoot::generate().expect("keys"), &[(0, Pcr::ZERO.extended(b"image"))]).expect("in range")
    }

    #[test]
    fn registers_0_to_15_are_locked_and_the_others_until_asked_are_not() {
        let mut nsm = module();
        assert_eq!(nsm.extend_pcr(15, b"x"), Err(NsmError::ReadOnlyIndex));
        assert_eq!(nsm.extend_pcr(16, b"x"), Ok(Pcr::ZERO.extended(b"x")));
        assert_eq!(nsm.extend_pcr(16, b"y"), Ok(Pcr::ZERO.extended(b"x").extended(b"y")));
        assert_eq!(nsm.lock_pcr(16), Ok(()));
        assert_eq!(nsm.lock_pcr(16), Err(NsmError::ReadOnlyIndex));
        assert_eq!(nsm.extend_pcr(16, b"z"), Err(NsmError::ReadOnlyIndex));
        assert_eq!(nsm.describe_pcr(16), Ok((Pcr::ZERO.extended(b"x").extended(b"y"), Lock::Locked)));
        assert_eq!(nsm.extend_pcr(32, b"x"), Err(NsmError::InvalidIndex));
    }

    #[test]
    fn refuses_what_the_real_module_refuses() {
        let mut nsm = module();
        assert_eq!(nsm.attest(Some(&[0; 513]), None, None, 1), Err(NsmError::InputTooLarge));
        assert_eq!(nsm.attest(None, Some(&[0; 513]), None, 1), Err(NsmError::InputTooLarge));
        assert_eq!(nsm.attest(None, None, Some(&[0; 1025]), 1), Err(NsmError::InputTooLarge));
        assert_eq!(nsm.attest(None, None, Some(&[]), 1), Err(NsmError::InvalidArgument));
        assert_eq!(nsm.extend_pcr(16, &[0; 513]), Err(NsmError::InputTooLarge));
    }
}
