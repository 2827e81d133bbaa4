"""The settings of sender."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from chassis import config
from chassis.config import MEBIBYTE, setting
from chassis.regions import AwsRegion, SesRegion
from services.sender.model.impersonation import ProtectedNames
from services.sender.model.lookalikes import skeleton
from services.sender.model.origin import SharedSender


@dataclass(frozen=True, kw_only=True)
class Server(config.Server):
    """The server settings of every service, with room for large emails and time to finish a POST."""

    grpc_max_receive_bytes: int = setting(
        48 * MEBIBYTE, help="largest request in bytes", minimum=1024, maximum=64 * MEBIBYTE
    )
    body_memory: int = setting(
        704 * MEBIBYTE,
        help="bytes of memory for large requests, and for large emails that are submitted; the others wait",
        minimum=256 * MEBIBYTE,
    )
    drain: timedelta = setting(
        timedelta(seconds=24), help="seconds that calls and POSTs get at shutdown", minimum=timedelta(0)
    )


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The shared sender: it replaces the From address of domains that are not ready."""

    shared_domain: str | None = setting(
        None,
        help="READY domain of the operator's tenant to send from instead, in LETTERHEAD_AWS_REGION; unset: no"
        " shared sender",
    )
    shared_brand: str = setting("letterhead", help="brand in the sender's name: `<tenant> via <brand>`")
    shared_reserved: tuple[str, ...] = setting(
        (), help="words reserved on the shared domain, as local parts and names, besides the built-in ones"
    )
    protected_brands: tuple[str, ...] = setting(
        (), help="brands that no tenant may use as a name on the shared domain, look-alikes included"
    )

    def __post_init__(self) -> None:
        if unusable := [each for each in self.protected_brands if len(skeleton(each)) < 2]:
            raise ValueError(
                f"LETTERHEAD_PROTECTED_BRANDS: {unusable[0]!r} has fewer than two letters; "
                "use a longer name, or remove it"
            )

    def sender(self, domain: str) -> SharedSender:
        """Return the shared sender with this domain."""
        brands = (*self.protected_brands, self.shared_brand)
        protected = ProtectedNames(domain=domain, reserved=self.shared_reserved, brands=brands)
        return SharedSender(domain, self.shared_brand, protected)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How long to wait for evidence of a lost answer, and what proves that feedback is live."""

    unknown_window: timedelta = setting(
        timedelta(minutes=15), help="seconds without an event after which an email of unknown outcome is held"
    )
    resend_window: timedelta = setting(
        timedelta(seconds=60),
        help="seconds without an event after which it is sent once more, if it asked for that",
    )
    liveness_sends: int = setting(
        20,
        help="number of later attempts with events that make a missing event count",
        minimum=1,
        maximum=1000,
    )
    liveness_freshness: timedelta = setting(
        timedelta(minutes=2), help="seconds for which such events count", minimum=timedelta(seconds=1)
    )
    heartbeat_interval: timedelta = setting(
        timedelta(seconds=10),
        help="seconds between emails to SES's simulator while events are needed as proof",
    )
    event_path_interval: timedelta = setting(
        timedelta(minutes=5),
        help="seconds between emails to SES's simulator at other times, which prove that SES's events arrive;"
        " they need a shared domain; 0: none",
        minimum=timedelta(0),
    )


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a tenant that has none of its own in identity.tenants."""

    tenant_send_rate: float | None = setting(
        None, help="recipients per second of one tenant; unset: SES's rate", minimum=0.01
    )
    tenant_daily_limit: int | None = setting(
        None, help="recipients per day (UTC) of one tenant; unset: no limit"
    )
    new_tenant_limit: int | None = setting(None, help="daily limit while a tenant is new; unset: no limit")
    new_tenant_age: timedelta = setting(
        timedelta(days=14), help="seconds for which a tenant counts as new", minimum=timedelta(0)
    )
    slowed_send_rate: float = setting(
        1.0, help="recipients per second of a tenant slowed down for a poor reputation", minimum=0.01
    )


