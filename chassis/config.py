"""Typed settings from LETTERHEAD_* variables, with secrets from files. All errors are reported at once.

Only this module reads the environment. Values that change at run time do not belong here.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_type_hints

from chassis.parsing import PARSERS, check_bounds, parsed, plain
from chassis.regions import OPTIONAL, AwsRegion, parse_regions
from chassis.request_limits import LARGEST, MAX_STREAMS, ORDINARY

PREFIX = "LETTERHEAD_"
SECRET_SUFFIX = "_FILE"  # noqa: S105 - the name of a file
MEBIBYTE = 1024 * 1024
# SES allows one control request per second for an account and region. The margin covers network jitter.
AWS_CONTROL_INTERVAL = timedelta(seconds=1.15)

T = TypeVar("T")


class ConfigError(Exception):
    """The settings are invalid; `problems` has one sentence for each error."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Secret:
    """A value that must never appear in a log, a traceback or a repr."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself; call this only where the value is used."""
        return self._value

    def __repr__(self) -> str:
        return "***"


def setting(
    default: Any = MISSING,
    *,
    help: str,  # noqa: A002 - the same name as in argparse and typer
    minimum: float | timedelta | None = None,
    maximum: float | timedelta | None = None,
) -> Any:
    """Describe one field of a config dataclass; without a default the variable is required.

    `minimum` and `maximum` are inclusive, in the unit of the field. `help` states meaning and unit.
    """
    metadata = {"help": help, "minimum": minimum, "maximum": maximum}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Setting:
    """One environment variable, as listed in `docs/settings.md`."""

    variable: str
    help: str
    default: Any
    required: bool


def describe(cls: type[Any]) -> list[Setting]:
    """Return every variable that `load(cls)` reads, in the order of the fields."""
    found: list[Setting] = []
    for name, kind, spec in _fields(cls):
        if is_dataclass(kind):
            found += describe(kind)
            continue
        required = spec.default is MISSING
        default = None if required else spec.default
        found.append(Setting(_variable(name, kind), spec.metadata.get("help", ""), default, required))
    return found


def load(cls: type[T], environ: Mapping[str, str] | None = None) -> T:
    """Return a `cls` built from the environment; an empty variable counts as unset.

    Raises ConfigError that lists all problems.
    """
    problems: list[str] = []
    built = _build(cls, os.environ if environ is None else environ, problems)
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return built  # type: ignore[no-any-return]


def _build(cls: type[Any], environ: Mapping[str, str], problems: list[str]) -> Any:
    values: dict[str, Any] = {}
    before = len(problems)
    for name, kind, spec in _fields(cls):
        if is_dataclass(kind):
            values[name] = _build(kind, environ, problems)
            continue
        try:
            values[name] = _read(name, kind, spec, environ)
        except ValueError as error:
            problems.append(f"{error} ({spec.metadata.get('help', name)})")
    if len(problems) > before:
        return None
    try:
        return cls(**values)
    except ValueError as error:  # from a __post_init__ that checks fields against each other
        problems.append(str(error))
        return None


def _fields(cls: type[Any]) -> list[tuple[str, type[Any], Any]]:
    hints = get_type_hints(cls)
    return [(spec.name, hints[spec.name], spec) for spec in fields(cls)]


def _variable(name: str, kind: Any) -> str:
    return PREFIX + name.upper() + (SECRET_SUFFIX if plain(kind) is Secret else "")


def _read(name: str, kind: Any, spec: Any, environ: Mapping[str, str]) -> Any:
    variable = _variable(name, kind)
    bare = PREFIX + name.upper()
    if bare != variable and environ.get(bare):
        raise ValueError(f"{bare} is ignored: put the secret in a file and set {variable} to its path")
    text = environ.get(variable, "").strip()
    if not text:
        if spec.default is MISSING:
            raise ValueError(f"{variable} is required")
        return spec.default
    value = parsed(variable, text, plain(kind), _PARSERS)
    check_bounds(variable, value, spec.metadata)
    return value


def _secret(path: str) -> Secret:
    value = Path(path).read_text(encoding="utf-8").strip()
    if not value:
        raise ValueError(path)
    return Secret(value)


