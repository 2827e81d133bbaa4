"""Sign-ins kept in encrypted cookies: whose key a page calls with, and the token its forms carry.

Nothing is kept on the server, so any replica knows a session and a restart ends none. A cookie holds a key,
so it is encrypted, not only signed; the secret's file may list several, of which the first encrypts.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from hmac import compare_digest
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from starlette.requests import HTTPConnection
from starlette.responses import Response

from chassis.config import Secret

SESSION_AGE = timedelta(hours=12)
SHORTEST_SECRET = 32  # characters
LARGEST_COOKIE = 4096  # bytes, what browsers keep
LINK = "letterhead-link-"
MOST_LINKS = 10  # open in one browser; more would not fit the 8 KiB that proxies take of a header


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in: the key or link token to call with, and the token that proves a form to be of our page."""

    key: str
    csrf: str
    domain_id: UUID | None = None  # of a link: the one domain that it opens
    # For the page's navigation alone; what may be done is decided where it is done, by the key.
    tenant: str = ""
    operator: bool = False

    def proves(self, token: str) -> bool:
        """Tell whether a form's token is the one of this sign-in."""
        return compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """Reads and writes the cookies: one for a tenant's sign-in, and one for each domain opened by a link."""

    def __init__(self, secret: Secret, *, secure: bool) -> None:
        self._fernet = MultiFernet([_fernet(line) for line in secret.reveal().split()])
        self._secure = secure

    def begin(
        self,
        response: Response,
        key: str,
        *,
        domain_id: UUID | None = None,
        tenant: str = "",
        operator: bool = False,
    ) -> None:
        """Sign a browser in: with a tenant's key, or with a link's token to one domain."""
        name = self._name(domain_id)
        # The name is sealed in, so that one domain's cookie put under another's name opens nothing.
        csrf = secrets.token_urlsafe(32)
        kept = {"name": name, "key": key, "csrf": csrf, "tenant": tenant, "operator": operator}
        sealed = self._fernet.encrypt(json.dumps(kept).encode())
        response.set_cookie(
            name,
            sealed.decode(),
            max_age=int(SESSION_AGE.total_seconds()),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def end_oldest(self, request: HTTPConnection, response: Response) -> None:
        """Close the links that were opened first, to make room for one more.

        Each is a cookie that comes with every request, and servers take only so long a header. Browsers send
        the oldest first (RFC 6265, 5.4).
        """
        opened = [name for name in request.cookies if name.startswith(self._kept(LINK))]
        for name in opened[: max(0, len(opened) - MOST_LINKS + 1)]:
            self._delete(response, name)

    def end(self, response: Response, *, domain_id: UUID | None = None) -> None:
        """Sign a browser out."""
        self._delete(response, self._name(domain_id))

    def _delete(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")

    def find(self, request: HTTPConnection, *, domain_id: UUID | None = None) -> Session | None:
        """Give the sign-in of a browser, or what a link has opened to it of one domain; None: neither."""
        name = self._name(domain_id)
        cookie = request.cookies.get(name, "")
        if not cookie or len(cookie) > LARGEST_COOKIE:
            return None
        try:
            sealed = self._fernet.decrypt(cookie.encode(), ttl=int(SESSION_AGE.total_seconds()))
        except (InvalidToken, UnicodeEncodeError):
            return None
        kept = json.loads(sealed)
        if kept["name"] != name:
            return None
        # What another release keeps besides is its own business.
        return Session(kept["key"], kept["csrf"], domain_id, kept["tenant"], kept["operator"])

    def _name(self, domain_id: UUID | None) -> str:
        return self._kept(f"{LINK}{domain_id}" if domain_id else "letterhead-session")

    def _kept(self, name: str) -> str:
        """Name a cookie so that browsers take it from this very host alone, and over TLS."""
        return f"__Host-{name}" if self._secure else name


def check_secret(secret: Secret) -> None:
    """Raise ValueError, in words, for a secret that is too short to encrypt with."""
    lines = secret.reveal().split()
    if any(len(line) < SHORTEST_SECRET for line in lines):
        raise ValueError(
            f"LETTERHEAD_SESSION_SECRET_FILE: each secret needs {SHORTEST_SECRET} characters or more"
        )


def _fernet(line: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.sha256(line.encode()).digest()))
