//! Carries KMS calls: `Decrypt` for an attested recipient. The plaintext never comes here; KMS encrypts it to the enclave.

mod reader;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::{
    Client,
    config::{Builder, Credentials},
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::decrypt::{DecryptError, DecryptOutput},
    primitives::Blob,
    types::{EncryptionAlgorithmSpec, KeyEncryptionMechanism, RecipientInfo},
};
use cloister_wire::{blob::Wrap, bounded::Bytes, ids::Arn, limits};

use crate::{
    config::KmsAccess,
    problem::{HostCode, Problem},
};
pub use reader::{KeyDescription, KeyReader};

/// A `CiphertextForRecipient`.
pub(crate) type Envelope = Bytes<{ limits::ENVELOPE }>;

/// KMS in all regions that wraps name.
#[derive(Debug)]
pub(crate) struct Kms {
    shared: SdkConfig,
    clients: Mutex<HashMap<String, Client>>,
}

impl Kms {
    /// Reads the AWS environment.
    pub(crate) async fn load(access: KmsAccess, patience: Duration) -> Self {
        let timeouts = TimeoutConfig::builder().connect_timeout(patience / 2).operation_timeout(patience).build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(timeouts);
        if let Some(endpoint) = access.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(key) = access.credentials {
            loader = loader.credentials_provider(Credentials::new(key.id, key.secret, None, None, "cloister-host"));
            loader = loader.region(Region::from_static("us-east-1"));
        }
        Self { shared: loader.load().await, clients: Mutex::default() }
    }

    /// Has KMS decrypt a wrap for the enclave that `document` attests.
    pub(crate) async fn decrypt(&self, wrap: &Wrap, document: &[u8]) -> Result<Envelope, Problem> {
        let recipient = RecipientInfo::builder()
            .key_encryption_algorithm(KeyEncryptionMechanism::RsaesOaepSha256)
            .attestation_document(Blob::new(document))
            .build();
        let answer = self
            .client(&wrap.arn)?
            .decrypt()
            .key_id(wrap.arn.as_str())
            .encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256)
            .ciphertext_blob(Blob::new(wrap.ciphertext.as_slice()))
            .recipient(recipient)
            .send()
            .await
            .map_err(|error| problem(&wrap.arn, &error))?;
        envelope(&wrap.arn, answer)
    }

    /// The client for the region that the ARN names: an ARN of one region is never asked for in another.
    fn client(&self, arn: &Arn) -> Result<Client, Problem> {
        let region = known_region(arn)?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Client::from_conf(self.config(region).build());
        Ok(clients.entry(region.to_owned()).or_insert_with(make).clone())
    }

    fn config(&self, region: &str) -> Builder {
        Builder::from(&self.shared).region(Region::new(region.to_owned()))
    }
}

fn known_region(arn: &Arn) -> Result<&str, Problem> {
    region(arn).ok_or_else(|| Problem::host(HostCode::KmsUnavailable, format!("{arn} is not the ARN of a KMS key")))
}

/// `arn:partition:kms:REGION:account:key/id`.
fn region(arn: &Arn) -> Option<&str> {
    let mut parts = arn.as_str().splitn(6, ':');
    let head = (parts.next()?, parts.next()?, parts.next()?);
    let region = parts.next()?;
    let (_account, resource) = (parts.next()?, parts.next()?);
    let is_key = head.0 == "arn" && head.2 == "kms" && resource.starts_with("key/");
    (is_key && !region.is_empty()).then_some(region)
}

/// Takes an answer only if it names the very key and carries nothing but an envelope.
fn envelope(arn: &Arn, answer: DecryptOutput) -> Result<Envelope, Problem> {
    let invalid = |what: &str| Problem::host(HostCode::KmsAnswerInvalid, format!("the answer for {arn} {what}"));
    if answer.key_id() != Some(arn.as_str()) {
        return Err(invalid("is for another key"));
    }
    let envelope = answer.ciphertext_for_recipient.ok_or_else(|| invalid("has no CiphertextForRecipient"))?;
    envelope.into_inner().try_into().map_err(|_| invalid("is longer than KMS's are"))
}

