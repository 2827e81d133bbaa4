"""The mailbox part of the control API, and its web pages."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.templating import Jinja2Templates

from sandbox import body
from sandbox.mailbox.store import Email, Mailbox, Search

_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")  # Starlette turns autoescape on
_PAGE = 200  # maximum number of emails in one response
_NO_SCRIPT = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}


@dataclass(frozen=True)
class _SearchQuery:
    to: str | None = None
    from_: str | None = None
    subject: str | None = None
    limit: int = 50
    after: str | None = None

    def search(self) -> Search:
        return Search(self.to, self.from_, self.subject, max(1, min(self.limit, _PAGE)), self.after)


class MailboxRoutes:
    """Handlers for one mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    @property
    def routes(self) -> list[BaseRoute]:
        """Return the routes to mount under the control API's root."""
        return [
            Route("/mailbox", self._page),
            Route("/mailbox/emails", self._list),
            Route("/mailbox/emails", self._clear, methods=["DELETE"]),
            Route("/mailbox/emails/{email_id}", self._get),
            Route("/mailbox/emails/{email_id}/raw", self._raw),
            Route("/mailbox/{email_id}", self._email_page),
        ]

    async def _list(self, request: Request) -> JSONResponse:
        """Search emails, newest first; `next` is the `after` of the next page."""
        emails, after = self._mailbox.search(body.query(request, _SearchQuery).search())
        return JSONResponse({"emails": [_summary(email) for email in emails], "next": after})

    async def _get(self, request: Request) -> JSONResponse:
        """Return one email with its authentication results."""
        return JSONResponse(_details(self._find(request)))

    async def _raw(self, request: Request) -> Response:
        """Return one email byte for byte, as received."""
        return Response(self._find(request).raw, media_type="message/rfc822")

    async def _clear(self, _request: Request) -> JSONResponse:
        """Delete all emails."""
        return JSONResponse({"removed": self._mailbox.clear()})

    async def _page(self, request: Request) -> Response:
        """Show the mailbox as a web page."""
        emails, after = self._mailbox.search(body.query(request, _SearchQuery).search())
        context = {"emails": emails, "next": after}
        return _TEMPLATES.TemplateResponse(request, "mailbox.html", context, headers=_NO_SCRIPT)

    async def _email_page(self, request: Request) -> Response:
        """Show one email as a web page."""
        context = {"email": self._find(request)}
        return _TEMPLATES.TemplateResponse(request, "email.html", context, headers=_NO_SCRIPT)

    def _find(self, request: Request) -> Email:
        email_id = request.path_params["email_id"]
        email = self._mailbox.get(email_id)
        if email is None:
            raise body.Refused(
                f"There is no email {email_id}. GET /mailbox/emails lists those that are kept.",
                404,
            )
        return email


def _summary(email: Email) -> dict[str, Any]:
    contents, evaluation = email.contents, email.evaluation
    return {
        "id": email.id,
        "received_at": email.received_at.isoformat(),
        "envelope_from": email.envelope.sender,
        "envelope_to": list(email.envelope.recipients),
        "from": contents.from_,
        "reply_to": contents.reply_to,
        "to": contents.to,
        "subject": contents.subject,
        "mailed_by": email.mailed_by,
        "signed_by": email.signed_by,
        "via": email.via,
        "passed": email.passed,
        "authentication_results": email.authentication_results,
        "spf": asdict(evaluation.spf),
        "dkim": [asdict(result) for result in evaluation.dkim],
        "dmarc": asdict(evaluation.dmarc),
    }


def _details(email: Email) -> dict[str, Any]:
    contents = email.contents
    headers = [list(header) for header in contents.headers]
    return _summary(email) | {"text": contents.text, "html": contents.html, "headers": headers}
