//! The KMS stand-in, judged by the clients that AWS ships: `aws-sdk-kms`, `boto3` and `aws`.

mod judges;
mod stand;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, EncryptionAlgorithmSpec, KeyEncryptionMechanism, KeySpec, RecipientInfo};
use cloister_attestation::{Pcr, RecipientKey, WrappingKey};
use cloister_host::KeyReader;
use cloister_host::config::{AccessKey, KmsAccess};
use cloister_simulator::kms::{AccountId, Credential, EnvelopeForm, policy};
use cloister_simulator::nsm::TestRoot;
use serde_json::{Value, json};

use stand::{ACCOUNT, DEMANDED, Difference, REGION, Stand, base64, document, enclave, from_base64, registers};

const SECRET: &[u8] = b"a data key of thirty-two bytes..";

/// A key as the operators' tool makes it: key first, final policy last. Returns its ARN and a wrap of [`SECRET`].
async fn signer_key(stand: &Stand, policy: &str) -> (String, Vec<u8>) {
    let admin = stand.client(&stand.admin);
    let made = admin.create_key().key_spec(KeySpec::Rsa4096).send().await.expect("made");
    let arn = made.key_metadata().and_then(|m| m.arn()).expect("named").to_owned();
    let public = admin.get_public_key().key_id(&arn).send().await.expect("public");
    let spki = public.public_key().expect("present").as_ref();
    let wrapped = WrappingKey::from_spki_der(spki).expect("RSA-4096").wrap(SECRET).expect("wrapped");
    let put = admin.put_key_policy().key_id(&arn).policy(policy).bypass_policy_lockout_safety_check(true);
    put.send().await.expect("put");
    (arn, wrapped)
}

fn signer_policy(stand: &Stand) -> String {
    policy::for_signer(stand.admin.principal(), stand.host.principal(), &registers())
}

fn account() -> AccountId {
    ACCOUNT.parse().expect("an account")
}

fn recipient_info(document: Vec<u8>) -> RecipientInfo {
    RecipientInfo::builder()
        .key_encryption_algorithm(KeyEncryptionMechanism::RsaesOaepSha256)
        .attestation_document(Blob::new(document))
        .build()
}

