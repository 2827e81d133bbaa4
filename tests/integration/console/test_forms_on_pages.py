"""Forms keep what was typed, and show errors next to their fields."""

import grpc
import pytest
from starlette.requests import Request

from chassis.client import CallFailed
from chassis.errors import Violation
from services.console.pages.templates import Form, older, typed

FIELDS = {"name": "name", "DOMAIN_EXISTS": "name"}


def refused(reason: str, message: str, *violations: Violation) -> CallFailed:
    return CallFailed(grpc.StatusCode.INVALID_ARGUMENT, reason, message, violations=violations)


@pytest.mark.parametrize(
    ("rejection", "wrong", "problem"),
    [
        (refused("INVALID_FIELD", "name: is an IP", Violation("name", "is an IP")), "This is an IP.", ""),
        (
            refused("INVALID_FIELD", "name: is empty", Violation("name", "is empty", "MISSING")),
            "This is empty; fill it in.",
            "",
        ),
        (refused("DOMAIN_EXISTS", "The domain is there already."), "The domain is there already.", ""),
        (refused("TENANT_PAUSED", "The tenant is paused: bounces."), "", "The tenant is paused: bounces."),
        (refused("INVALID_FIELD", "region: is odd", Violation("region", "is odd")), "", "Region: is odd."),
    ],
)
def test_an_error_is_shown_next_to_its_field(rejection: CallFailed, wrong: str, problem: str) -> None:
    form = typed({"name": " 10.0.0.1 ", "file": b"no text"}.items()).with_failure(rejection, FIELDS)

    assert form.typed("name") == "10.0.0.1"
    assert form.typed("file") == ""
    assert form.wrong("name") == wrong
    assert form.problem == problem


def asked(query: str) -> Request:
    return Request({"type": "http", "path": "/app/emails", "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize(
    ("query", "token", "pages"),
    [
        ("", "", {"older": "", "first": ""}),
        ("", "a+b/c=", {"older": "/app/emails?after=a%2Bb%2Fc%3D", "first": ""}),
        (
            "search=a&state=&after=x",
            "y",
            {"older": "/app/emails?search=a&after=y", "first": "/app/emails?search=a"},
        ),
        ("after=x", "", {"older": "", "first": "/app/emails"}),
    ],
)
def test_pagination_links_keep_the_search(query: str, token: str, pages: dict[str, str]) -> None:
    assert older(asked(query), token) == pages


def test_an_empty_form_has_no_errors() -> None:
    assert (Form().typed("name"), Form().typed("name", "otherwise"), Form().wrong("name")) == (
        "",
        "otherwise",
        "",
    )
