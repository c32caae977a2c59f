//! AWS Signature Version 4, from the verifier's side, for the one request shape that KMS has: `POST /` without a
//! query. Source: "AWS Signature Version 4 for API requests" (IAM User Guide), signed headers, no presigned URLs, no
//! session tokens.

use aws_lc_rs::{constant_time, digest, hmac};
use axum::http::HeaderMap;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::arn::{PrincipalArn, Region};
use super::errors::{Fault, FaultKind};
use super::store::Credential;

/// Who signed a request, and for which region.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) principal: PrincipalArn,
    pub(crate) region: Region,
}

/// Checks the signature over these headers and this body; `find` looks an access key id up.
pub(crate) fn authenticate<'c>(
    headers: &HeaderMap,
    body: &[u8],
    now: OffsetDateTime,
    find: impl FnOnce(&str) -> Option<&'c Credential>,
) -> Result<Caller, Fault> {
    let authorization = Authorization::parse(sole_header(headers, "authorization").ok_or_else(unsigned)?)?;
    let timestamp = Timestamp::parse(sole_header(headers, "x-amz-date").ok_or_else(undated)?)?;
    let credential = find(authorization.access_key_id).ok_or_else(stranger)?;
    if headers.contains_key("x-amz-security-token") {
        return Err(stranger());
    }
    let region = authorization.scope.check(&timestamp)?;
    timestamp.check(now)?;
    let canonical = canonical_request(headers, &authorization.signed_headers, body)?;
    let expected = signature(credential.secret(), &authorization.scope, timestamp.text, canonical.as_bytes());
    constant_time::verify_slices_are_equal(hex::encode(expected).as_bytes(), authorization.signature.as_bytes())
        .map_err(|_| mismatch(MISMATCH))?;
    Ok(Caller { principal: credential.principal().clone(), region })
}

/// The parts of the `Authorization` header.
struct Authorization<'a> {
    access_key_id: &'a str,
    scope: Scope<'a>,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        let fields = text.strip_prefix(ALGORITHM).ok_or_else(|| incomplete("Unsupported AWS 'algorithm'"))?;
        let field = |name: &str| {
            let found = fields.split(',').find_map(|f| f.trim().strip_prefix(name)?.strip_prefix('='));
            found.ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter.")))
        };
        let (access_key_id, scope) =
            field("Credential")?.split_once('/').ok_or_else(|| incomplete("Credential has no scope."))?;
        Ok(Self {
            access_key_id,
            scope: Scope::parse(scope)?,
            signed_headers: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

/// What a signing key is good for: `DATE/REGION/SERVICE/aws4_request`.
struct Scope<'a> {
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [date, region, service, TERMINATOR] => Ok(Self { date, region, service }),
            _ => Err(incomplete("Credential must be KEY/DATE/REGION/SERVICE/aws4_request.")),
        }
    }

    fn check(&self, timestamp: &Timestamp<'_>) -> Result<Region, Fault> {
        if self.service != SERVICE {
            return Err(mismatch("Credential should be scoped to correct service: 'kms'."));
        }
        if !timestamp.text.starts_with(self.date) || self.date.len() != DATE_LENGTH {
            return Err(mismatch("Date in Credential scope does not match the date of X-Amz-Date."));
        }
        self.region.parse().map_err(|_| mismatch("Credential should be scoped to a valid region."))
    }
}

/// The moment of signing, as text and as time.
struct Timestamp<'a> {
    text: &'a str,
    time: OffsetDateTime,
}

impl<'a> Timestamp<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        let time = PrimitiveDateTime::parse(text, TIMESTAMP).map_err(|_| undated())?.assume_utc();
        Ok(Self { text, time })
    }

    fn check(&self, now: OffsetDateTime) -> Result<(), Fault> {
        let print = |t: OffsetDateTime| t.format(TIMESTAMP).unwrap_or_default();
        let (text, clock) = (self.text, print(now));
        if self.time < now - ALLOWED_SKEW {
            let bound = print(now - ALLOWED_SKEW);
            return Err(mismatch(&format!("Signature expired: {text} is now earlier than {bound} ({clock} - 5 min.)")));
        }
        if self.time > now + ALLOWED_SKEW {
            let bound = print(now + ALLOWED_SKEW);
            return Err(mismatch(&format!(
                "Signature not yet current: {text} is still later than {bound} ({clock} + 5 min.)"
            )));
        }
        Ok(())
    }
}

