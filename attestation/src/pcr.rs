use core::fmt;

use sha2::{Digest, Sha384};

use crate::limits;

/// The value of one platform configuration register: a SHA-384 hash, 48 bytes, shown as 96 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pcr([u8; Pcr::LEN]);

impl Pcr {
    /// Bytes in a register.
    pub const LEN: usize = 48;
    /// A register that was never extended; in PCR0, 1 or 2 the sign of debug mode.
    pub const ZERO: Pcr = Pcr([0; Pcr::LEN]);

    /// The 48 bytes.
    pub fn as_bytes(&self) -> &[u8; Pcr::LEN] {
        &self.0
    }

    /// The register after `data` was measured into it: SHA-384(old value ‖ data), as the NSM's `ExtendPCR` does.
    #[must_use]
    pub fn extended(self, data: &[u8]) -> Pcr {
        Pcr(Sha384::new().chain_update(self.0).chain_update(data).finalize().into())
    }
}

impl From<[u8; Pcr::LEN]> for Pcr {
    fn from(bytes: [u8; Pcr::LEN]) -> Self {
        Pcr(bytes)
    }
}

/// A register value that is not 48 bytes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a PCR is 48 bytes long")]
pub struct WrongPcrLength;

impl TryFrom<&[u8]> for Pcr {
    type Error = WrongPcrLength;

    fn try_from(bytes: &[u8]) -> Result<Self, WrongPcrLength> {
        bytes.try_into().map(Pcr).map_err(|_| WrongPcrLength)
    }
}

impl fmt::Display for Pcr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Pcr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pcr({self})")
    }
}

/// The number of a register: 0 to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PcrIndex(u8);

impl PcrIndex {
    /// The whole enclave image.
    pub const IMAGE: PcrIndex = PcrIndex(0);
    /// Kernel and boot ramdisk.
    pub const KERNEL: PcrIndex = PcrIndex(1);
    /// The application.
    pub const APPLICATION: PcrIndex = PcrIndex(2);
    /// The parent instance's IAM role.
    pub const PARENT_ROLE: PcrIndex = PcrIndex(3);
    /// The certificate that signed the image.
    pub const IMAGE_SIGNER: PcrIndex = PcrIndex(8);
    /// The manifest that a signer obeys, extended by the signer.
    pub const MANIFEST: PcrIndex = PcrIndex(16);
    /// Which signer of its group a signer is, extended by the signer.
    pub const SIGNER: PcrIndex = PcrIndex(17);

    /// The register `index`, or nothing above 31.
    pub const fn new(index: u8) -> Option<PcrIndex> {
        if index < limits::PCRS { Some(PcrIndex(index)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PcrIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PCR{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PCR4 of `i-0827e799ec9232d44`, which AWS documents as SHA-384 over 48 zero bytes and the instance id.
    #[test]
    fn extends_as_nitro_does() {
        let pcr4 = Pcr::ZERO.extended(b"i-0827e799ec9232d44");
        assert_eq!(pcr4.to_string(), PCR4);
    }

    #[test]
    fn refuses_an_index_of_32_and_a_length_of_47() {
        assert!(PcrIndex::new(31).is_some());
        assert!(PcrIndex::new(32).is_none());
        assert!(Pcr::try_from([0; 47].as_slice()).is_err());
    }

    const PCR4: &str =
        "7b3574ad9b7e88ec8335e8ce967315fac77218441e97eea9795de704d7f2678d0b298ecda39b544c1689669f48cba5e8";
}
