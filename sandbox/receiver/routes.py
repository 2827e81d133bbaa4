"""The receiver's part of the control API."""

from dataclasses import asdict, dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from sandbox import body
from sandbox.receiver.store import Behavior, Manner, Receiver


@dataclass(frozen=True)
class _PostsQuery:
    at: str | None = None


@dataclass(frozen=True)
class _BehaviorBody:
    path: str
    status: int = 200
    body: str = ""
    headers: list[str] = field(default_factory=list)
    delay_seconds: float = 0
    manner: Manner = Manner.ANSWER
    times: int | None = None


class ReceiverRoutes:
    """Handlers for one receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    @property
    def routes(self) -> list[BaseRoute]:
        """Return the routes to mount under the control API's root."""
        return [
            Route("/receiver/posts", self._list),
            Route("/receiver/posts", self._clear, methods=["DELETE"]),
            Route("/receiver/behaviors", self._behave, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> JSONResponse:
        """List the posts to a path `at`, or all, oldest first, and count the connections."""
        posts = self._receiver.posts(body.query(request, _PostsQuery).at)
        shown = [asdict(each) | {"received_at": each.received_at.isoformat()} for each in posts]
        return JSONResponse({"posts": shown, "connections": self._receiver.connections})

    async def _clear(self, _request: Request) -> JSONResponse:
        """Forget all posts and behaviors."""
        return JSONResponse({"removed": self._receiver.clear()})

    async def _behave(self, request: Request) -> JSONResponse:
        """Set how posts to a `path` are answered: `status`, `body`, `headers`, `delay_seconds`, `manner`."""
        change = await body.read(request, _BehaviorBody)
        self._receiver.behave(
            change.path,
            Behavior(
                status=change.status,
                body=change.body,
                headers=change.headers,
                delay_seconds=change.delay_seconds,
                manner=change.manner,
                times=change.times,
            ),
        )
        return JSONResponse({})
