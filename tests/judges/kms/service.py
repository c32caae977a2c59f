"""Goes through the stand-in's operations and refusals as an application would.

usage: service.py SETTING.json
"""

import json
import sys

from clients import client, outcome

with open(sys.argv[1]) as file:
    SETTING = json.load(file)
ADMIN, HOST, STRANGER = (client(SETTING, caller) for caller in ("admin", "host", "stranger"))


def refused(code, call, **parameters):
    _, verdict = outcome(call, **parameters)
    assert verdict == code, f"{call.__name__}({parameters}): {verdict}, expected {code}"


def new_key(caller=ADMIN, **parameters):
    return caller.create_key(**parameters)["KeyMetadata"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect, action, principal="*", **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": "*", **more}


def describes_keys_by_id_and_by_arn():
    made = new_key(Description="by boto3", KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT")
    assert made["Arn"] == f"arn:aws:kms:{SETTING['region']}:{made['AWSAccountId']}:key/{made['KeyId']}"
    assert (made["KeyState"], made["KeySpec"], made["Enabled"]) == ("Enabled", "RSA_3072", True)
    for name in (made["KeyId"], made["Arn"]):
        assert ADMIN.describe_key(KeyId=name)["KeyMetadata"] == made
    public = ADMIN.get_public_key(KeyId=made["Arn"])
    assert public["KeyId"] == made["Arn"] and public["EncryptionAlgorithms"] == ["RSAES_OAEP_SHA_256"]
    refused("UnsupportedOperationException", ADMIN.get_public_key, KeyId=new_key()["Arn"])


def lists_the_keys_of_the_caller_s_account_in_pages():
    own = {new_key()["Arn"] for _ in range(3)}
    pages = ADMIN.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    listed = [key["KeyArn"] for page in pages for key in page["Keys"]]
    assert own <= set(listed) and len(listed) == len(set(listed))
    assert STRANGER.list_keys()["Keys"] == []
    refused("InvalidMarkerException", ADMIN.list_keys, Marker="nothing")
    refused("ValidationException", ADMIN.list_keys, Limit=1001)


def opens_what_it_encrypted_in_the_same_context_alone():
    key, other = new_key()["Arn"], new_key()["Arn"]
    context = {"group": "g", "signer": "1"}
    blob = ADMIN.encrypt(KeyId=key, Plaintext=b"share", EncryptionContext=context)["CiphertextBlob"]
    opened = ADMIN.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))
    assert (opened["Plaintext"], opened["KeyId"]) == (b"share", key)
    refused("InvalidCiphertextException", ADMIN.decrypt, CiphertextBlob=blob, EncryptionContext={})
    refused("InvalidCiphertextException", ADMIN.decrypt, CiphertextBlob=b"garbage")
    refused("InvalidCiphertextException", ADMIN.decrypt, CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]),
            EncryptionContext=context)
    refused("IncorrectKeyException", ADMIN.decrypt, CiphertextBlob=blob, KeyId=other, EncryptionContext=context)
    refused("AccessDeniedException", STRANGER.decrypt, CiphertextBlob=blob, EncryptionContext=context)
    refused("ValidationException", ADMIN.encrypt, KeyId=key, Plaintext=bytes(4097))


def opens_what_it_encrypted_with_rsa():
    key = new_key(KeySpec="RSA_2048")["Arn"]
    oaep = {"KeyId": key, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    blob = ADMIN.encrypt(Plaintext=bytes(190), **oaep)["CiphertextBlob"]
    assert len(blob) == 256 and ADMIN.decrypt(CiphertextBlob=blob, **oaep)["Plaintext"] == bytes(190)
    refused("ValidationException", ADMIN.encrypt, Plaintext=bytes(191), **oaep)
    refused("InvalidCiphertextException", ADMIN.decrypt, CiphertextBlob=bytes(256), **oaep)
    refused("InvalidKeyUsageException", ADMIN.encrypt, KeyId=key, Plaintext=b"x")
    refused("UnsupportedOperationException", ADMIN.decrypt, CiphertextBlob=blob, KeyId=key,
            EncryptionAlgorithm="RSAES_OAEP_SHA_1")
    refused("ValidationException", ADMIN.decrypt, CiphertextBlob=blob, EncryptionAlgorithm="RSAES_OAEP_SHA_256")


def makes_data_keys_and_random_bytes():
    key = new_key()["Arn"]
    made = ADMIN.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"a": "b"})
    assert len(made["Plaintext"]) == 32
    opened = ADMIN.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["Plaintext"]
    assert len(ADMIN.generate_data_key(KeyId=key, NumberOfBytes=7)["Plaintext"]) == 7
    refused("ValidationException", ADMIN.generate_data_key, KeyId=key)
    one, two = (HOST.generate_random(NumberOfBytes=32)["Plaintext"] for _ in range(2))
    assert len(one) == 32 and one != two
    refused("ValidationException", HOST.generate_random, NumberOfBytes=1025)


