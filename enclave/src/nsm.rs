//! The real Nitro Secure Module: `/dev/nsm`.

use std::{
    fs::{File, OpenOptions},
    io,
    os::fd::AsRawFd,
};

use aws_nitro_enclaves_nsm_api::{
    api::{Request, Response},
    driver::nsm_process_request,
};

use cloister_wire::ids::Pcr;

use crate::device::{DeviceFailed, Nsm};

/// The open device. There is no fall-back: without it, an enclave does not start.
#[derive(Debug)]
pub struct NitroNsm(File);

impl NitroNsm {
    /// Opens `/dev/nsm`.
    ///
    /// # Errors
    /// If the kernel has no such device: this is no Nitro enclave.
    pub fn open() -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open("/dev/nsm").map(Self)
    }

    /// 32 to 256 bytes of the module's own randomness.
    ///
    /// # Errors
    /// [`DeviceFailed`], also if it gives fewer.
    pub fn random(&self) -> Result<Vec<u8>, DeviceFailed> {
        match self.ask(Request::GetRandom) {
            Response::GetRandom { random } if random.len() >= 32 => Ok(random),
            _ => Err(DeviceFailed),
        }
    }

    fn ask(&self, request: Request) -> Response {
        nsm_process_request(self.0.as_raw_fd(), request)
    }
}

impl Nsm for NitroNsm {
    fn measure(&mut self, index: u8, data: &[u8]) -> Result<(), DeviceFailed> {
        let index = u16::from(index);
        let Response::ExtendPCR { .. } = self.ask(Request::ExtendPCR { index, data: data.to_vec() }) else {
            return Err(DeviceFailed);
        };
        match self.ask(Request::LockPCR { index }) {
            Response::LockPCR => Ok(()),
            _ => Err(DeviceFailed),
        }
    }

    fn image(&mut self) -> Result<Pcr, DeviceFailed> {
        match self.ask(Request::DescribePCR { index: 0 }) {
            Response::DescribePCR { data, .. } => Pcr::try_from(data.as_slice()).map_err(|_| DeviceFailed),
            _ => Err(DeviceFailed),
        }
    }

    fn attest(&mut self, user_data: &[u8], nonce: Option<&[u8]>, public_key: &[u8]) -> Result<Vec<u8>, DeviceFailed> {
        let request = Request::Attestation {
            user_data: Some(user_data.to_vec().into()),
            nonce: nonce.map(|nonce| nonce.to_vec().into()),
            public_key: Some(public_key.to_vec().into()),
        };
        match self.ask(request) {
            Response::Attestation { document } => Ok(document),
            _ => Err(DeviceFailed),
        }
    }
}
