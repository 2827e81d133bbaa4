"""Checks, before anything else, that the credentials are of the account and region that the settings name."""

from collections.abc import Collection

import boto3
from botocore.exceptions import ProfileNotFound

from chassis.regions import AwsRegion
from cli.aws.api import Api
from cli.aws.errors import SetupError, failure
from cli.exit_status import USAGE


def open_session(region: AwsRegion, configured: Collection[str]) -> boto3.Session:
    """Return the session of a region's profile; raise SetupError if it has a region not `configured`."""
    try:
        session = boto3.Session(profile_name=region.profile)
    except ProfileNotFound as error:
        raise failure(error, "sts:GetCallerIdentity", "*") from error
    if session.region_name not in (None, *configured):
        raise SetupError(
            f"The credentials are configured for {session.region_name}, but the settings name"
            f" {', '.join(configured)}. Correct AWS_REGION, or LETTERHEAD_AWS_REGION.",
            USAGE,
        )
    return boto3.Session(profile_name=region.profile, region_name=region.region)


def partition_of(session: boto3.Session) -> str:
    """Return the partition of a session's region, e.g. aws-us-gov; raise SetupError for an unknown region.

    botocore guesses the partition of any name that looks like a region, so a list of regions decides.
    """
    region = session.region_name
    for partition in session.get_available_partitions():
        if region in session.get_available_regions("sns", partition):
            return str(partition)
    raise SetupError(f"{region!r} is not an AWS region. Correct LETTERHEAD_AWS_REGION.", USAGE)


def check_caller(api: Api, region: AwsRegion, partition: str) -> str:
    """Return the ARN of the caller; raise SetupError if it is of another account or partition."""
    answer = api.call("sts", "get_caller_identity", "*")
    account, caller = answer["Account"], str(answer["Arn"])
    if account != region.account:
        raise SetupError(
            f"The credentials are of account {account} ({caller}), but the settings name {region.account}."
            " Use other credentials, or correct LETTERHEAD_AWS_ACCOUNT.",
            USAGE,
        )
    if caller.split(":")[1] != partition:
        raise SetupError(
            f"The credentials are of partition {caller.split(':')[1]}, but {region.region} is in {partition}."
            " Use other credentials, or correct LETTERHEAD_AWS_REGION.",
            USAGE,
        )
    return caller
