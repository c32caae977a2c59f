//! The operations: each finds its key, asks the key's policy, and then does it.

mod cryptography;
mod keys;
mod policies;

use std::sync::{Arc, RwLock};

use cloister_attestation::UnixMillis;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::arn::{KeyArn, Region};
use super::errors::{Fault, FaultKind, invalid};
use super::key::{Key, KeyState};
use super::policy::{Circumstances, Decision, Policy, Request};
use super::recipient::Recipients;
use super::sigv4::Caller;
use super::store::{KeyFile, KeyFileError};

/// Everything that operations work on.
pub(crate) struct Service {
    file: RwLock<KeyFile>,
    recipients: Recipients,
    regions: Vec<Region>,
}

/// What the API calls an operation; its name is also its action in policies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    name: &'static str,
    perform: fn(&Call<'_>, &[u8]) -> Result<Value, Fault>,
}

impl Operation {
    /// The operation that `X-Amz-Target: TrentService.NAME` asks for.
    pub(crate) fn named(target: &str) -> Result<Self, Fault> {
        let name = target.strip_prefix("TrentService.");
        let found = OPERATIONS.iter().find(|operation| Some(operation.name) == name);
        found
            .copied()
            .ok_or_else(|| Fault::new(FaultKind::UnknownOperation, format!("{target:?} is not provided here.")))
    }
}

/// `TrentService` is what KMS calls itself on the wire.
const OPERATIONS: [Operation; 14] = [
    Operation { name: "CreateKey", perform: keys::create },
    Operation { name: "Decrypt", perform: cryptography::decrypt },
    Operation { name: "DescribeKey", perform: keys::describe },
    Operation { name: "DisableKey", perform: keys::disable },
    Operation { name: "EnableKey", perform: keys::enable },
    Operation { name: "Encrypt", perform: cryptography::encrypt },
    Operation { name: "GenerateDataKey", perform: cryptography::generate_data_key },
    Operation { name: "GenerateRandom", perform: cryptography::generate_random },
    Operation { name: "GetKeyPolicy", perform: policies::get },
    Operation { name: "GetPublicKey", perform: keys::get_public_key },
    Operation { name: "ListGrants", perform: keys::list_grants },
    Operation { name: "ListKeys", perform: keys::list },
    Operation { name: "PutKeyPolicy", perform: policies::put },
    Operation { name: "ScheduleKeyDeletion", perform: keys::schedule_deletion },
];

impl Service {
    pub(crate) fn new(file: KeyFile, recipients: Recipients, regions: Vec<Region>) -> Self {
        Self { file: RwLock::new(file), recipients, regions }
    }

    /// Checks who calls, with the key file at hand.
    pub(crate) fn authenticate(&self, check: impl FnOnce(&KeyFile) -> Result<Caller, Fault>) -> Result<Caller, Fault> {
        let caller = check(&*self.file.read().map_err(|_| broken())?)?;
        if !self.regions.contains(&caller.region) {
            let message = format!("Credential should be scoped to a valid region, not '{}'.", caller.region);
            return Err(Fault::new(FaultKind::InvalidSignature, message));
        }
        Ok(caller)
    }

    /// Performs one operation for an authenticated caller.
    pub(crate) fn perform(
        &self,
        operation: Operation,
        caller: &Caller,
        body: &[u8],
        now: UnixMillis,
    ) -> Result<Value, Fault> {
        (operation.perform)(&Call { service: self, caller, now, action: operation.name }, body)
    }
}

/// One call under way.
struct Call<'a> {
    service: &'a Service,
    caller: &'a Caller,
    now: UnixMillis,
    action: &'static str,
}

