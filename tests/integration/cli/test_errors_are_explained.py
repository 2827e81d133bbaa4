"""A failed call is explained by its reason: invalid fields, what to do on the command line, when to retry."""

from datetime import timedelta

import grpc
import pytest
from grpc_status import rpc_status

from chassis.errors import (
    AlreadyExists,
    InvalidArgument,
    NotFound,
    ServiceError,
    Unavailable,
    to_status,
    violation,
)
from cli.client import explain


def failed(error: ServiceError) -> grpc.aio.AioRpcError:
    """Return the error of a call as gRPC raises it in a client."""
    status = rpc_status.to_status(to_status(error))
    trailing = grpc.aio.Metadata(*status.trailing_metadata)
    return grpc.aio.AioRpcError(status.code, grpc.aio.Metadata(), trailing, status.details)


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (
            InvalidArgument(
                violations=[
                    violation("name", "PUBLIC_SUFFIX"),
                    violation("region", "UNKNOWN_VALUE", allowed="x"),
                ]
            ),
            [
                "INVALID_ARGUMENT: The request is invalid.",
                "  name: is a public suffix; use a domain that you own under it",
                "  region: must be one of x",
            ],
        ),
        (
            AlreadyExists("DOMAIN_EXISTS", "It exists.", metadata={"name": "example.org", "domain_id": "1"}),
            [
                "ALREADY_EXISTS: It exists.",
                "  `letterhead domains show example.org` shows it and its records.",
            ],
        ),
        (AlreadyExists("DOMAIN_EXISTS", "It exists."), ["ALREADY_EXISTS: It exists."]),  # of an older service
        (NotFound("EMAIL_NOT_FOUND", "Email not found."), ["NOT_FOUND: Email not found."]),
        (
            Unavailable("STORAGE_UNAVAILABLE", "Down.", retry_after=timedelta(seconds=1.5)),
            ["UNAVAILABLE: Down.", "  Try again in 1.5 s."],
        ),
    ],
)
def test_a_failed_call_is_explained_by_its_reason(error: ServiceError, lines: list[str]) -> None:
    assert explain(failed(error)) == lines


def test_a_lost_connection_is_explained_with_its_details() -> None:
    lost = grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "failed to connect to [::1]:1"
    )

    assert explain(lost) == ["UNAVAILABLE: failed to connect to [::1]:1"]
