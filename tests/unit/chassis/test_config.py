"""Settings: typed, bounded, secrets from files, and all errors reported at once."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from chassis.config import Aws, ConfigError, Secret, Server, Tls, describe, load, setting


@dataclass(frozen=True, kw_only=True)
class Everything:
    text: str = setting(help="a text")
    count: int = setting(1, help="a count", minimum=1, maximum=10)
    rate: float = setting(1.0, help="a rate in 1/s", minimum=0.1)
    flag: bool = setting(False, help="a flag")
    place: Path | None = setting(None, help="a place")
    wait: timedelta = setting(timedelta(seconds=1), help="a wait in s", maximum=timedelta(seconds=60))
    names: tuple[str, ...] = setting((), help="some names")
    shape: Literal["round", "square"] = setting("round", help="a shape")
    token: Secret | None = setting(None, help="a token")


@dataclass(frozen=True, kw_only=True)
class Nested:
    server: Server
    everything: Everything


def everything(**values: str) -> dict[str, str]:
    return {f"LETTERHEAD_{name.upper()}": value for name, value in {"text": "t", **values}.items()}


def problems(cls: type[Any], environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(cls, environ)
    return caught.value.problems


def test_every_type_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")

    read = load(
        Everything,
        everything(
            count="10",
            rate="2.5",
            flag="Yes",
            place="/etc",
            wait="0.5",
            names="a, b,,c",
            shape="square",
            token_file=str(secret),
        ),
    )

    assert (read.text, read.count, read.rate, read.flag, read.place) == ("t", 10, 2.5, True, Path("/etc"))
    assert (read.wait, read.names, read.shape) == (timedelta(seconds=0.5), ("a", "b", "c"), "square")
    assert read.token is not None
    assert read.token.reveal() == "s3cret"


def test_unset_and_empty_variables_use_the_default() -> None:
    read = load(Everything, everything(count="", wait=" "))

    assert (read.count, read.wait, read.token) == (1, timedelta(seconds=1), None)


def test_all_errors_are_reported_at_once() -> None:
    wrong = everything(
        text="",
        count="11",
        rate="nan",
        flag="maybe",
        wait="61",
        shape="oval",
        token_file="/none",
        grpc_port="x",
    )

    reported = problems(Nested, wrong)

    assert reported == [
        "LETTERHEAD_GRPC_PORT: 'x' is not a whole number (port of the gRPC server; 0 = any free port)",
        "LETTERHEAD_TEXT is required (a text)",
        "LETTERHEAD_COUNT: 11 is above 10 (a count)",
        "LETTERHEAD_RATE: 'nan' is not a number (a rate in 1/s)",
        "LETTERHEAD_FLAG: 'maybe' is not true or false (a flag)",
        "LETTERHEAD_WAIT: 61 s is above 60 s (a wait in s)",
        "LETTERHEAD_SHAPE: 'oval' is not one of round, square (a shape)",
        "LETTERHEAD_TOKEN_FILE: cannot read '/none': No such file or directory (a token)",
    ]


def test_a_secret_is_not_read_from_a_variable() -> None:
    reported = problems(Everything, everything(token="s3cret"))

    assert "put the secret in a file and set LETTERHEAD_TOKEN_FILE to its path" in reported[0]
    assert "s3cret" not in reported[0]


def test_an_empty_secret_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")

    assert (
        "not a file that contains a secret"
        in problems(Everything, everything(token_file=str(tmp_path / "token")))[0]
    )


def test_a_secret_is_masked_when_printed() -> None:
    secret = Secret("s3cret")

    assert "s3cret" not in f"{secret} {secret!r} {[secret]}"


def test_a_value_that_post_init_rejects_is_an_error() -> None:
    environ = {"LETTERHEAD_AWS_REGION": "us-east-1", "LETTERHEAD_AWS_ACCOUNT": "1234"}

    assert problems(Aws, environ) == ["LETTERHEAD_AWS_ACCOUNT: '1234' is not 12 digits"]


def test_describe_lists_every_variable() -> None:
    described = {each.variable: each for each in describe(Nested)}

    assert described["LETTERHEAD_GRPC_PORT"].required
    assert described["LETTERHEAD_TOKEN_FILE"].help == "a token"
    assert described["LETTERHEAD_WAIT"].default == timedelta(seconds=1)


TLS_FILES = {f"LETTERHEAD_GRPC_{name}_FILE": f"/tls/{name}" for name in ("CERTIFICATE", "KEY", "CA")}


@pytest.mark.parametrize(
    ("kind", "environ", "problem"),
    [
        (
            Tls,
            {},
            "gRPC has no TLS: set LETTERHEAD_GRPC_CA_FILE to PEM files, or",
        ),
        (
            Server,
            {"LETTERHEAD_GRPC_CA_FILE": "/ca"},
            "gRPC has no TLS: set LETTERHEAD_GRPC_CERTIFICATE_FILE",
        ),
        (Tls, TLS_FILES | {"LETTERHEAD_GRPC_PLAINTEXT": "true"}, "LETTERHEAD_GRPC_PLAINTEXT is true but"),
        (Tls, dict(list(TLS_FILES.items())[1:]), "set both of LETTERHEAD_GRPC_CERTIFICATE_FILE and"),
    ],
)
def test_incomplete_tls_requires_an_explicit_plaintext_setting(
    kind: type[Any], environ: dict[str, str], problem: str
) -> None:
    [reported] = problems(kind, {"LETTERHEAD_GRPC_PORT": "1"} | environ)

    assert reported.startswith(problem)


@pytest.mark.parametrize("environ", [TLS_FILES, {"LETTERHEAD_GRPC_PLAINTEXT": "true"}])
def test_complete_tls_or_plaintext_is_accepted(environ: dict[str, str]) -> None:
    server = load(Server, {"LETTERHEAD_GRPC_PORT": "1"} | environ)

    assert server.grpc_plaintext is (environ is not TLS_FILES)
