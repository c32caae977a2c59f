//! A simulated signer as a process: what it says, what it takes in memory, and when it ends.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use cloister_simulator::{hostile, nsm::TestRoot, signer::image::Image};
use cloister_wire::{
    codec,
    frame::{Header, Kind},
    ids::Nonce,
    limits,
    message::{Body, Outcome, Phase, Request, StatusBody},
    refusal::Refusal,
};
use tempfile::TempDir;

struct Signer {
    process: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Signer {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        TestRoot::generate().unwrap().save(folder.path()).unwrap();
        let socket = folder.path().join("socket");
        let image = Image::measure(PROGRAM.as_ref()).unwrap();
        let registers = image
            .registers("arn:aws:iam::111122223333:role/host", "i-1")
            .map(|(index, value)| format!("--pcr={index}={value}"));
        let mut command = Command::new(PROGRAM);
        command.arg("--socket").arg(&socket).arg("--root").arg(folder.path()).args(registers);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("listening"), "{line}");
        Self { process, socket, _folder: folder }
    }

    fn phase(&self) -> Phase {
        let nonce = Nonce::from_bytes([3; 32]);
        let reply = hostile::ask(&self.socket, &Request::Status { nonce }).unwrap();
        let Outcome::Done(Body::Status(status)) = reply.outcome else { panic!("{:?}", reply.outcome) };
        let status: StatusBody = codec::decode(status.body.as_slice()).unwrap();
        assert_eq!(status.nonce, nonce);
        status.phase
    }

    fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_fresh_signer_is_blank_and_refuses_what_comes_later() {
    let signer = Signer::start();
    assert_eq!(signer.phase(), Phase::Blank);
    let reply = hostile::ask(&signer.socket, &Request::SealSignerKey).unwrap();
    assert_eq!(reply.outcome, Outcome::Refused(Refusal::WrongPhase));
}

#[test]
fn a_flood_of_the_largest_frames_costs_bounded_memory_and_the_signer_goes_on() {
    let signer = Signer::start();
    let payload = vec![0; limits::FRAME];
    for _ in 0..64 {
        let mut stream = UnixStream::connect(&signer.socket).unwrap();
        stream.write_all(&Header::new(Kind::Request, 1, &payload).unwrap().to_bytes()).unwrap();
        stream.write_all(&payload).unwrap();
        stream.read_exact(&mut [0; Header::LEN]).unwrap();
    }
    assert_eq!(signer.phase(), Phase::Blank);
    assert!(signer.resident_kib() <= 24 * 1024, "{} KiB resident", signer.resident_kib());
}

#[test]
fn a_signer_ends_when_its_launcher_does() {
    let mut signer = Signer::start();
    drop(signer.process.stdin.take());
    assert!(signer.process.wait().unwrap().success());
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_cloister-sim-signer");
