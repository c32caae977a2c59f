//! KMS's side is played here: it answers what a test wants to have read.

use axum::{Router, http::HeaderMap, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::config::AccessKey;

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// What KMS answers to an operation and its request.
type Answers = fn(&str, &Value) -> Value;

/// A reader of the key at a KMS that gives these answers.
async fn reader(answers: Answers) -> KeyReader {
    let answer = move |headers: HeaderMap, body: String| async move {
        let target = headers["x-amz-target"].to_str().unwrap().strip_prefix("TrentService.").unwrap().to_owned();
        let date = [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("content-type", "application/x-amz-json-1.1")];
        (date, answers(&target, &serde_json::from_str(&body).unwrap()).to_string())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(answer))).await });
    let credentials = AccessKey { id: "AKIDEXAMPLE".into(), secret: "secret".into() };
    let access = KmsAccess { endpoint: Some(endpoint), credentials: Some(credentials) };
    KeyReader::new(access, ARN.parse().unwrap(), Duration::from_secs(5)).await.unwrap()
}

#[tokio::test]
async fn an_imported_key_of_many_regions_is_described_as_that() {
    let reader = reader(|operation, _| {
        assert_eq!(operation, "DescribeKey");
        json!({"KeyMetadata": {"KeyId": "1234", "Arn": ARN, "Origin": "EXTERNAL", "KeySpec": "RSA_4096",
            "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": "Enabled", "Enabled": true, "MultiRegion": true}})
    });
    let described = reader.await.description().await.unwrap();
    let found = [&described.origin, &described.spec, &described.usage, &described.state].map(String::as_str);
    assert_eq!(found, ["EXTERNAL", "RSA_4096", "ENCRYPT_DECRYPT", "Enabled"]);
    assert_eq!(described.multi_region, Some(true));
}

#[tokio::test]
async fn grants_are_read_to_the_last_page_even_if_the_first_is_empty() {
    let reader = reader(|_, request| match request.get("Marker") {
        None => json!({"Grants": [], "Truncated": true, "NextMarker": "more"}),
        Some(_) => json!({"Grants": [{"GrantId": "1", "GranteePrincipal": "arn:aws:iam::999999999999:role/r",
            "Operations": ["Decrypt", "CreateGrant"]}], "Truncated": false}),
    });
    assert_eq!(reader.await.grants().await.unwrap(), ["arn:aws:iam::999999999999:role/r (Decrypt, CreateGrant)"]);
}

#[tokio::test]
async fn an_answer_for_another_key_is_refused() {
    let reader = reader(|operation, _| {
        let other = ARN.replace("eu-central-1", "eu-west-1");
        match operation {
            "GetPublicKey" => json!({"KeyId": other, "PublicKey": "AAEC"}),
            _ => json!({"KeyMetadata": {"KeyId": "1234", "Arn": other}}),
        }
    });
    let reader = reader.await;
    assert_eq!(reader.public_key().await.unwrap_err().code, "kms_answer_invalid");
    assert_eq!(reader.description().await.unwrap_err().code, "kms_answer_invalid");
}

#[tokio::test]
async fn the_clock_is_compared_with_the_date_of_an_answer() {
    let reader = reader(|_, _| json!({"Policy": "{}"})).await;
    assert_eq!(reader.clock_ahead(), None);
    reader.policy().await.unwrap();
    assert!(reader.clock_ahead().unwrap() < -30 * 365 * 24 * 60 * 60);
}
