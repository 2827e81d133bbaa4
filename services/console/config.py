"""The settings of the console service."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from chassis import config
from chassis.config import MEBIBYTE, Secret, setting

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SHORTEST_SECRET = 32  # characters


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of the console service."""

    process: config.Process
    tls: config.Tls
    console_port: int = setting(
        8080, help="port for the pages and the API; 0 picks a free port", minimum=0, maximum=65535
    )
    console_host: str = setting("0.0.0.0", help="address to bind")  # noqa: S104 - pods are called from outside
    public_url: str = setting(
        help="URL that browsers and SDKs use, e.g. https://letterhead.example.com; http only on loopback"
    )
    session_secret: Secret = setting(
        help="file with the secret that encrypts sign-in cookies, at least 32 characters; may list several,"
        " one per line: the first encrypts, all decrypt"
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        help="addresses or networks whose X-Forwarded-For and X-Forwarded-Proto headers are trusted;"
        " if empty, failed sign-ins are counted by key, not by client address",
    )
    api_requests_per_second: int = setting(
        50, help="API requests per second allowed for each key on each replica", minimum=1
    )
    body_memory: int = setting(
        544 * MEBIBYTE,
        help="bytes of memory for large requests; the others wait",
        minimum=384 * MEBIBYTE,
    )
    identity_address: str = setting(help="host:port of the identity service")
    verifier_address: str = setting(help="host:port of the verifier service")
    sender_address: str = setting(help="host:port of the sender service")
    webhooks_address: str = setting("webhooks:50054", help="host:port of the webhooks service")

    def __post_init__(self) -> None:
        check_secret(self.session_secret)
        public = urlsplit(self.public_url)
        if public.scheme != "https" and (public.scheme, public.hostname in LOOPBACK) != ("http", True):
            raise ValueError(f"LETTERHEAD_PUBLIC_URL: {self.public_url!r} is not an https URL")
        if public.path.strip("/") or public.query or public.fragment:
            raise ValueError(
                f"LETTERHEAD_PUBLIC_URL: {self.public_url!r} has more than a scheme, host and port"
            )

    @property
    def origin(self) -> str:
        """Return the public URL without a trailing slash."""
        return self.public_url.rstrip("/")

    @property
    def secure(self) -> bool:
        """Return whether browsers connect over TLS."""
        return self.public_url.startswith("https:")

    @property
    def addresses_shared(self) -> bool:
        """Return whether clients may share an address, as behind a proxy that is not trusted to report it."""
        return not self.trusted_proxies


def check_secret(secret: Secret) -> None:
    """Raise ValueError if a secret is too short to encrypt with."""
    lines = secret.reveal().split()
    if any(len(line) < SHORTEST_SECRET for line in lines):
        raise ValueError(
            f"LETTERHEAD_SESSION_SECRET_FILE: each secret must have at least {SHORTEST_SECRET} characters"
        )