/// `Decrypt` through the SDK: the envelope, or the exception's name.
async fn decrypt(client: &Client, key: &str, wrapped: &[u8], document: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let recipient = document.map(recipient_info);
    let call = client.decrypt().key_id(key).ciphertext_blob(Blob::new(wrapped)).set_recipient(recipient);
    match call.encryption_algorithm(EncryptionAlgorithmSpec::RsaesOaepSha256).send().await {
        Err(error) => Err(error.code().unwrap_or("no code").to_owned()),
        Ok(answer) => {
            assert_eq!(answer.key_id(), Some(key));
            assert!(answer.plaintext().is_none());
            Ok(answer.ciphertext_for_recipient().expect("present").as_ref().to_vec())
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_aws_sdk_opens_a_wrap_for_its_enclave_alone() {
    for form in [EnvelopeForm::BerV2, EnvelopeForm::DerV0] {
        let stand = Stand::start(form).await;
        let (key, wrapped) = signer_key(&stand, &signer_policy(&stand)).await;
        let mut nsm = enclave(&stand.root, Difference::None);
        let recipient = RecipientKey::generate().expect("a key");
        let host = stand.client(&stand.host);

        let envelope = decrypt(&host, &key, &wrapped, Some(document(&mut nsm, &recipient, 0))).await.expect("allowed");
        assert_eq!(&*recipient.open(&envelope).expect("ours"), SECRET);
        assert!(RecipientKey::generate().expect("a key").open(&envelope).is_err());
        assert_eq!(decrypt(&host, &key, &wrapped, None).await, Err("AccessDeniedException".into()));

        let stand = stand.restarted().await;
        let host = stand.client(&stand.host);
        let envelope = decrypt(&host, &key, &wrapped, Some(document(&mut nsm, &recipient, 0))).await.expect("allowed");
        assert_eq!(&*recipient.open(&envelope).expect("ours"), SECRET);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_read_as_it_is_by_whoever_may_read_it() {
    let stand = Stand::start(EnvelopeForm::BerV2).await;
    let policy = signer_policy(&stand);
    let (key, wrapped) = signer_key(&stand, &policy).await;
    let reader = async |caller: &Credential| {
        let credentials = AccessKey { id: caller.access_key_id().into(), secret: caller.secret().into() };
        let access = KmsAccess { endpoint: Some(stand.endpoint()), credentials: Some(credentials) };
        KeyReader::new(access, key.parse().expect("an ARN"), Duration::from_secs(10)).await.expect("a key's ARN")
    };
    let host = reader(&stand.host).await;
    assert_eq!(host.policy().await.expect("allowed"), policy);
    let public = WrappingKey::from_spki_der(&host.public_key().await.expect("allowed")).expect("RSA-4096");
    assert_eq!(public.wrap(SECRET).expect("wrapped").len(), wrapped.len());
    let described = host.description().await.expect("allowed");
    let found = [described.origin, described.spec, described.usage, described.state];
    assert_eq!(found, ["AWS_KMS", "RSA_4096", "ENCRYPT_DECRYPT", "Enabled"]);
    assert_eq!(described.multi_region, Some(false));
    assert!(host.clock_ahead().expect("answers have a date").abs() <= 2);
    assert_eq!(host.grants().await.expect_err("this policy does not allow it").code, "kms_denied");

    let admin = stand.client(&stand.admin);
    let own = admin.create_key().key_spec(KeySpec::Rsa2048).send().await.expect("made");
    let own = own.key_metadata().map(|m| m.key_id()).expect("named");
    assert_eq!(admin.list_grants().key_id(own).send().await.expect("allowed").grants(), []);
    let refused = reader(&stand.stranger).await.policy().await.expect_err("refused");
    assert_eq!(refused.code, "kms_denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_policy_stays() {
    let stand = Stand::start(EnvelopeForm::BerV2).await;
    let (key, _) = signer_key(&stand, &signer_policy(&stand)).await;
    for caller in [&stand.admin, &stand.host, &stand.stranger] {
        let put = stand.client(caller).put_key_policy().key_id(&key).policy(policy::default_for_account(&account()));
        let refused = put.bypass_policy_lockout_safety_check(true).send().await.expect_err("refused");
        assert_eq!(refused.code(), Some("AccessDeniedException"));
    }
    let admin = stand.client(&stand.admin);
    admin.disable_key().key_id(&key).send().await.expect("allowed");
    let refused = admin.enable_key().key_id(&key).send().await.expect_err("refused");
    assert_eq!(refused.code(), Some("AccessDeniedException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn gives_an_enclave_data_keys_and_random_bytes_in_envelopes() {
    let stand = Stand::start(EnvelopeForm::BerV2).await;
    let admin = stand.client(&stand.admin);
    let made = admin.create_key().send().await.expect("made");
    let key = made.key_metadata().map(|m| m.key_id()).expect("named");
    let recipient = RecipientKey::generate().expect("a key");
    let for_enclave = recipient_info(document(&mut enclave(&stand.root, Difference::None), &recipient, 0));

    let made = admin.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256).recipient(for_enclave.clone());
    let made = made.send().await.expect("allowed");
    assert!(made.plaintext().is_none());
    let data_key = recipient.open(made.ciphertext_for_recipient().expect("present").as_ref()).expect("ours");
    let opened = admin.decrypt().ciphertext_blob(made.ciphertext_blob().expect("present").clone());
    let opened = opened.send().await.expect("allowed");
    assert_eq!(opened.plaintext().expect("present").as_ref(), &*data_key);

    let drawn = admin.generate_random().number_of_bytes(48).recipient(for_enclave).send().await.expect("allowed");
    assert!(drawn.plaintext().is_none());
    let random = recipient.open(drawn.ciphertext_for_recipient().expect("present").as_ref()).expect("ours");
    assert_eq!(random.len(), 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_meets_allow_and_deny_by_pcr_and_by_recipient() {
    let Some(programs) = judges::programs() else { return };
    let stand = Stand::start(EnvelopeForm::BerV2).await;
    let (signer, wrapped) = signer_key(&stand, &signer_policy(&stand)).await;
    let (image, image_wrapped) = signer_key(&stand, &image_policy(&stand)).await;
    let recipient = RecipientKey::generate().expect("a key");

    let mut setting = stand.setting();
    setting["ciphertexts"] = json!({ &signer: base64(&wrapped), &image: base64(&image_wrapped) });
    let mut cases = register_cases(&stand, &recipient, &signer);
    cases.extend(recipient_cases(&stand, &recipient, &signer));
    cases.extend(image_cases(&stand, &recipient, &image));
    let allowed = cases.iter().filter(|case| case["expect"] == "Ok").count();
    setting["cases"] = cases.into();

    let (questions, answers) = (stand.folder().join("cases.json"), stand.folder().join("answers.json"));
    std::fs::write(&questions, setting.to_string()).expect("written");
    judges::run(&programs, "recipients.py", &[&questions, &answers]);
    let answers: Value = serde_json::from_slice(&std::fs::read(&answers).expect("written")).expect("JSON");
    let answers = answers.as_object().expect("an object");
    assert_eq!(answers.len(), allowed);
    for (name, envelope) in answers {
        let opened = recipient.open(&from_base64(envelope.as_str().expect("text"))).expect("ours");
        assert_eq!(&*opened, SECRET, "{name}");
    }
}

fn case(name: &str, key: &str, caller: &str, document: &[u8], expect: &str) -> Value {
    let recipient = json!({ "algorithm": "RSAES_OAEP_SHA_256", "document": base64(document) });
    json!({ "name": name, "key": key, "caller": caller, "recipient": recipient, "expect": expect })
}

const DENIED: &str = "AccessDeniedException";
const INVALID: &str = "ValidationException";

/// Each demanded register right, with another value, and absent.
fn register_cases(stand: &Stand, recipient: &RecipientKey, key: &str) -> Vec<Value> {
    let with = |difference| document(&mut enclave(&stand.root, difference), recipient, 0);
    let mut cases = vec![case("every register right", key, "host", &with(Difference::None), "Ok")];
    for index in DEMANDED {
        let name = format!("PCR{index} has another value");
        cases.push(case(&name, key, "host", &with(Difference::Value(index)), DENIED));
    }
    for index in [16, 17] {
        let name = format!("PCR{index} is not locked and so absent");
        cases.push(case(&name, key, "host", &with(Difference::Unlocked(index)), DENIED));
    }
    for caller in ["admin", "stranger"] {
        let name = format!("every register right, called by the {caller}");
        cases.push(case(&name, key, caller, &with(Difference::None), DENIED));
    }
    cases
}

/// Each way in which a `Recipient` is not one.
fn recipient_cases(stand: &Stand, recipient: &RecipientKey, key: &str) -> Vec<Value> {
    const MINUTE: i64 = 60_000;
    let aged = |age| document(&mut enclave(&stand.root, Difference::None), recipient, age);
    let honest = aged(0);
    let flipped = |place: usize| {
        let mut bytes = honest.clone();
        bytes[place] ^= 1;
        bytes
    };
    let unsigned = [&honest[..honest.len() - 96], &[0; 96]].concat();
    let elsewhere = TestRoot::generate().expect("keys");
    let now = stand::now_ms();
    let keyed =
        |key: Option<&[u8]>| enclave(&stand.root, Difference::None).attest(None, None, key, now).expect("signed");
    let mut cases = vec![
        case("four minutes old", key, "host", &aged(4 * MINUTE), "Ok"),
        case("six minutes old", key, "host", &aged(6 * MINUTE), INVALID),
        case("from the day before", key, "host", &aged(24 * 60 * MINUTE), INVALID),
        case("an hour ahead", key, "host", &aged(-60 * MINUTE), INVALID),
        case("unsigned", key, "host", &unsigned, INVALID),
        case("one bit of the signature flipped", key, "host", &flipped(honest.len() - 1), INVALID),
        case("one bit of the payload flipped", key, "host", &flipped(honest.len() / 2), INVALID),
        case("cut short", key, "host", &honest[..honest.len() - 1], INVALID),
        case("another root", key, "host", &document(&mut enclave(&elsewhere, Difference::None), recipient, 0), INVALID),
        case(
            "debug mode",
            key,
            "host",
            &document(&mut enclave(&stand.root, Difference::DebugMode), recipient, 0),
            INVALID,
        ),
        case("without a public key", key, "host", &keyed(None), INVALID),
        case("with a public key that is none", key, "host", &keyed(Some(b"none")), INVALID),
        case("not a document", key, "host", b"not a document", INVALID),
        case("larger than any document", key, "host", &[0x84; 20_000], INVALID),
    ];
    let mut missing = case("no Recipient", key, "host", b"", DENIED);
    missing["recipient"] = Value::Null;
    let mut weak = case("another key encryption algorithm", key, "host", &honest, INVALID);
    weak["recipient"]["algorithm"] = "RSAES_OAEP_SHA_1".into();
    cases.extend([missing, weak]);
    cases
}

/// A policy as AWS's own examples write it: the account may do everything, and the image digest gates `Decrypt`.
fn image_policy(stand: &Stand) -> String {
    let image = Pcr::to_string(&registers()[0].1).to_ascii_uppercase();
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": { "AWS": stand.host.principal().to_string() },
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": { "StringEqualsIgnoreCase": { "kms:RecipientAttestation:ImageSha384": image } },
            },
            {
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
                "Action": ["kms:Describe*", "kms:Get*", "kms:PutKeyPolicy"],
                "Resource": "*",
            },
        ],
    })
    .to_string()
}

fn image_cases(stand: &Stand, recipient: &RecipientKey, key: &str) -> Vec<Value> {
    let with = |difference| document(&mut enclave(&stand.root, difference), recipient, 0);
    vec![
        case("the image that the policy names", key, "host", &with(Difference::Value(1)), "Ok"),
        case("another image", key, "host", &with(Difference::Value(0)), DENIED),
        case("the right image, called by the admin", key, "admin", &with(Difference::None), DENIED),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_goes_through_every_operation_and_refusal() {
    let Some(programs) = judges::programs() else { return };
    let stand = Stand::start(EnvelopeForm::BerV2).await;
    let setting = stand.folder().join("setting.json");
    std::fs::write(&setting, stand.setting().to_string()).expect("written");
    judges::run(&programs, "service.py", &[&setting]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_command_works_with_its_endpoint_variable_alone() {
    let Some(programs) = judges::programs() else { return };
    let stand = Stand::start(EnvelopeForm::BerV2).await;
    let (key, wrapped) = signer_key(&stand, &signer_policy(&stand)).await;
    let recipient = RecipientKey::generate().expect("a key");
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(stand.folder().join(name), bytes).expect("written");
        format!("fileb://{}", stand.folder().join(name).display())
    };
    let aws = |arguments: &[&str]| {
        let mut command = judges::isolated(&programs.join("aws"));
        command.env("AWS_ENDPOINT_URL_KMS", stand.endpoint()).env("AWS_DEFAULT_REGION", REGION);
        command.env("AWS_ACCESS_KEY_ID", stand.host.access_key_id());
        command.env("AWS_SECRET_ACCESS_KEY", stand.host.secret());
        command.arg("kms").args(arguments).output().expect("aws runs")
    };

    let described = aws(&["describe-key", "--key-id", &key]);
    assert!(described.status.success(), "{}", judges::said(&described));
    let described: Value = serde_json::from_slice(&described.stdout).expect("JSON");
    assert_eq!(described["KeyMetadata"]["Arn"], key);

    let wrapped = file("wrapped", &wrapped);
    let decrypt =
        ["decrypt", "--key-id", &key, "--encryption-algorithm", "RSAES_OAEP_SHA_256", "--ciphertext-blob", &wrapped];
    let denied = aws(&decrypt);
    assert!(!denied.status.success());
    assert!(
        judges::said(&denied).contains("An error occurred (AccessDeniedException) when calling the Decrypt operation")
    );

    let honest = file("document", &document(&mut enclave(&stand.root, Difference::None), &recipient, 0));
    let for_enclave = format!("KeyEncryptionAlgorithm=RSAES_OAEP_SHA_256,AttestationDocument@={honest}");
    let opened = aws(&[&decrypt[..], &["--recipient", &for_enclave]].concat());
    assert!(opened.status.success(), "{}", judges::said(&opened));
    let opened: Value = serde_json::from_slice(&opened.stdout).expect("JSON");
    let envelope = from_base64(opened["CiphertextForRecipient"].as_str().expect("present"));
    assert_eq!(&*recipient.open(&envelope).expect("ours"), SECRET);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_an_unsigned_or_oversized_request_by_name() {
    let stand = Stand::start(EnvelopeForm::BerV2).await;
    let address = stand.endpoint().replace("http://", "");
    let send = |head: &str, length: usize| {
        let mut stream = TcpStream::connect(&address).expect("connected");
        let head =
            format!("{head} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("written");
        // The server may hang up before it has read everything.
        let _ = stream.write_all(&vec![b' '; length]);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let unsigned = send("POST /", 2);
    assert!(
        unsigned.starts_with("HTTP/1.1 400") && unsigned.contains("MissingAuthenticationTokenException"),
        "{unsigned}"
    );
    let oversized = send("POST /", 300_000);
    assert!(
        oversized.starts_with("HTTP/1.1 413") && oversized.contains("RequestEntityTooLargeException"),
        "{oversized}"
    );
    for other in ["GET /", "POST /keys", "POST /?Action=Decrypt"] {
        assert!(send(other, 0).contains("UnknownOperationException"), "{other}");
    }
}
