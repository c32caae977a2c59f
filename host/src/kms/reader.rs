//! A key as KMS shows it to whoever may read it: what an audit looks at, and nothing that changes or opens anything.

use std::{
    sync::{Arc as Shared, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_kms::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef},
    error::{BoxError, ProvideErrorMetadata, SdkError},
    primitives::{DateTime, DateTimeFormat},
};
use cloister_wire::ids::Arn;

use super::{Kms, known_region, said};
use crate::{
    config::KmsAccess,
    problem::{HostCode, Problem},
};

/// Reads one key with the credentials at hand.
#[derive(Debug)]
pub struct KeyReader {
    arn: Arn,
    client: Client,
    clock: Clock,
}

/// What `DescribeKey` says of how a key was made and what it is for, in the API's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescription {
    /// Where its material comes from: `AWS_KMS`, `EXTERNAL` (imported), ...
    pub origin: String,
    /// What it is: `RSA_4096`, ...
    pub spec: String,
    /// What it does: `ENCRYPT_DECRYPT`, ...
    pub usage: String,
    /// Whether it may be used: `Enabled`, ...
    pub state: String,
    /// Whether other regions have it too. Nothing if KMS does not say.
    pub multi_region: Option<bool>,
}

impl KeyReader {
    /// Asks KMS in the key's region, `patience` for each question.
    ///
    /// # Errors
    /// [`HostCode::KmsUnavailable`] if the ARN is not that of a key.
    pub async fn new(access: KmsAccess, arn: Arn, patience: Duration) -> Result<Self, Problem> {
        let kms = Kms::load(access, patience).await;
        let clock = Clock::default();
        let config = kms.config(known_region(&arn)?).interceptor(clock.clone());
        let client = Client::from_conf(config.build());
        Ok(Self { arn, client, clock })
    }

    /// The key's policy.
    ///
    /// # Errors
    /// [`HostCode::KmsDenied`] if KMS refuses, [`HostCode::KmsUnavailable`] if it is away, [`HostCode::KmsAnswerInvalid`] if its answer is
    /// incomplete.
    pub async fn policy(&self) -> Result<String, Problem> {
        let answer = self.client.get_key_policy().key_id(self.arn.as_str()).send().await;
        answer.map_err(|why| self.unread(&why))?.policy.ok_or_else(|| self.invalid("has no policy"))
    }

    /// The key's public half, `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// As of [`Self::policy`], and if the answer is for another key.
    pub async fn public_key(&self) -> Result<Vec<u8>, Problem> {
        let answer = self.client.get_public_key().key_id(self.arn.as_str()).send().await;
        let answer = answer.map_err(|why| self.unread(&why))?;
        self.same(answer.key_id())?;
        answer.public_key.map(|key| key.into_inner()).ok_or_else(|| self.invalid("has no public key"))
    }

    /// How it was made, and what for.
    ///
    /// # Errors
    /// As of [`Self::public_key`].
    pub async fn description(&self) -> Result<KeyDescription, Problem> {
        let answer = self.client.describe_key().key_id(self.arn.as_str()).send().await;
        let answer = answer.map_err(|why| self.unread(&why))?;
        let key = answer.key_metadata.ok_or_else(|| self.invalid("has no metadata"))?;
        self.same(key.arn())?;
        let text = |value: Option<&str>| value.unwrap_or("unknown").to_owned();
        Ok(KeyDescription {
            origin: text(key.origin().map(|it| it.as_str())),
            spec: text(key.key_spec().map(|it| it.as_str())),
            usage: text(key.key_usage().map(|it| it.as_str())),
            state: text(key.key_state().map(|it| it.as_str())),
            multi_region: key.multi_region(),
        })
    }

    /// Who may use it by a grant: `GRANTEE (OPERATIONS)`. Reads all pages.
    ///
    /// # Errors
    /// As of [`Self::policy`].
    pub async fn grants(&self) -> Result<Vec<String>, Problem> {
        let mut pages = self.client.list_grants().key_id(self.arn.as_str()).into_paginator().items().send();
        let mut grants = Vec::new();
        while let Some(grant) = pages.next().await {
            let grant = grant.map_err(|why| self.unread(&why))?;
            let operations: Vec<_> = grant.operations().iter().map(|operation| operation.as_str()).collect();
            grants.push(format!("{} ({})", grant.grantee_principal().unwrap_or("unknown"), operations.join(", ")));
        }
        Ok(grants)
    }

    /// By how many seconds KMS's clock is ahead of this machine's (negative: behind), by its last answer, which says it to the second.
    #[must_use]
    pub fn clock_ahead(&self) -> Option<i64> {
        *self.clock.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn same(&self, named: Option<&str>) -> Result<(), Problem> {
        if named == Some(self.arn.as_str()) { Ok(()) } else { Err(self.invalid("is for another key")) }
    }

    fn invalid(&self, what: &str) -> Problem {
        Problem::host(HostCode::KmsAnswerInvalid, format!("the answer for {} {what}", self.arn))
    }

    fn unread<E: ProvideErrorMetadata + std::error::Error + 'static>(&self, error: &SdkError<E>) -> Problem {
        let code = if error.as_service_error().is_some() { HostCode::KmsDenied } else { HostCode::KmsUnavailable };
        Problem::host(code, format!("{}: {}", self.arn, said(error)))
    }
}

/// Compares this machine's clock with the `Date` of every answer, refusals included.
#[derive(Clone, Debug, Default)]
struct Clock(Shared<Mutex<Option<i64>>>);

impl Intercept for Clock {
    fn name(&self) -> &'static str {
        "Clock"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        if let Some(date) = date {
            let here = DateTime::from(SystemTime::now()).secs();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(date.secs().saturating_sub(here));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