def replaces_a_policy_only_as_the_one_in_force_allows():
    key = new_key()["Arn"]
    assert json.loads(ADMIN.get_key_policy(KeyId=key)["Policy"])["Id"] == "key-default-1"
    sealed = policy(statement("Allow", ["kms:Get*", "kms:Encrypt"]))
    refused("MalformedPolicyDocumentException", ADMIN.put_key_policy, KeyId=key, Policy=sealed)
    refused("AccessDeniedException", STRANGER.put_key_policy, KeyId=key, Policy=sealed,
            BypassPolicyLockoutSafetyCheck=True)
    ADMIN.put_key_policy(KeyId=key, Policy=sealed, BypassPolicyLockoutSafetyCheck=True)
    assert STRANGER.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == sealed
    for caller in (ADMIN, HOST, STRANGER):
        refused("AccessDeniedException", caller.put_key_policy, KeyId=key, Policy=sealed,
                BypassPolicyLockoutSafetyCheck=True)
    blob = STRANGER.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    refused("AccessDeniedException", ADMIN.decrypt, CiphertextBlob=blob)


def refuses_policies_it_cannot_enforce():
    key = new_key()["Arn"]
    allow_all = statement("Allow", "kms:*")
    for extra in (
        statement("Allow", "kms:Decrypt", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
        statement("Allow", "kms:Decrypt", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        statement("Deny", "kms:Decript"),
        statement("Allow", "kms:Decrypt", principal={"Federated": "x"}),
        {**statement("Allow", "kms:Decrypt"), "NotAction": "kms:Encrypt"},
    ):
        refused("MalformedPolicyDocumentException", ADMIN.put_key_policy, KeyId=key, Policy=policy(allow_all, extra))
    refused("MalformedPolicyDocumentException", ADMIN.put_key_policy, KeyId=key, Policy="no json")
    refused("MalformedPolicyDocumentException", ADMIN.create_key, Policy=policy(statement("Allow", "kms:Decrypt")))


def ends_keys():
    key = new_key()["Arn"]
    blob = ADMIN.encrypt(KeyId=key, Plaintext=b"share")["CiphertextBlob"]
    ADMIN.disable_key(KeyId=key)
    refused("DisabledException", ADMIN.decrypt, CiphertextBlob=blob)
    ADMIN.enable_key(KeyId=key)
    assert ADMIN.decrypt(CiphertextBlob=blob)["Plaintext"] == b"share"
    refused("ValidationException", ADMIN.schedule_key_deletion, KeyId=key, PendingWindowInDays=6)
    scheduled = ADMIN.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (scheduled["KeyState"], scheduled["PendingWindowInDays"]) == ("PendingDeletion", 7)
    refused("KMSInvalidStateException", ADMIN.decrypt, CiphertextBlob=blob)
    refused("KMSInvalidStateException", ADMIN.enable_key, KeyId=key)
    described = ADMIN.describe_key(KeyId=key)["KeyMetadata"]
    assert described["DeletionDate"] == scheduled["DeletionDate"] and not described["Enabled"]


def finds_no_key_that_is_not_here():
    key = new_key()["Arn"]
    elsewhere = key.replace(SETTING["region"], "us-east-1")
    nobody = key[:-12] + "000000000000"
    for name in (nobody, elsewhere, "alias/signer", "not a key"):
        refused("NotFoundException", ADMIN.describe_key, KeyId=name)
    refused("NotFoundException", client(SETTING, "admin", SETTING["other_region"]).describe_key, KeyId=key)
    refused("NotFoundException", STRANGER.describe_key, KeyId=key.rsplit("/", 1)[1])
    refused("AccessDeniedException", STRANGER.describe_key, KeyId=key)


def refuses_callers_it_does_not_know():
    access_key_id, secret = SETTING["callers"]["admin"]
    refused("InvalidSignatureException", client(SETTING, (access_key_id, "another secret")).list_keys)
    refused("UnrecognizedClientException", client(SETTING, ("AKIANOBODY", secret)).list_keys)
    refused("InvalidSignatureException", client(SETTING, "admin", "us-gov-west-1").list_keys)


def refuses_what_it_does_not_provide():
    refused("UnknownOperationException", ADMIN.list_aliases)
    refused("ValidationException", ADMIN.create_key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    refused("ValidationException", ADMIN.create_key, KeySpec="ECC_NIST_P256")
    refused("UnsupportedOperationException", ADMIN.create_key, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    refused("ValidationException", ADMIN.encrypt, KeyId=new_key()["Arn"], Plaintext=b"x", DryRun=True)


for check in (
    describes_keys_by_id_and_by_arn,
    lists_the_keys_of_the_caller_s_account_in_pages,
    opens_what_it_encrypted_in_the_same_context_alone,
    opens_what_it_encrypted_with_rsa,
    makes_data_keys_and_random_bytes,
    replaces_a_policy_only_as_the_one_in_force_allows,
    refuses_policies_it_cannot_enforce,
    ends_keys,
    finds_no_key_that_is_not_here,
    refuses_callers_it_does_not_know,
    refuses_what_it_does_not_provide,
):
    check()
    print(f"{check.__name__} ... ok")