_PARSERS = {
    **PARSERS,
    Secret: (_secret, "a file that contains a secret"),
    tuple[AwsRegion, ...]: (
        parse_regions,
        f"a JSON list of objects; each has account and region, and may have {', '.join(OPTIONAL)}",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """Where Postgres is, and how it is verified."""

    database_url: Secret = setting(help="file with the Postgres URL of this service's role")
    database_tls_ca: Secret | None = setting(
        None,
        help="file with the CA certificates that verify Postgres and its host name (`verify-full`)",
    )

    def __post_init__(self) -> None:
        if self.database_tls_ca and "sslmode=" in self.database_url.reveal():
            raise ValueError(
                f"{PREFIX}DATABASE_TLS_CA_FILE means verify-full: remove sslmode from the database URL"
            )


@dataclass(frozen=True, kw_only=True)
class Database(Postgres):
    """The connections of a service to Postgres."""

    database_pool_size: int = setting(10, help="connections in the pool of a process", minimum=1, maximum=200)


@dataclass(frozen=True, kw_only=True)
class Nats:
    """Connection to NATS, and the JetStream stream to use."""

    nats_url: str = setting(help="one or more NATS URLs, separated by commas")
    nats_stream: str = setting("LETTERHEAD", help="name of the JetStream stream")
    nats_subject_prefix: str = setting("", help="prefix of every subject, e.g. acme. for acme.domain.ready")
    nats_seed: Secret | None = setting(None, help="file with the seed of this service's NATS nkey")
    nats_credentials: Secret | None = setting(
        None, help="file with NATS credentials (JWT and seed), for a NATS that uses JWTs; replaces the seed"
    )
    nats_tls_ca: Secret | None = setting(
        None,
        help="file with the CA certificates that verify NATS; its `tls` block then needs `handshake_first`",
    )
    nats_replicas: int = setting(1, help="replicas of the stream; 3 on a cluster", minimum=1, maximum=5)

    def __post_init__(self) -> None:
        if self.nats_seed and self.nats_credentials:
            raise ValueError(
                f"{PREFIX}NATS_SEED_FILE and {PREFIX}NATS_CREDENTIALS_FILE are both set. Keep one."
            )
        urls = [url.strip() for url in self.nats_url.split(",")]
        # With any other scheme the client falls back to plaintext if the server says that TLS is off.
        if self.nats_tls_ca and not all(url.startswith("tls://") for url in urls):
            raise ValueError(
                f"{PREFIX}NATS_URL: {self.nats_url!r} must use tls:// URLs only, because NATS_TLS_CA is set"
            )


@dataclass(frozen=True, kw_only=True)
class Process:
    """Logs, metrics and shutdown of a service."""

    metrics_port: int = setting(0, help="port for Prometheus metrics; 0 = off", minimum=0, maximum=65535)
    drain: timedelta = setting(
        timedelta(seconds=10),
        help="seconds for calls and workers to finish on shutdown",
        minimum=timedelta(0),
    )
    log_format: Literal["json", "text"] = setting("json", help="json lines, or text for a terminal")


@dataclass(frozen=True, kw_only=True)
class Tls:
    """TLS of gRPC between services, and between a service and its callers."""

    REQUIRED: ClassVar[tuple[str, ...]] = ("grpc_ca_file",)

    grpc_certificate_file: Path | None = setting(
        None, help="PEM file with the certificate chain that this process presents"
    )
    grpc_key_file: Path | None = setting(None, help="PEM file with the private key of the certificate")
    grpc_ca_file: Path | None = setting(
        None, help="PEM file with the CA that signs the certificates of services and their clients"
    )
    grpc_client_certificates: bool = setting(
        False, help="true: callers must present a certificate signed by the CA (mTLS)"
    )
    grpc_plaintext: bool = setting(
        False, help="true: gRPC without TLS, on one machine or behind a service mesh that encrypts"
    )

    def __post_init__(self) -> None:
        files = ("grpc_certificate_file", "grpc_key_file", "grpc_ca_file")
        given = [name for name in files if getattr(self, name) is not None]
        if self.grpc_plaintext and given:
            raise ValueError(f"{PREFIX}GRPC_PLAINTEXT is true but {_named(given)} is set: remove one of them")
        missing = [name for name in self.REQUIRED if name not in given]
        if missing and not self.grpc_plaintext:
            raise ValueError(
                f"gRPC has no TLS: set {_named(missing)} to PEM files, or {PREFIX}GRPC_PLAINTEXT=true"
                " to run without encryption"
            )
        if ("grpc_certificate_file" in given) != ("grpc_key_file" in given):
            raise ValueError(f"set both of {_named(files[:2])}, or neither")


def _named(fields: Sequence[str]) -> str:
    """Return the variable names of fields, joined by "and"."""
    return " and ".join(PREFIX + name.upper() for name in fields)


@dataclass(frozen=True, kw_only=True)
class Server(Process, Tls):
    """The gRPC server of a service."""

    REQUIRED: ClassVar[tuple[str, ...]] = ("grpc_certificate_file", "grpc_key_file", "grpc_ca_file")

    grpc_port: int = setting(help="port of the gRPC server; 0 = any free port", minimum=0, maximum=65535)
    grpc_host: str = setting("0.0.0.0", help="address the servers bind")  # noqa: S104 - pods are reached from outside
    grpc_max_receive_bytes: int = setting(
        ORDINARY, help="largest request in bytes", minimum=1024, maximum=LARGEST
    )
    body_memory: int = setting(
        128 * MEBIBYTE,
        help="bytes of memory for large requests, and for large emails that are submitted; the others wait",
        minimum=8 * MEBIBYTE,
    )
    health_port: int = setting(
        0,
        help="port of a plaintext server that serves only grpc.health, for probes; 0 = off",
        minimum=0,
        maximum=65535,
    )
    rpc_deadline: timedelta = setting(
        timedelta(seconds=30), help="seconds a unary call may take", minimum=timedelta(seconds=1)
    )
    streams_per_key: int = setting(
        100, help="maximum open streams of one key or link per process", minimum=1, maximum=MAX_STREAMS
    )
    streams_per_tenant: int = setting(
        500, help="maximum open streams of one tenant per process", minimum=1, maximum=MAX_STREAMS
    )


@dataclass(frozen=True, kw_only=True)
class Aws:
    """The SES regions of the installation. Credentials come from boto3's default credential chain."""

    aws_region: str = setting(help="AWS region, e.g. us-east-1; domains are created in it by default")
    aws_account: str = setting(help="AWS account id, 12 digits")
    aws_endpoint_url: str | None = setting(
        None, help="URL of an AWS endpoint to use instead, e.g. the sandbox"
    )
    more_regions: tuple[AwsRegion, ...] = setting(
        (),
        help="further SES regions, of this or other accounts, as a JSON list of objects: `account`, `region`,"
        " and optionally `profile` (of AWS's configuration files), `endpoint_url`, `configuration_set`,"
        " `feedback_queue`, `feedback_topic`, `feedback_rule` and `shared_domain`",
    )

    def __post_init__(self) -> None:
        if not _is_account(self.aws_account):
            raise ValueError(f"{PREFIX}AWS_ACCOUNT: {self.aws_account!r} is not 12 digits")
        if wrong := [each.account for each in self.more_regions if not _is_account(each.account)]:
            raise ValueError(f"{PREFIX}MORE_REGIONS: account {wrong[0]!r} is not 12 digits")
        names = [each.region for each in self.regions]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(
                f"{PREFIX}MORE_REGIONS: {repeated[0]} is listed twice; domains choose a region by its name"
            )

    @property
    def regions(self) -> tuple[AwsRegion, ...]:
        """Return all regions, the default for new domains first."""
        first = AwsRegion(
            account=self.aws_account, region=self.aws_region, endpoint_url=self.aws_endpoint_url
        )
        return (first, *self.more_regions)


def _is_account(text: str) -> bool:
    return text.isdigit() and len(text) == 12


@dataclass(frozen=True, kw_only=True)
class AwsControl(Aws):
    """AWS settings for services that call SES control operations; all services share each region's rate."""

    aws_control_interval: timedelta = setting(
        AWS_CONTROL_INTERVAL,
        help="seconds between SES control requests of all services together; SES allows one per second",
        minimum=timedelta(milliseconds=10),
    )