@dataclass(frozen=True, kw_only=True)
class SoftBounces:
    """When an address that keeps soft-bouncing is suppressed, and for how long."""

    soft_bounce_days: int = setting(
        3,
        help="days with a soft bounce after which an address is suppressed for a while; 0: never",
        minimum=0,
        maximum=30,
    )
    soft_bounce_window: timedelta = setting(
        timedelta(days=7), help="seconds within which these days count", minimum=timedelta(days=1),
        maximum=timedelta(days=30),
    )  # fmt: skip
    soft_bounce_suppression: timedelta = setting(
        timedelta(days=14), help="seconds for which such an address is suppressed", minimum=timedelta(hours=1)
    )


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the sender service."""

    server: Server
    database: config.Database
    nats: config.Nats
    aws: config.Aws
    shared: Shared
    windows: Windows
    limits: Limits
    soft_bounces: SoftBounces = field(default_factory=SoftBounces)
    identity_address: str | None = setting(
        None, help="host:port of identity, to pause tenants with a poor reputation; unset: only slow them"
    )
    service_key: config.Secret | None = setting(
        None, help="file with the key for calls between services; required with an identity_address"
    )
    reputation_interval: timedelta = setting(
        timedelta(seconds=20), help="seconds between checks of bounces and complaints", minimum=timedelta(0)
    )
    sending_region: str | None = setting(
        None, help="region whose emails this process submits; unset: LETTERHEAD_AWS_REGION"
    )
    submitting: bool = setting(
        True, help="false: submit nothing to SES and let nothing expire, for use after a database restore"
    )
    configuration_set: str = setting("letterhead", help="SES configuration set to send every email with")
    ses_threads: int = setting(16, help="most concurrent POSTs per process", minimum=1, maximum=64)
    email_deadline: timedelta = setting(
        timedelta(days=7), help="seconds until an unsent email expires", minimum=timedelta(minutes=1)
    )
    body_retention: timedelta = setting(
        timedelta(days=7), help="seconds to keep a body after its email has reached its last state"
    )
    email_retention: timedelta = setting(
        timedelta(days=90),
        help="seconds to keep an email, with recipients, attempts and history, after its last state",
        minimum=timedelta(days=8),
    )
    request_retention: timedelta = setting(
        timedelta(days=30),
        help="seconds to remember a request_id, at most as long as emails are kept",
        minimum=timedelta(days=1),
    )

    def __post_init__(self) -> None:
        names = [each.region for each in self.aws.regions]
        if self.sending_region not in (None, *names):
            raise ValueError(
                f"LETTERHEAD_SENDING_REGION: {self.sending_region!r} is not one of {', '.join(names)}; "
                "add it to LETTERHEAD_MORE_REGIONS"
            )

    @property
    def region(self) -> AwsRegion:
        """Return the region whose emails this process submits."""
        wanted = self.sending_region or self.aws.aws_region
        return next(each for each in self.aws.regions if each.region == wanted)

    @property
    def region_configuration_set(self) -> str:
        """Return the configuration set that this process submits emails with."""
        return self.region.configuration_set or self.configuration_set

    @property
    def feedback_source(self) -> str:
        """Return the region and configuration set, whose SES events say what became of emails."""
        return f"{self.region.ses_region}:{self.region_configuration_set}"

    @property
    def shared_domains(self) -> Mapping[SesRegion, str]:
        """Return the shared sender's domain of each region that has one."""
        first, *others = self.aws.regions
        domains = [(first, self.shared.shared_domain), *((each, each.shared_domain) for each in others)]
        return {region.ses_region: domain.lower() for region, domain in domains if domain}

    @property
    def shared_sender(self) -> SharedSender | None:
        """Return the shared sender of the region whose emails this process submits, if there is one."""
        domain = self.shared_domains.get(self.region.ses_region)
        return self.shared.sender(domain) if domain else None

    @property
    def notice_sender(self) -> SharedSender | None:
        """Return the shared sender that notices are sent by: that of the first region that has one."""
        domain = next(iter(self.shared_domains.values()), None)
        return self.shared.sender(domain) if domain else None
