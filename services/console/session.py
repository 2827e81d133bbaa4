"""Sign-ins kept in encrypted cookies: whose key a page calls with, and the token its forms carry.

Nothing is kept on the server, so any replica knows a session and a restart ends none. A cookie holds a key,
so it is encrypted, not only signed; the secret's file may list several, of which the first encrypts.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import timedelta
from hmac import compare_digest
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.requests import Request
from starlette.responses import Response

from chassis.config import Secret

SESSION_AGE = timedelta(hours=12)
SHORTEST_SECRET = 32  # characters
LARGEST_COOKIE = 4096  # bytes, what browsers keep


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in: the key or link token to call with, and the token that proves a form to be of our page."""

    key: str
    csrf: str

    @classmethod
    def of(cls, key: str) -> "Session":
        """Begin one."""
        return cls(key, secrets.token_urlsafe(32))

    def proves(self, token: str) -> bool:
        """Tell whether a form's token is this session's."""
        return compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """Reads and writes the cookies: one for a tenant's sign-in, and one for each domain opened by a link."""

    def __init__(self, secret: Secret, *, secure: bool) -> None:
        self._fernet = MultiFernet([_fernet(line) for line in secret.reveal().split()])
        self._secure = secure

    def tenant(self, request: Request) -> Session | None:
        """Give the sign-in of a tenant's browser, unless there is none or it has expired."""
        return self._read(request, "session")

    def link(self, request: Request, domain_id: UUID) -> Session | None:
        """Give what a link has opened of one domain in this browser."""
        return self._read(request, _of_domain(domain_id))

    def keep_tenant(self, response: Response, session: Session) -> None:
        """Sign a tenant's browser in."""
        self._write(response, "session", session)

    def keep_link(self, response: Response, domain_id: UUID, session: Session) -> None:
        """Open one domain to the browser of whoever has its link."""
        self._write(response, _of_domain(domain_id), session)

    def forget_tenant(self, response: Response) -> None:
        """Sign a tenant's browser out."""
        response.delete_cookie(self._name("session"), secure=self._secure, httponly=True, samesite="lax")

    def _read(self, request: Request, name: str) -> Session | None:
        cookie = request.cookies.get(self._name(name), "")
        if not cookie or len(cookie) > LARGEST_COOKIE:
            return None
        try:
            sealed = self._fernet.decrypt(cookie.encode(), ttl=int(SESSION_AGE.total_seconds()))
        except (InvalidToken, UnicodeEncodeError):
            return None
        named, fields = json.loads(sealed)
        return Session(**fields) if named == name else None

    def _write(self, response: Response, name: str, session: Session) -> None:
        # The name is sealed in, so that one domain's cookie put under another's name opens nothing.
        sealed = self._fernet.encrypt(json.dumps([name, asdict(session)]).encode())
        response.set_cookie(
            self._name(name),
            sealed.decode(),
            max_age=int(SESSION_AGE.total_seconds()),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def _name(self, name: str) -> str:
        """Name a cookie so that browsers take it from this very host alone, and over TLS."""
        return f"__Host-letterhead-{name}" if self._secure else f"letterhead-{name}"


def check_secret(secret: Secret) -> None:
    """Raise ValueError, in words, for a secret that is too short to encrypt with."""
    lines = secret.reveal().split()
    if any(len(line) < SHORTEST_SECRET for line in lines):
        raise ValueError(
            f"LETTERHEAD_SESSION_SECRET_FILE: each secret needs {SHORTEST_SECRET} characters or more"
        )


def _fernet(line: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.sha256(line.encode()).digest()))


def _of_domain(domain_id: UUID) -> str:
    return f"link-{domain_id}"
