//! The KMS stand-in as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    match cloister_simulator::kms::run(std::env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloister-sim-kms: {error}");
            ExitCode::FAILURE
        }
    }
}
