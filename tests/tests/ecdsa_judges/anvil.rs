//! An Ethereum node on this machine.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::judge::installed;

/// The chain that anvil runs.
pub(crate) const CHAIN_ID: u64 = 31_337;
/// An account of anvil's well-known mnemonic, and its secret key.
pub(crate) const DEVELOPER: [&str; 2] = [
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
];

/// The program itself, for x86-64: what it calls `anvil` is a script that starts it and would leave it behind.
const PROGRAM: &str = "ecdsa/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil";

/// A fresh chain, which mines every transaction at once. It stops when it is dropped.
pub(crate) struct Anvil {
    child: Child,
    url: String,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Anvil {
    /// On a free port.
    pub(crate) fn start() -> Self {
        let chain_id = CHAIN_ID.to_string();
        let mut child = Command::new(installed(PROGRAM))
            .args(["--port", "0", "--chain-id", &chain_id])
            .stdout(Stdio::piped())
            .spawn()
            .expect("anvil starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("Listening on ")?.to_owned()));
        let url = format!("http://{}", address.expect("anvil says where it listens"));
        // What it says later is of no interest, but it must not wait for a reader.
        thread::spawn(move || lines.for_each(drop));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { child, url, http, runtime: Runtime::new().expect("a runtime") }
    }

    /// Calls a method of the node.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.runtime.block_on(async {
            let answer = self.http.post(&self.url).json(&body).send().await.expect("an answer");
            answer.json::<Value>().await.expect("JSON")
        });
        assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
        answer["result"].clone()
    }

    /// What an account has.
    pub(crate) fn balance(&self, address: &str) -> u128 {
        quantity(&self.call("eth_getBalance", json!([address, "latest"])))
    }

    /// The receipt of a transaction, once it is mined.
    pub(crate) fn receipt(&self, hash: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash]));
            if !receipt.is_null() {
                return receipt;
            }
            assert!(Instant::now() < deadline, "{hash} is not mined");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // Gone already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A number as nodes write it; nothing is zero.
pub(crate) fn quantity(number: &Value) -> u128 {
    let digits = number.as_str().map_or("0", |text| text.trim_start_matches("0x"));
    u128::from_str_radix(digits, 16).expect("a number")
}