/// The canonical request of `POST /` with these signed headers; refuses when a header that decides what is asked of
/// whom is not among them.
fn canonical_request(headers: &HeaderMap, signed: &[&str], body: &[u8]) -> Result<String, Fault> {
    if let Some(missing) = MUST_BE_SIGNED.iter().find(|name| !signed.contains(name)) {
        return Err(mismatch(&format!("'{missing}' must be a 'SignedHeader' in the AWS Authorization.")));
    }
    if !signed.is_sorted_by(|a, b| a < b) {
        return Err(incomplete("SignedHeaders must be sorted and distinct."));
    }
    let lines: String = signed.iter().map(|name| canonical_header(headers, name)).collect::<Result<_, _>>()?;
    let body_hash = hex::encode(digest::digest(&digest::SHA256, body));
    Ok(format!("POST\n/\n\n{lines}\n{}\n{body_hash}", signed.join(";")))
}

fn canonical_header(headers: &HeaderMap, name: &str) -> Result<String, Fault> {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect::<Result<_, _>>()
        .map_err(|_| mismatch(MISMATCH))?;
    if values.is_empty() {
        return Err(mismatch(&format!("'{name}' is named in 'SignedHeaders' and is not in the request.")));
    }
    Ok(format!("{name}:{}\n", values.join(",")))
}

/// The signature that the holder of `secret` makes over a canonical request.
fn signature(secret: &str, scope: &Scope<'_>, timestamp: &str, canonical_request: &[u8]) -> hmac::Tag {
    let Scope { date, region, service } = scope;
    let request_hash = hex::encode(digest::digest(&digest::SHA256, canonical_request));
    let to_sign = format!("AWS4-HMAC-SHA256\n{timestamp}\n{date}/{region}/{service}/{TERMINATOR}\n{request_hash}");
    mac(signing_key(secret, scope).as_ref(), &to_sign)
}

