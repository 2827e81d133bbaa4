"""Templates and what all pages share: layout, static files, and forms that keep what was typed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from chassis.client import CallFailed
from services.console import chips, dates, email_messages, event_types, messages, texts, webhook_messages
from services.console.assets import Assets
from services.console.messages import sentence_beside, sentence_of

SECTIONS = (
    ("/app/domains", "Domains"),
    ("/app/emails", "Emails"),
    ("/app/suppressions", "Suppressions"),
    ("/app/webhooks", "Webhooks"),
    ("/app/keys", "Keys"),
)
OPERATOR_SECTION = ("/app/operator", "Operator")
UNPROCESSABLE = 422  # the form has errors to correct
NOT_OF_LISTS = ("after", "done")  # parameters that the links to other pages of a list do not keep


@dataclass(frozen=True, slots=True)
class Form:
    """The values of a form and its errors, each next to its field or above the form."""

    given: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def typed(self, name: str, otherwise: str = "") -> str:
        """Return the value of a field."""
        return self.given.get(name, otherwise)

    def wrong(self, name: str) -> str:
        """Return the error of a field; empty if it has none."""
        return self.errors.get(name, "")

    def with_failure(self, failure: CallFailed, fields: Mapping[str, str]) -> "Form":
        """Return the form with a service's error; `fields` maps the request's fields to those of the form."""
        errors = {
            fields[each.field]: sentence_beside(each) for each in failure.violations if each.field in fields
        }
        if not errors and failure.reason in fields:  # some reasons always concern the same field
            errors = {fields[failure.reason]: sentence_of(failure)}
        return Form(self.given, errors, "" if errors else sentence_of(failure))


class Templates:
    """The templates of the pages; all inserted values are escaped."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent.with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "asset": assets.url,
            "chips": chips,
            "dates": dates,
            "email_messages": email_messages,
            "event_types": event_types,
            "messages": messages,
            "texts": texts,
            "webhook_messages": webhook_messages,
        }

    def page(self, request: Request, name: str, /, status: int = 200, **context: Any) -> HTMLResponse:
        """Render a whole page."""
        session = request.state.session
        frame = {
            "session": session,
            "by_link": request.url.path.startswith("/d/"),
            "sections": (*SECTIONS, OPERATOR_SECTION) if session and session.operator else SECTIONS,
            "current_section": _section(request.url.path),
        }
        return HTMLResponse(self._environment.get_template(name).render(frame | context), status)

    def part(self, name: str, /, **context: Any) -> str:
        """Render a part of a page that does not depend on the request."""
        return self._environment.get_template(name).render(context)


def typed(form: Iterable[tuple[str, Any]]) -> Form:
    """Return a form with the fields of a form or a query, without surrounding whitespace."""
    return Form({name: value.strip() for name, value in form if isinstance(value, str)})


def _section(path: str) -> str:
    return "/".join(path.split("/")[:3])


def older(request: Request, token: str) -> dict[str, Any]:
    """Return the URLs of the next and the first page of a list; empty if there is none."""
    query = {
        name: value for name, value in request.query_params.items() if name not in NOT_OF_LISTS and value
    }
    here = request.url.path
    return {
        "older": f"{here}?{urlencode(query | {'after': token})}" if token else "",
        "first": "?".join(filter(None, (here, urlencode(query)))) if "after" in request.query_params else "",
    }
