//! Encrypting, decrypting and drawing random bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Call, must_be_enabled, parameters};
use crate::kms::blob::{self, Blob};
use crate::kms::errors::{Fault, FaultKind, invalid};
use crate::kms::key::Key;
use crate::kms::material::{Material, key_of_blob};
use crate::kms::policy::Circumstances;
use crate::kms::recipient::{Recipient, RecipientInfo};

/// The encryption context: sorted, so that its order does not matter.
type Context = BTreeMap<String, String>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Encrypt {
    key_id: String,
    plaintext: Blob,
    #[serde(default)]
    encryption_context: Context,
    encryption_algorithm: Option<String>,
}

pub(super) fn encrypt(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: Encrypt = parameters(body)?;
    if !(1..=4096).contains(&request.plaintext.0.len()) {
        return Err(invalid("Plaintext must be 1 to 4096 bytes."));
    }
    let algorithm = algorithm(request.encryption_algorithm.as_deref())?;
    let key = usable(call, call.find(&request.key_id)?, algorithm, None)?;
    let ciphertext = match key.material() {
        Material::Symmetric(secret) => {
            secret.encrypt(key.arn().id(), &request.plaintext.0, &authenticated(&request.encryption_context))
        }
        Material::Rsa(pair) => {
            must_be_empty(&request.encryption_context)?;
            pair.encrypt(&request.plaintext.0)
        }
    };
    let ciphertext = ciphertext.map_err(|_| invalid("Plaintext is too long for this key and algorithm."))?;
    Ok(json!({
        "KeyId": key.arn(),
        "CiphertextBlob": blob::encode(&ciphertext),
        "EncryptionAlgorithm": algorithm,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Decrypt {
    key_id: Option<String>,
    ciphertext_blob: Blob,
    #[serde(default)]
    encryption_context: Context,
    encryption_algorithm: Option<String>,
    recipient: Option<RecipientInfo>,
}

pub(super) fn decrypt(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: Decrypt = parameters(body)?;
    if !(1..=6144).contains(&request.ciphertext_blob.0.len()) {
        return Err(invalid("CiphertextBlob must be 1 to 6144 bytes."));
    }
    let algorithm = algorithm(request.encryption_algorithm.as_deref())?;
    let recipient = recipient(call, request.recipient.as_ref())?;
    let key = usable(call, key_to_decrypt(call, &request, algorithm)?, algorithm, recipient.as_ref())?;
    let plaintext = match key.material() {
        Material::Symmetric(secret) => {
            must_name(&key, &request.ciphertext_blob.0)?;
            secret.decrypt(key.arn().id(), &request.ciphertext_blob.0, &authenticated(&request.encryption_context))
        }
        Material::Rsa(pair) => {
            must_be_empty(&request.encryption_context)?;
            pair.decrypt(&request.ciphertext_blob.0)
        }
    };
    let plaintext = Zeroizing::new(plaintext.map_err(|_| Fault::new(FaultKind::InvalidCiphertext, ""))?);
    let mut answer = json!({ "KeyId": key.arn(), "EncryptionAlgorithm": algorithm });
    give(&mut answer, &plaintext, recipient.as_ref())?;
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GenerateDataKey {
    key_id: String,
    #[serde(default)]
    encryption_context: Context,
    key_spec: Option<DataKeySpec>,
    number_of_bytes: Option<usize>,
    recipient: Option<RecipientInfo>,
}

#[derive(Deserialize)]
enum DataKeySpec {
    #[serde(rename = "AES_128")]
    Aes128,
    #[serde(rename = "AES_256")]
    Aes256,
}

pub(super) fn generate_data_key(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: GenerateDataKey = parameters(body)?;
    let length = match (&request.key_spec, request.number_of_bytes) {
        (Some(DataKeySpec::Aes128), None) => 16,
        (Some(DataKeySpec::Aes256), None) => 32,
        (None, Some(length)) => length,
        _ => return Err(invalid("Please specify either number of bytes or key spec.")),
    };
    let recipient = recipient(call, request.recipient.as_ref())?;
    let key = usable(call, call.find(&request.key_id)?, SYMMETRIC, recipient.as_ref())?;
    let Material::Symmetric(secret) = key.material() else { return Err(unfit(&key, SYMMETRIC)) };
    let data_key = random(length)?;
    let wrapped = secret.encrypt(key.arn().id(), &data_key, &authenticated(&request.encryption_context));
    let wrapped = wrapped.map_err(|_| Fault::new(FaultKind::Internal, "The data key could not be wrapped."))?;
    let mut answer = json!({ "KeyId": key.arn(), "CiphertextBlob": blob::encode(&wrapped) });
    give(&mut answer, &data_key, recipient.as_ref())?;
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GenerateRandom {
    number_of_bytes: Option<usize>,
    recipient: Option<RecipientInfo>,
}

/// Any caller may draw random bytes.
pub(super) fn generate_random(call: &Call<'_>, body: &[u8]) -> Result<Value, Fault> {
    let request: GenerateRandom = parameters(body)?;
    let recipient = recipient(call, request.recipient.as_ref())?;
    let bytes = random(request.number_of_bytes.ok_or_else(|| invalid("NumberOfBytes is missing."))?)?;
    let mut answer = json!({});
    give(&mut answer, &bytes, recipient.as_ref())?;
    Ok(answer)
}

/// The key, once the policy allows this call in these circumstances, and the key's state and kind allow it as well.
fn usable(
    call: &Call<'_>,
    key: Arc<Key>,
    algorithm: &'static str,
    recipient: Option<&Recipient>,
) -> Result<Arc<Key>, Fault> {
    let circumstances = Circumstances {
        pcrs: recipient.map(|r| r.pcrs().clone()).unwrap_or_default(),
        encryption_algorithm: Some(algorithm),
        bypasses_lockout_check: None,
    };
    call.authorize(&key, &circumstances)?;
    must_be_enabled(&key)?;
    if key.spec().algorithm() != algorithm {
        return Err(unfit(&key, algorithm));
    }
    Ok(key)
}

fn unfit(key: &Key, algorithm: &str) -> Fault {
    let message = format!("Algorithm {algorithm} is incompatible with key {}.", key.arn());
    Fault::new(FaultKind::InvalidKeyUsage, message)
}

/// A symmetric ciphertext says whose it is; an asymmetric one does not.
fn key_to_decrypt(call: &Call<'_>, request: &Decrypt, algorithm: &str) -> Result<Arc<Key>, Fault> {
    match &request.key_id {
        Some(name) => call.find(name),
        None if algorithm == SYMMETRIC => {
            let id =
                key_of_blob(&request.ciphertext_blob.0).ok_or_else(|| Fault::new(FaultKind::InvalidCiphertext, ""))?;
            let found = call.read(|file| file.key_by_id(id))?.filter(|key| *key.arn().region() == call.caller.region);
            let message = "The ciphertext refers to a customer master key that does not exist, does not exist in this \
                           region, or you are not allowed to access.";
            found.ok_or_else(|| Fault::new(FaultKind::AccessDenied, message))
        }
        None => Err(invalid("KeyId is required with an asymmetric algorithm.")),
    }
}

fn must_name(key: &Key, blob: &[u8]) -> Result<(), Fault> {
    match key_of_blob(blob) {
        Some(id) if id == key.arn().id() => Ok(()),
        Some(_) => {
            let message = "The key ID in the request does not identify a CMK that can perform this operation.";
            Err(Fault::new(FaultKind::IncorrectKey, message))
        }
        None => Err(Fault::new(FaultKind::InvalidCiphertext, "")),
    }
}

fn algorithm(name: Option<&str>) -> Result<&'static str, Fault> {
    match name {
        None | Some(SYMMETRIC) => Ok(SYMMETRIC),
        Some(OAEP_SHA_256) => Ok(OAEP_SHA_256),
        Some("RSAES_OAEP_SHA_1") => Err(Fault::new(
            FaultKind::UnsupportedOperation,
            "RSAES_OAEP_SHA_1 is not provided here; use RSAES_OAEP_SHA_256.",
        )),
        Some(other) => Err(invalid(format!("EncryptionAlgorithm {other:?} is not known."))),
    }
}

fn must_be_empty(context: &Context) -> Result<(), Fault> {
    if context.is_empty() { Ok(()) } else { Err(invalid("EncryptionContext is not supported with asymmetric keys.")) }
}

/// The context's bytes for the cipher: JSON of a sorted map, one text for each context.
fn authenticated(context: &Context) -> Vec<u8> {
    json!(context).to_string().into_bytes()
}

fn recipient(call: &Call<'_>, info: Option<&RecipientInfo>) -> Result<Option<Recipient>, Fault> {
    info.map(|info| call.service.recipients.authenticate(info, call.now)).transpose()
}

/// Puts a secret in the answer: for its recipient's eyes where there is one, in the clear otherwise.
fn give(answer: &mut Value, secret: &[u8], recipient: Option<&Recipient>) -> Result<(), Fault> {
    match recipient {
        Some(recipient) => answer["CiphertextForRecipient"] = blob::encode(&recipient.seal(secret)?).into(),
        None => answer["Plaintext"] = blob::encode(secret).into(),
    }
    Ok(())
}

fn random(length: usize) -> Result<Zeroizing<Vec<u8>>, Fault> {
    if !(1..=1024).contains(&length) {
        return Err(invalid("NumberOfBytes must be 1 to 1024."));
    }
    let mut bytes = Zeroizing::new(vec![0; length]);
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Fault::new(FaultKind::Internal, "No randomness."))?;
    Ok(bytes)
}

const SYMMETRIC: &str = "SYMMETRIC_DEFAULT";
const OAEP_SHA_256: &str = "RSAES_OAEP_SHA_256";
