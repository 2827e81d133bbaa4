"""The sandbox's settings, and the addresses it listens on."""

import re
from dataclasses import dataclass
from pathlib import Path

from chassis.config import setting
from sandbox.aws import AwsConfig
from sandbox.dns.internet import NAME_SERVERS, OUTBOUND_ADDRESS


@dataclass(frozen=True, kw_only=True)
class SandboxConfig:
    """Where the sandbox listens and how it behaves; a port of 0 means any free port."""

    sandbox_host: str = setting("127.0.0.1", help="address of all listeners except DNS, which uses 127.0.0.x")
    sandbox_control_port: int = setting(8090, help="port of the control API and the mailbox page")
    sandbox_ses_port: int = setting(8091, help="port of SES, SNS, SQS and STS")
    sandbox_tls_port: int = setting(
        8092, help="port of the same over TLS, and of the SNS signing certificate"
    )
    sandbox_smtp_port: int = setting(8025, help="port of the receiving mail server")
    sandbox_receiver_port: int = setting(8443, help="port of customers' webhook endpoints, with TLS")
    sandbox_dns_port: int = setting(8053, help="port of all name servers, UDP and TCP")

    sandbox_directory: Path = setting(Path(".letterhead/sandbox"), help="directory of the test certificates")
    sandbox_addresses_file: Path | None = setting(
        None, help="file to write the listening addresses to, as JSON"
    )

    sandbox_name_servers: tuple[str, ...] = setting(NAME_SERVERS, help="name servers of customers' zones")
    sandbox_client_address: str = setting(
        OUTBOUND_ADDRESS, help="client address that the mail server assumes for every email"
    )
    sandbox_mail_host: str = setting(
        "mx.letterhead-mailbox.com", help="host name of the receiving mail server"
    )
    sandbox_emails_kept: int = setting(1000, help="maximum number of emails kept in the mailbox", minimum=1)

    sandbox_region: str = setting("us-east-1", help="AWS region")
    sandbox_account: str = setting("123456789012", help="AWS account")
    sandbox_more_regions: tuple[str, ...] = setting(
        (), help="further regions, each as ACCOUNT:REGION:PORT of its SES, SNS, SQS and STS; port 0 = any"
    )
    sandbox_check_interval: float = setting(1.0, help="seconds between SES's DNS checks", minimum=0.01)
    sandbox_control_rate: float = setting(
        1.0, help="SES's control requests per second; 0 = no limit", minimum=0
    )
    sandbox_max_send_rate: float = setting(14.0, help="SES's recipients per second; 0 = no limit", minimum=0)

    sandbox_own_keys: bool = setting(
        True, help="false: all identities share one DKIM key, for tests that create thousands"
    )

    def __post_init__(self) -> None:
        for each in self.sandbox_more_regions:
            if not re.fullmatch(r"\d{12}:[a-z0-9-]+:\d{1,5}", each):
                raise ValueError(f"LETTERHEAD_SANDBOX_MORE_REGIONS: {each!r} is not ACCOUNT:REGION:PORT")

    @property
    def regions(self) -> list[tuple[AwsConfig, int]]:
        """Return the settings of each region of the simulated AWS with its port, the first region first."""
        more = [each.split(":") for each in self.sandbox_more_regions]
        return [
            (self._aws(self.sandbox_account, self.sandbox_region), self.sandbox_ses_port),
            *((self._aws(account, region), int(port)) for account, region, port in more),
        ]

    def _aws(self, account: str, region: str) -> AwsConfig:
        return AwsConfig(
            account=account,
            region=region,
            check_interval=self.sandbox_check_interval,
            control_rate=self.sandbox_control_rate,
            max_send_rate=self.sandbox_max_send_rate,
            own_keys=self.sandbox_own_keys,
        )


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The listening addresses: URLs, host:port pairs, a DNS port, DNS addresses and a file path."""

    control: str
    mailbox: str
    ses: str
    tls: str
    smtp: str
    receiver: str
    dns_port: int
    dns_root: str
    dns_recursor: str
    sns_ca_file: str
    # The URL of SES of each further region, by its name.
    more_ses: dict[str, str]