impl Call<'_> {
    /// Seconds of Unix time, which the API uses.
    fn seconds(&self) -> u64 {
        self.now.0 / 1000
    }

    /// The key that the request names by id or full ARN, if the caller may do this with it.
    fn key(&self, name: &str, circumstances: &Circumstances) -> Result<Arc<Key>, Fault> {
        let key = self.find(name)?;
        self.authorize(&key, circumstances)?;
        Ok(key)
    }

    fn find(&self, name: &str) -> Result<Arc<Key>, Fault> {
        let arn = self.arn_of(name)?;
        let found = self.read(|file| file.key(&arn))?;
        found.ok_or_else(|| Fault::new(FaultKind::NotFound, format!("Key '{arn}' does not exist")))
    }

    fn arn_of(&self, name: &str) -> Result<KeyArn, Fault> {
        let nothing = || Fault::new(FaultKind::NotFound, format!("Invalid keyId '{name}'"));
        if name.starts_with("arn:") {
            let arn: KeyArn = name.parse().map_err(|_| nothing())?;
            return if *arn.region() == self.caller.region { Ok(arn) } else { Err(nothing()) };
        }
        let id = Uuid::parse_str(name).map_err(|_| nothing())?;
        Ok(KeyArn::new(self.caller.region.clone(), self.caller.principal.account().clone(), id))
    }

    /// Asks the key's policy.
    fn authorize(&self, key: &Key, circumstances: &Circumstances) -> Result<(), Fault> {
        let reason = match self.decide(key.policy(), key.arn(), self.action, circumstances) {
            Decision::Allowed => return Ok(()),
            Decision::Denied => "with an explicit deny in a resource-based policy".into(),
            Decision::NotAllowed => format!("because no resource-based policy allows the kms:{} action", self.action),
        };
        let (who, action, arn) = (&self.caller.principal, self.action, key.arn());
        let message = format!("User: {who} is not authorized to perform: kms:{action} on resource: {arn} {reason}");
        Err(Fault::new(FaultKind::AccessDenied, message))
    }

    fn decide(&self, policy: &Policy, key: &KeyArn, action: &str, circumstances: &Circumstances) -> Decision {
        policy.decide(&Request { caller: &self.caller.principal, action, key, circumstances })
    }

    fn read<T>(&self, look: impl FnOnce(&KeyFile) -> T) -> Result<T, Fault> {
        Ok(look(&*self.service.file.read().map_err(|_| broken())?))
    }

    /// Changes a key as it is at this moment, on disk first.
    fn change(&self, arn: &KeyArn, change: impl FnOnce(&Key) -> Result<Key, Fault>) -> Result<Arc<Key>, Fault> {
        let mut file = self.service.file.write().map_err(|_| broken())?;
        let key =
            file.key(arn).ok_or_else(|| Fault::new(FaultKind::NotFound, format!("Key '{arn}' does not exist")))?;
        let key = Arc::new(change(&key)?);
        file.insert([key.clone()]).map_err(unwritten)?;
        Ok(key)
    }

    fn keep(&self, key: Key) -> Result<Arc<Key>, Fault> {
        let key = Arc::new(key);
        self.service.file.write().map_err(|_| broken())?.insert([key.clone()]).map_err(unwritten)?;
        Ok(key)
    }
}

/// Whether a key may be used for cryptography.
fn must_be_enabled(key: &Key) -> Result<(), Fault> {
    match key.state() {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => Err(Fault::new(FaultKind::Disabled, format!("{} is disabled.", key.arn()))),
        KeyState::PendingDeletion { .. } => Err(pending_deletion(key)),
    }
}

fn must_not_be_pending_deletion(key: &Key) -> Result<(), Fault> {
    match key.state() {
        KeyState::Enabled | KeyState::Disabled => Ok(()),
        KeyState::PendingDeletion { .. } => Err(pending_deletion(key)),
    }
}

fn pending_deletion(key: &Key) -> Fault {
    Fault::new(FaultKind::InvalidState, format!("{} is pending deletion.", key.arn()))
}

/// Reads a request. An unknown parameter is refused, since ignoring it could mean anything.
fn parameters<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let value: Value = serde_json::from_slice(body).map_err(|e| Fault::new(FaultKind::Serialization, e.to_string()))?;
    serde_json::from_value(value).map_err(|e| invalid(format!("1 validation error detected: {e}")))
}

fn unwritten(error: KeyFileError) -> Fault {
    Fault::new(FaultKind::Internal, error.to_string())
}

fn broken() -> Fault {
    Fault::new(FaultKind::Internal, "An operation failed while it held the key file; start the stand-in again.")
}
