"""The settings of the identity service."""

from dataclasses import dataclass, replace
from datetime import timedelta

from chassis import config
from chassis.access import Scope, well_formed
from chassis.config import Secret, setting
from chassis.regions import AwsRegion


@dataclass(frozen=True, kw_only=True)
class SesSettings:
    """The tag and the configuration set of this installation's identities at SES."""

    installation: str = setting(
        "letterhead", help="value of the tag that marks this installation's SES identities"
    )
    configuration_set: str = setting("letterhead", help="SES configuration set of the identities")

    def of(self, region: AwsRegion) -> "SesSettings":
        """Return the settings of one region, whose configuration set may have another name."""
        return replace(self, configuration_set=region.configuration_set or self.configuration_set)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The tokens, read from files. To rotate one, rotate the key with RotateApiKey and change its file."""

    admin_key: Secret | None = setting(
        None, help="file with the operator's first API key, lh_…; unset: no key is created"
    )
    service_key: Secret | None = setting(
        None, help="file with the API key that the services use between themselves, lh_…"
    )

    def __post_init__(self) -> None:
        for name, token, _ in self.given():
            if not well_formed(token):
                raise ValueError(
                    f"LETTERHEAD_{name.upper()}_FILE: malformed API key; expected a key of the form lh_…"
                )
        if len({token for _, token, _ in self.given()}) < len(self.given()):
            raise ValueError(
                "LETTERHEAD_SERVICE_KEY_FILE: contains the admin key; create a separate service key"
            )

    def given(self) -> list[tuple[str, str, Scope]]:
        """Return the setting, token and scope of each key that is set."""
        keys = (("admin_key", self.admin_key, Scope.ADMIN), ("service_key", self.service_key, Scope.SERVICE))
        return [(name, key.reveal(), scope) for name, key, scope in keys if key is not None]


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the identity service."""

    server: config.Server
    database: config.Database
    nats: config.Nats
    aws: config.AwsControl
    ses: SesSettings
    keys: Keys
    inbound_mx: str | None = setting(
        None, help="host of the MX record shown for receiving email; unset: no such record is shown"
    )
    provisioning_wait: timedelta = setting(
        timedelta(seconds=5), help="seconds that CreateDomain waits for SES", minimum=timedelta(0)
    )
    slow_retry: timedelta = setting(
        timedelta(minutes=5), help="seconds between retries of SES errors that an operator must fix"
    )
    domains_per_tenant: int = setting(10_000, help="maximum number of domains per tenant", minimum=1)
    pending_domains_per_tenant: int = setting(
        50,
        help="maximum number of a tenant's domains that are PROVISIONING, PENDING or FAILED",
        minimum=1,
    )
    keys_per_tenant: int = setting(100, help="maximum number of active API keys per tenant", minimum=1)
    links_per_domain: int = setting(20, help="maximum number of active links per domain", minimum=1)
