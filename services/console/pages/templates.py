"""Templates and what every page has: its frame, the files it loads, and forms that keep what was typed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from services.console import chips, words
from services.console.assets import Assets
from services.console.calls import Refused

PLACES = (
    ("/app/domains", "Domains"),
    ("/app/emails", "Emails"),
    ("/app/suppressions", "Suppressions"),
    ("/app/keys", "Keys"),
)
OPERATORS_PLACE = ("/app/operator", "Operator")
UNPROCESSABLE = 422  # what was typed is to be corrected


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody typed, and what is wrong with it: beside the field, or above all of them."""

    given: Mapping[str, str] = field(default_factory=dict)
    mistakes: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    def typed(self, name: str, otherwise: str = "") -> str:
        """Returns what stands in a field."""
        return self.given.get(name, otherwise)

    def wrong(self, name: str) -> str:
        """Returns what is wrong with a field; empty when nothing is."""
        return self.mistakes.get(name, "")

    def refused(self, refused: Refused, fields: Mapping[str, str]) -> "Form":
        """Puts a service's no where it belongs; `fields` are the form's names by the request's."""
        mistakes = {
            fields[each.field]: words.sentence(f"This {each.description}")
            for each in refused.violations
            if each.field in fields
        }
        if not mistakes and refused.reason in fields:  # a reason that tells of one field alone
            mistakes = {fields[refused.reason]: words.sentence(refused.message)}
        return Form(self.given, mistakes, "" if mistakes else words.sentence(refused.message))


class Templates:
    """The pages' templates; everything put into them is escaped."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent.with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"asset": assets.url, "chips": chips, "words": words}

    def page(self, request: Request, name: str, /, status: int = 200, **context: Any) -> HTMLResponse:
        """Makes a whole page."""
        session = request.state.session
        frame = {
            "session": session,
            "door": request.url.path.startswith("/d/"),
            "places": (*PLACES, OPERATORS_PLACE) if session and session.operator else PLACES,
            "place": _place(request.url.path),
        }
        return HTMLResponse(self._environment.get_template(name).render(frame | context), status)

    def part(self, name: str, /, **context: Any) -> str:
        """Makes a part of a page that depends on nothing else."""
        return self._environment.get_template(name).render(context)


def typed(form: Iterable[tuple[str, Any]]) -> Form:
    """Reads the fields of a form or a query, blanks around them removed."""
    return Form({name: value.strip() for name, value in form if isinstance(value, str)})


def _place(path: str) -> str:
    return "/".join(path.split("/")[:3])


def older(request: Request, token: str) -> dict[str, Any]:
    """Returns where a list goes on, and where it begins; empty where there is no such place."""
    query = {name: value for name, value in request.query_params.items() if name != "after" and value}
    here = request.url.path
    return {
        "older": f"{here}?{urlencode(query | {'after': token})}" if token else "",
        "first": "?".join(filter(None, (here, urlencode(query)))) if "after" in request.query_params else "",
    }
