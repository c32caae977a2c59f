"""boto3 clients of the stand-in, and the error that a call ends in."""

import boto3
import botocore.config
import botocore.exceptions


def client(setting, caller, region=None):
    access_key_id, secret = setting["callers"][caller] if isinstance(caller, str) else caller
    return boto3.client(
        "kms",
        endpoint_url=setting["endpoint"],
        region_name=region or setting["region"],
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret,
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )


def outcome(call, *arguments, **parameters):
    """The answer and its name: the exception's code where the call is refused, `Ok` where it is not."""
    try:
        return call(*arguments, **parameters), "Ok"
    except botocore.exceptions.ClientError as error:
        assert error.response["ResponseMetadata"]["RequestId"], error
        return None, error.response["Error"]["Code"]