fn signing_key(secret: &str, scope: &Scope<'_>) -> hmac::Tag {
    let date = mac(format!("AWS4{secret}").as_bytes(), scope.date);
    let region = mac(date.as_ref(), scope.region);
    let service = mac(region.as_ref(), scope.service);
    mac(service.as_ref(), TERMINATOR)
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// The header's value, unless it is absent, doubled or not text.
fn sole_header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn unsigned() -> Fault {
    Fault::new(FaultKind::MissingAuthenticationToken, "Request is missing Authentication Token")
}

fn undated() -> Fault {
    incomplete("Authorization header requires existence of one 'X-Amz-Date' header, as YYYYMMDDTHHMMSSZ.")
}

fn stranger() -> Fault {
    Fault::new(FaultKind::UnrecognizedClient, "The security token included in the request is invalid.")
}

fn incomplete(message: &str) -> Fault {
    Fault::new(FaultKind::IncompleteSignature, message)
}

fn mismatch(message: &str) -> Fault {
    Fault::new(FaultKind::InvalidSignature, message)
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";
const TERMINATOR: &str = "aws4_request";
const SERVICE: &str = "kms";
const DATE_LENGTH: usize = "YYYYMMDD".len();
const ALLOWED_SKEW: Duration = Duration::minutes(5);
const TIMESTAMP: &[FormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
/// `x-amz-target` names the operation: unsigned, anyone on the way could turn an `Encrypt` into a `Decrypt`.
const MUST_BE_SIGNED: [&str; 3] = ["host", "x-amz-date", "x-amz-target"];
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
                        AWS Secret Access Key and signing method. Consult the service documentation for details.";

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use time::macros::datetime;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const BODY: &[u8] = br#"{"NumberOfBytes":16}"#;
    const SIGNED: &str = "content-type;host;x-amz-date;x-amz-target";
    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

    #[test]
    fn derives_the_signing_key_of_the_aws_documentation() {
        let scope = Scope { date: "20150830", region: "us-east-1", service: "iam" };
        let expected = "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9";
        assert_eq!(hex::encode(signing_key(SECRET, &scope)), expected);
    }

    #[test]
    fn signs_the_vanilla_post_of_the_aws_test_suite() {
        let scope = Scope { date: "20150830", region: "us-east-1", service: "service" };
        let empty = hex::encode(digest::digest(&digest::SHA256, b""));
        let request =
            format!("POST\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n{empty}");
        let expected = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
        assert_eq!(hex::encode(signature(SECRET, &scope, "20150830T123600Z", request.as_bytes())), expected);
    }

    fn credential() -> Credential {
        Credential::new("AKIDEXAMPLE", SECRET, "arn:aws:iam::111122223333:role/host".parse().unwrap())
    }

    fn request() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:8080"));
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-date", HeaderValue::from_static("20260301T120000Z"));
        headers.insert("x-amz-target", HeaderValue::from_static("TrentService.GenerateRandom"));
        sign(&mut headers, SIGNED, "20260301/eu-central-1/kms/aws4_request");
        headers
    }

    fn sign(headers: &mut HeaderMap, signed: &str, scope: &str) {
        let lines: String = signed.split(';').map(|n| format!("{n}:{}\n", headers[n].to_str().unwrap())).collect();
        let canonical = format!("POST\n/\n\n{lines}\n{signed}\n{}", hex::encode(digest::digest(&digest::SHA256, BODY)));
        let date = headers["x-amz-date"].to_str().unwrap();
        let tag = hex::encode(signature(SECRET, &Scope::parse(scope).unwrap(), date, canonical.as_bytes()));
        let value = format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={signed}, Signature={tag}");
        headers.insert("authorization", value.parse().unwrap());
    }

    fn kind_at(headers: &HeaderMap, body: &[u8], now: OffsetDateTime) -> Option<FaultKind> {
        let known = credential();
        authenticate(headers, body, now, |id| (id == "AKIDEXAMPLE").then_some(&known)).err().map(|f| f.kind())
    }

    fn kind(headers: &HeaderMap) -> Option<FaultKind> {
        kind_at(headers, BODY, NOW)
    }

    #[test]
    fn accepts_a_signed_request_and_names_its_caller() {
        let known = credential();
        let caller = authenticate(&request(), BODY, NOW, |_| Some(&known)).unwrap();
        assert_eq!(caller.principal.to_string(), "arn:aws:iam::111122223333:role/host");
        assert_eq!(caller.region.to_string(), "eu-central-1");
    }

    #[test]
    fn refuses_a_changed_body_or_header_or_signature() {
        assert_eq!(kind_at(&request(), b"{}", NOW), Some(FaultKind::InvalidSignature));
        for name in ["host", "x-amz-target", "content-type"] {
            let mut headers = request();
            headers.insert(name, HeaderValue::from_static("other"));
            assert_eq!(kind(&headers), Some(FaultKind::InvalidSignature), "{name}");
            headers.remove(name);
            assert_eq!(kind(&headers), Some(FaultKind::InvalidSignature), "{name}");
        }
        let mut headers = request();
        let forged = headers["authorization"].to_str().unwrap().replace("Signature=", "Signature=0");
        headers.insert("authorization", forged.parse().unwrap());
        assert_eq!(kind(&headers), Some(FaultKind::InvalidSignature));
    }

    #[test]
    fn refuses_a_signature_made_more_than_five_minutes_away() {
        for minutes in [-5, 5] {
            assert_eq!(kind_at(&request(), BODY, NOW + Duration::minutes(minutes)), None);
        }
        for seconds in [-301, 301] {
            let fault = kind_at(&request(), BODY, NOW + Duration::seconds(seconds));
            assert_eq!(fault, Some(FaultKind::InvalidSignature));
        }
    }

    #[test]
    fn refuses_another_service_or_date_in_the_scope() {
        for scope in ["20260301/eu-central-1/s3/aws4_request", "20260302/eu-central-1/kms/aws4_request"] {
            let mut headers = request();
            sign(&mut headers, SIGNED, scope);
            assert_eq!(kind(&headers), Some(FaultKind::InvalidSignature), "{scope}");
        }
    }

    #[test]
    fn refuses_an_operation_that_is_not_signed() {
        let mut headers = request();
        sign(&mut headers, "content-type;host;x-amz-date", "20260301/eu-central-1/kms/aws4_request");
        assert_eq!(kind(&headers), Some(FaultKind::InvalidSignature));
    }

    #[test]
    fn names_what_an_incomplete_request_lacks() {
        let mut headers = request();
        headers.remove("x-amz-date");
        assert_eq!(kind(&headers), Some(FaultKind::IncompleteSignature));
        headers.insert("authorization", HeaderValue::from_static("Basic abc"));
        assert_eq!(kind(&headers), Some(FaultKind::IncompleteSignature));
        headers.remove("authorization");
        assert_eq!(kind(&headers), Some(FaultKind::MissingAuthenticationToken));
    }

    #[test]
    fn refuses_a_stranger_and_a_session_token() {
        assert_eq!(authenticate(&request(), BODY, NOW, |_| None).unwrap_err().kind(), FaultKind::UnrecognizedClient);
        let mut headers = request();
        headers.insert("x-amz-security-token", HeaderValue::from_static("token"));
        assert_eq!(kind(&headers), Some(FaultKind::UnrecognizedClient));
    }
}
