"""The SES regions of an installation: all that happens to a domain at AWS happens in the domain's region."""

from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True)
class SesRegion:
    """An AWS account and a region: where SES keeps identities, limits what is sent, and sends from."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}:{self.region}"

    @property
    def filter(self) -> dict[str, str]:
        """Return the parameters of a statement that is about this region only."""
        return {"account": self.account, "region": self.region}

    @property
    def control_key(self) -> str:
        """Return the rate limiter key of SES's control requests here, which all services share."""
        return f"ses-control:{self}"


class AwsRegion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach AWS in one region, and the names there that differ from those in the first region.

    `profile` names the section of AWS's configuration files with the credentials; None: the default chain.
    """

    account: str
    region: str
    endpoint_url: str | None = None
    profile: str | None = None
    configuration_set: str | None = None
    feedback_queue: str | None = None
    feedback_topic: str | None = None
    feedback_rule: str | None = None
    shared_domain: str | None = None

    @property
    def ses_region(self) -> SesRegion:
        """Return the account and the region."""
        return SesRegion(self.account, self.region)


OPTIONAL = AwsRegion.__struct_fields__[2:]


def parse_regions(text: str) -> tuple[AwsRegion, ...]:
    """Return regions from a JSON list of objects; raise ValueError for anything else."""
    try:
        return msgspec.json.decode(text, type=tuple[AwsRegion, ...])
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
