"""The static files of the pages, read once at start-up and served at URLs that contain their digest."""

import hashlib
import mimetypes
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

DIRECTORY = Path(__file__).with_name("static")
FOREVER = "public, max-age=31536000, immutable"
DIGEST_LENGTH = 12


class Assets:
    """All files in static/ and their URLs, `/static/<digest>/<name>`."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._files = {
            path.relative_to(directory).as_posix(): path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }
        self._urls = {name: f"/static/{_digest(data)}/{name}" for name, data in self._files.items()}

    def url(self, name: str) -> str:
        """Return the URL path of a file, for templates. Raise KeyError for an unknown file."""
        return self._urls[name]

    def routes(self) -> list[Route]:
        """Return the route that serves the files."""
        return [Route("/static/{digest}/{name:path}", self._serve)]

    async def _serve(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._files:
            raise HTTPException(404)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # During a rolling update, a page from one replica may load its files from another replica with other
        # digests. Serve the current file, but uncached.
        caching = FOREVER if self._urls[name] == request.url.path else "no-store"
        return Response(self._files[name], media_type=kind, headers={"cache-control": caching})


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGEST_LENGTH]