fn problem(arn: &Arn, error: &SdkError<DecryptError>) -> Problem {
    let refused = error.as_service_error().is_some_and(|service| {
        let transient = matches!(
            service.code(),
            Some(
                "DependencyTimeoutException"
                    | "KMSInternalException"
                    | "KeyUnavailableException"
                    | "ThrottlingException"
            )
        );
        !transient
    });
    let code = if refused { HostCode::KmsDenied } else { HostCode::KmsUnavailable };
    let why = said(error);
    tracing::warn!(code = code.code(), %arn, %why, error = %DisplayErrorContext(error), "KMS did not decrypt");
    Problem::host(code, format!("{arn}: {why}"))
}

/// What KMS or the way to it said, in one sentence.
fn said<E: ProvideErrorMetadata + std::error::Error + 'static>(error: &SdkError<E>) -> String {
    if let Some(service) = error.as_service_error() {
        let message = service.message().unwrap_or("and no reason");
        return format!("KMS answered {}: {message}", service.code().unwrap_or("without an error code"));
    }
    let what = match error {
        SdkError::TimeoutError(_) => return "KMS did not answer in time".to_owned(),
        SdkError::DispatchFailure(_) => "KMS was not reached",
        SdkError::ResponseError(_) => "KMS's answer cannot be read",
        _ => "KMS was not asked",
    };
    let causes = || std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source());
    let what =
        if causes().any(|cause| cause.is::<CredentialsError>()) { "there are no credentials for KMS" } else { what };
    let cause = causes().last().map(ToString::to_string).unwrap_or_default();
    format!("{what}: {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn arn(text: &str) -> Arn {
        text.parse().unwrap()
    }

    #[test]
    fn the_region_is_the_arns() {
        assert_eq!(region(&arn(ARN)), Some("eu-central-1"));
    }

    #[test]
    fn an_alias_or_another_services_arn_has_no_region() {
        for text in
            ["alias/mine", "arn:aws:kms:eu-central-1:111122223333:alias/mine", "arn:aws:s3:::bucket", "arn:aws:kms"]
        {
            assert_eq!(region(&arn(text)), None, "{text}");
        }
    }

    #[test]
    fn an_answer_for_another_key_is_refused() {
        let other = DecryptOutput::builder().key_id(ARN.replace("eu-central-1", "eu-west-1"));
        let answer = other.ciphertext_for_recipient(Blob::new("x")).build();
        assert_eq!(envelope(&arn(ARN), answer).unwrap_err().code, "kms_answer_invalid");
    }

    #[test]
    fn an_answer_without_an_envelope_is_refused_even_if_it_has_a_plaintext() {
        let answer = DecryptOutput::builder().key_id(ARN).plaintext(Blob::new("secret")).build();
        assert_eq!(envelope(&arn(ARN), answer).unwrap_err().code, "kms_answer_invalid");
    }

    #[tokio::test]
    async fn a_kms_that_is_away_is_unavailable() {
        let access = KmsAccess {
            endpoint: Some("http://127.0.0.1:9".into()),
            credentials: Some(crate::config::AccessKey { id: "AKIDEXAMPLE".into(), secret: "secret".into() }),
        };
        let kms = Kms::load(access, Duration::from_secs(5)).await;
        let wrap = Wrap { arn: arn(ARN), ciphertext: vec![1].try_into().unwrap() };
        let problem = kms.decrypt(&wrap, b"document").await.unwrap_err();
        assert_eq!(problem.code, "kms_unavailable");
        assert!(problem.detail.starts_with(ARN) && problem.detail.contains("KMS was not reached"), "{problem}");
        assert!(!problem.detail.contains(['{', '"']), "a debug dump: {problem}");
    }
}
