//! A part of a simulated group as a process of its own: signer, KMS stand-in or host, as its first argument says.

use std::process::ExitCode;

fn main() -> ExitCode {
    match cloister_simulator::group::run_hidden(std::env::args_os()) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(error)) => {
            eprintln!("cloister-test-part: {error:#}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("cloister-test-part: only tests start this program");
            ExitCode::FAILURE
        }
    }
}
