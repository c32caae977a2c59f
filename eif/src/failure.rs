//! Why nothing was built or signed: a stable code, a sentence, what to do, and the exit code, as `cloister` has them.

use std::{
    fmt::{self, Display},
    io,
    path::Path,
    process::ExitCode,
};

use serde::Serialize;

/// A failed order.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// What kind of failure.
    pub code: Code,
    /// What is wrong, and where.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The result of a part of an order.
pub type Result<T> = std::result::Result<T, Failure>;

/// The kinds of failure. Their names in `snake_case` are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Arguments that cannot be read or carried out.
    Usage,
    /// What was given is no checkout of Cloister, or one with a broken recipe.
    CheckoutInvalid,
    /// Cargo would take settings from outside the checkout that change what compilers make.
    SettingsForeign,
    /// What was given is no enclave image, or a damaged one.
    ImageInvalid,
    /// What was given is no certificate by which Nitro would start an image.
    CertificateInvalid,
    /// What was given is no signature.
    SignatureInvalid,
    /// The signature is not the certificate's over this image.
    SignatureUnfit,
    /// The image is signed already.
    ImageSigned,
    /// The key, in a file or in KMS, did not sign.
    KeyFailed,
    /// A new file's name is taken.
    FileExists,
    /// A file cannot be read or written.
    File,
    /// A compiler or another program is not installed.
    ToolMissing,
    /// It is, and failed.
    ToolFailed,
    /// The kernel's source cannot be had.
    SourceMissing,
    /// It is another than the pinned one.
    SourceDiffers,
    /// The kernel would be built otherwise than its configuration says.
    KernelConfig,
}

impl Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl Code {
    /// 1: this machine or the network; 2: what was asked for cannot be; 4: something did not verify.
    fn exit(self) -> u8 {
        match self {
            Self::KeyFailed
            | Self::File
            | Self::ToolMissing
            | Self::ToolFailed
            | Self::SourceMissing
            | Self::KernelConfig => 1,
            Self::Usage
            | Self::CheckoutInvalid
            | Self::SettingsForeign
            | Self::ImageInvalid
            | Self::CertificateInvalid
            | Self::SignatureInvalid
            | Self::ImageSigned
            | Self::FileExists => 2,
            Self::SignatureUnfit | Self::SourceDiffers => 4,
        }
    }
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Display, hint: impl Into<String>) -> Self {
        Self { code, message: message.to_string(), hint: hint.into() }
    }

    /// A file that cannot be read, made or written.
    pub(crate) fn file(path: &Path, why: impl Display) -> Self {
        Self::new(
            Code::File,
            format!("{}: {why}", path.display()),
            "Check the path, its permissions and the room on its disk.",
        )
    }

    /// A program that said something else than it should.
    pub(crate) fn tool(program: &str, why: impl Display) -> Self {
        Self::new(Code::ToolFailed, format!("{program}: {why}"), "eif/README.md lists what a build needs.")
    }
}

impl From<io::Error> for Failure {
    fn from(why: io::Error) -> Self {
        Self::new(Code::File, why, "Check permissions, and the room on the disks of temporary files and of the cache.")
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        ExitCode::from(failure.code.exit())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
