//! Which Amazon resource names a plan may hold.

/// Takes the ARN of an IAM role, which Nitro measures into PCR3 letter by letter.
pub(crate) fn role(text: &str) -> Result<&str, String> {
    let named = Parts::read(text).filter(|arn| arn.service == "iam" && arn.region.is_empty());
    let name = named.and_then(|arn| arn.resource.strip_prefix("role/"));
    match name {
        Some(name) if !name.is_empty() && !name.ends_with('/') && name.chars().all(|letter| ROLE.contains(letter)) => {
            Ok(text)
        }
        _ => Err(format!("{text} is not the ARN of an IAM role, such as arn:aws:iam::111122223333:role/signer-1")),
    }
}

/// Takes the ARN of a KMS key. An alias can be pointed at another key, so it names none.
pub(crate) fn kms_key(text: &str) -> Result<&str, String> {
    let resource = Parts::read(text).filter(|arn| arn.service == "kms" && !arn.region.is_empty());
    let resource = resource.map(|arn| arn.resource).unwrap_or_default();
    if resource.starts_with("alias/") || text.starts_with("alias/") {
        return Err(format!("{text} is an alias, which can be pointed at another key: give the key's own ARN"));
    }
    match resource.strip_prefix("key/") {
        Some(id) if !id.is_empty() && id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') => {
            Ok(text)
        }
        _ => {
            Err(format!("{text} is not the ARN of a KMS key, such as arn:aws:kms:eu-central-1:111122223333:key/1234…"))
        }
    }
}

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, of an account.
struct Parts<'a> {
    service: &'a str,
    region: &'a str,
    resource: &'a str,
}

impl<'a> Parts<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, partition) = (parts.next()?, parts.next()?);
        let (service, region) = (parts.next()?, parts.next()?);
        let (account, resource) = (parts.next()?, parts.next()?);
        let partition = partition == "aws" || partition.starts_with("aws-");
        let account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
        (arn == "arn" && partition && account).then_some(Self { service, region, resource })
    }
}

/// What IAM allows in a role's path and name.
const ROLE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+=,.@-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_may_have_a_path_and_be_of_any_partition() {
        for arn in ["arn:aws:iam::111122223333:role/a/b/host-1", "arn:aws-us-gov:iam::111122223333:role/host"] {
            assert_eq!(role(arn), Ok(arn));
        }
    }

    #[test]
    fn what_is_no_role_is_refused() {
        for arn in [
            "arn:aws:iam::111122223333:user/host",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/*",
            "arn:aws:iam::1111:role/host",
            "arn:aws:iam:eu-central-1:111122223333:role/host",
            "arn:aws:sts::111122223333:assumed-role/host/session",
            "arn:aws:iam::111122223333:role/host ",
            "host",
        ] {
            assert!(role(arn).is_err(), "{arn}");
        }
    }

    #[test]
    fn keys_are_named_by_their_own_arn_and_never_by_an_alias() {
        let key = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab";
        assert_eq!(kms_key(key), Ok(key));
        for arn in ["alias/mine", "arn:aws:kms:eu-central-1:111122223333:alias/mine"] {
            assert!(kms_key(arn).unwrap_err().contains("alias"), "{arn}");
        }
        for arn in
            ["arn:aws:kms::111122223333:key/1", "arn:aws:s3:::bucket", "arn:aws:kms:eu-central-1:111122223333:key/"]
        {
            assert!(kms_key(arn).is_err(), "{arn}");
        }
    }
}
