//! Every bound of this crate in one table. Sources: the Nitro Secure Module specification ("NSM": AWS Nitro Enclaves
//! user guide, "Cryptographic attestation") and, where it is silent, a small multiple of what AWS has been seen to emit.

/// A whole attestation document, bytes (NSM: responses are at most 16 KiB).
pub const DOCUMENT: usize = 16 * 1024;
/// `module_id`, bytes.
pub const MODULE_ID: usize = 256;
/// One certificate, DER bytes (NSM).
pub const CERTIFICATE: usize = 1024;
/// Certificates of a `cabundle`: AWS emits four.
pub const CA_BUNDLE: usize = 8;
/// Registers of a document (NSM: index 0 to 31).
pub const PCRS: u8 = 32;
/// `user_data`, bytes (NSM).
pub const USER_DATA: usize = 512;
/// `nonce`, bytes (NSM).
pub const NONCE: usize = 512;
/// `public_key`, bytes (NSM).
pub const PUBLIC_KEY: usize = 1024;
/// How far a document may come from the future, milliseconds: our clock may be this far behind the hypervisor's.
pub const CLOCK_SKEW_MS: u64 = 60_000;

/// A KMS recipient envelope, bytes (KMS returns at most 6,144).
pub const ENVELOPE: usize = 8 * 1024;
/// Nesting of a recipient envelope: CMS needs eight.
pub const ENVELOPE_DEPTH: u8 = 12;
