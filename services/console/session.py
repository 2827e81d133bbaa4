"""Sessions in encrypted cookies: the key that a page makes calls with, and its CSRF token.

The server stores nothing, so every replica can read a session, and sessions survive restarts. A cookie holds
a key, so it is encrypted and not only signed. The secret file may list several secrets; the first encrypts.
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
LARGEST_COOKIE = 4096  # bytes, the limit of browsers
LINK = "letterhead-link-"
MOST_LINKS = 10  # per browser; more cookies would not fit into the 8 KiB that proxies allow for a header


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser: the key or link token to make calls with, and the CSRF token of its forms."""

    key: str
    csrf: str
    domain_id: UUID | None = None  # set for a link: the one domain that it opens
    # These two are only used for navigation. The services authorize every call by its key.
    tenant: str = ""
    operator: bool = False

    def proves(self, token: str) -> bool:
        """Return whether a form's token is the CSRF token that this browser was given."""
        return compare_digest(self.csrf.encode(), token.encode())


class Sessions:
    """Reads and writes the cookies: one for a tenant's session, one for each domain opened by a link."""

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
        """Sign a browser in, with a tenant's key or with a link token for one domain."""
        name = self._name(domain_id)
        # The content includes the cookie's name, so that a cookie renamed to another domain is invalid.
        csrf = secrets.token_urlsafe(32)
        content = {"name": name, "key": key, "csrf": csrf, "tenant": tenant, "operator": operator}
        encrypted = self._fernet.encrypt(json.dumps(content).encode())
        response.set_cookie(
            name,
            encrypted.decode(),
            max_age=int(SESSION_AGE.total_seconds()),
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def end_oldest(self, request: HTTPConnection, response: Response) -> None:
        """Close the links that were opened first, to make room for one more.

        Each link is a cookie that the browser sends with every request, and servers limit the header size.
        Browsers send the oldest cookies first (RFC 6265, 5.4).
        """
        opened = [name for name in request.cookies if name.startswith(self._cookie_name(LINK))]
        for name in opened[: max(0, len(opened) - MOST_LINKS + 1)]:
            self._delete(response, name)

    def end(self, response: Response, *, domain_id: UUID | None = None) -> None:
        """Sign a browser out."""
        self._delete(response, self._name(domain_id))

    def _delete(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")

    def find(self, request: HTTPConnection, *, domain_id: UUID | None = None) -> Session | None:
        """Return a browser's session, for a tenant or for one domain opened by a link; None if absent."""
        name = self._name(domain_id)
        cookie = request.cookies.get(name, "")
        if not cookie or len(cookie) > LARGEST_COOKIE:
            return None
        try:
            decrypted = self._fernet.decrypt(cookie.encode(), ttl=int(SESSION_AGE.total_seconds()))
        except (InvalidToken, UnicodeEncodeError):
            return None
        content = json.loads(decrypted)
        if content["name"] != name:
            return None
        # Fields that another release added are ignored.
        return Session(content["key"], content["csrf"], domain_id, content["tenant"], content["operator"])

    def _name(self, domain_id: UUID | None) -> str:
        return self._cookie_name(f"{LINK}{domain_id}" if domain_id else "letterhead-session")

    def _cookie_name(self, name: str) -> str:
        """Return the cookie name; its `__Host-` prefix makes browsers require this exact host and TLS."""
        return f"__Host-{name}" if self._secure else name


def _fernet(line: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.sha256(line.encode()).digest()))
