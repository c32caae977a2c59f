//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{
    attest, audit, demo, doctor, enclave, group, image, key, kms, manifest, operator, policy, pools, recovery,
    requester, requests, session, sign, sim, status, switch,
};

/// Threshold signatures by attested enclaves: no machine ever holds a whole key.
///
/// Start with `cloister demo`. To work by hand: `cloister sim up` in one terminal, and in another `cloister key create`, `cloister
/// sign` and the rest.
#[derive(Parser, Debug)]
#[command(name = "cloister", version, after_help = EXIT_CODES, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Answer with one JSON object on stdout, failures included.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Show everything once: start a group, make keys, kill and restart it, sign, and verify.
    Demo(demo::Arguments),
    /// Run a simulated group.
    #[command(subcommand)]
    Sim(sim::Command),
    /// Make and look at keys.
    #[command(subcommand)]
    Key(key::Command),
    /// Have a transaction or text signed.
    Sign(sign::Arguments),
    /// Have the signers attest, or verify a document.
    Attest(attest::Arguments),
    /// Export and verify the audit trail.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Operators' keys.
    #[command(subcommand)]
    Operator(operator::Command),
    /// The manifest: what is fixed for a group's life.
    #[command(subcommand)]
    Manifest(manifest::Command),
    /// What an enclave image is, before it runs.
    #[command(subcommand)]
    Image(image::Command),
    /// Signers' KMS keys: write their policies, and find what a policy leaves open.
    #[command(subcommand)]
    Kms(kms::Command),
    /// The enclave of this machine: start it and watch over it.
    #[command(subcommand)]
    Enclave(enclave::Command),
    /// Look for what is wrong with a signer's machine, and say what to do about it.
    ///
    /// Looks at the machine (Nitro, allocator, huge pages, clock, disk, open files), the enclave that runs, the KMS key policies, certificates,
    /// and what the group's numbers buy. Exits with 1 if something is wrong, with 4 if something is not what it should be.
    Doctor(doctor::Arguments),
    /// Start a group.
    #[command(subcommand)]
    Group(group::Command),
    /// Who may ask for what.
    #[command(subcommand)]
    Requester(requester::Command),
    /// What keys may sign, and who has to agree: policy files, read, tested, explained and put into force.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Requests that wait for members' approvals.
    #[command(subcommand)]
    Requests(requests::Command),
    /// Say that a request may be signed: `requests approve`.
    Approve(requests::WordArguments),
    /// Say that a request may never be signed: `requests reject`.
    Reject(requests::WordArguments),
    /// Take back a request of your own: `requests cancel`.
    Cancel(requests::WordArguments),
    /// Session keys: other keys that may ask in your name, for less and for a while.
    #[command(subcommand)]
    Session(session::Command),
    /// Kill switches: any operator closes, the quorum opens.
    #[command(subcommand)]
    Switch(switch::Command),
    /// Another credential for a member who lost its own: guardians agree, its holder or any operator can stop them.
    #[command(subcommand)]
    Recovery(recovery::Command),
    /// What a host keeps ready for signatures.
    Pools(pools::Arguments),
    /// Where every signer stands.
    Status(status::Arguments),
}

const EXIT_CODES: &str = "Exit codes: 0 what was asked is true or done; 1 this machine, the network or a host failed; 2 the request itself is \
wrong; 3 the group refused; 4 something did not verify.";

const EXAMPLES: &str = "Examples:
  cloister demo
  cloister sim up --signers 3 --threshold 2
  cloister key create --scheme ed25519 --name treasury
  cloister key address --key hot --path m/0/5 --chain ethereum
  cloister sign --key treasury --chain solana transfer.b64
  cloister sign --key hot --chain ethereum unsigned.json
  echo -n 'I am the treasury' | cloister sign --key treasury --chain message -
  cloister attest --signer 1 --save signer-1.cose
  cloister attest verify signer-1.cose --at document

Exit codes:
  0  what was asked is true or done
  1  this machine, the network or a host failed
  2  the request itself is wrong
  3  the group refused
  4  something did not verify: do not go on

docs/cli.md lists the JSON fields of every command.";

#[cfg(test)]
mod documented;
