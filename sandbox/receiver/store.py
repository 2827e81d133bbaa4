"""The posts that arrived, and how each path answers."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_POSTS = 50_000


class Manner(StrEnum):
    """How a path answers."""

    ANSWER = "answer"  # as HTTP says
    HANG = "hang"  # reads the request and answers nothing
    TRICKLE = "trickle"  # sends one byte of the headers per second
    SLOW_BODY = "slow_body"  # answers at once, and sends one byte of the body per second
    ENDLESS = "endless"  # answers with a body that never ends, as fast as it is read
    BOMB = "bomb"  # answers with headers that never end
    GARBAGE = "garbage"  # sends bytes that are not HTTP
    CLOSE = "close"  # closes the connection without an answer


@dataclass(frozen=True)
class Behavior:
    """How one path answers: after `delay_seconds`, in this manner."""

    status: int = 200
    body: str = ""
    headers: Sequence[str] = ()  # as `name: value`
    delay_seconds: float = 0
    manner: Manner = Manner.ANSWER
    # Of how many posts; unset: of all. Later ones are answered with 200.
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """A request that arrived; header names are in lower case."""

    received_at: datetime
    method: str
    path: str
    headers: dict[str, str]
    body: str


class Receiver:
    """The posts to all paths, and the behavior of each."""

    def __init__(self) -> None:
        self.connections = 0
        self._behaviors: dict[str, Behavior] = {}
        self._left: dict[str, int] = {}
        self._posts: deque[Post] = deque(maxlen=MAX_POSTS)

    def behave(self, path: str, behavior: Behavior) -> None:
        """Answer posts to a path in this way from now on."""
        self._behaviors[path] = behavior
        self._left[path] = MAX_POSTS if behavior.times is None else behavior.times

    def received(self, post: Post) -> Behavior:
        """Record a post, and return how to answer it."""
        self._posts.append(post)
        behavior = self._behaviors.get(post.path, Behavior())
        if behavior.times is not None:
            self._left[post.path] -= 1
        return behavior if self._left.get(post.path, 1) >= 0 else Behavior()

    def posts(self, path: str | None) -> list[Post]:
        """Return the posts to a path, or all, oldest first."""
        return [each for each in self._posts if path in (None, each.path)]

    def clear(self) -> int:
        """Forget all posts and behaviors; return how many posts there were."""
        count = len(self._posts)
        self._posts.clear()
        self._behaviors.clear()
        self._left.clear()
        return count
