"""Sends made-up emails all the way from the request to the bytes, and judges what would have left.

The way is the service's own: checks, From function, letter, writer, proofreading. The judge here knows no
parser: it reads lines.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import cpu_count, get_context
from random import Random
from uuid import UUID

from chassis.errors import InvalidArgument
from services.sender.commands.drafts import Wish, draft
from services.sender.model import mime
from services.sender.model.emails import Draft, Move
from services.sender.model.mime import Letter
from services.sender.model.origin import Domain, SharedSender, Standing
from services.sender.model.posting import Addressee, Candidate, Posting, decide, letter
from services.sender.proofreading.agreement import disagreements
from tests.fuzz.grammar import wish
from tests.fuzz.pieces import FORBIDDEN_HEADERS

CHUNK = 1_000  # cases a process takes at a time
KEPT = 5  # failures told in full

ID = UUID(int=0x5F0C)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHARED = SharedSender("send.e2a.dev", "e2a")
STANDINGS = (
    Standing("READY", ownership="SOLE"),
    Standing("READY", ownership="PROVEN"),
    Standing("DEGRADED", dkim_good=True, ownership="CHALLENGED"),
    Standing("PENDING", ownership="SOLE", unready_policy="SHARED", shared_ready=True),
    Standing("LOST", ownership="SOLE"),
)
OURS = {
    "from",
    "to",
    "cc",
    "reply-to",
    "subject",
    "date",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
}
_NEVER = {name.lower() for name in FORBIDDEN_HEADERS} - OURS
_LINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Way:
    """How requests become bytes: the service's own way, unless a test takes another."""

    check: Callable[[Wish, datetime], Draft] = draft
    write: Callable[[Letter], bytes] = mime.build


@dataclass(slots=True)
class Tally:
    """What became of all cases. `unseen` counts injected headers that proofreading let pass."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.counts += other.counts
        self.failures = (self.failures + other.failures)[:KEPT]


def run(seed: str, cases: int, way: Way = Way()) -> Tally:
    """Judge this many cases on all cores; a seed gives the same cases on any number of them."""
    total = Tally()
    chunks = [(seed, range(start, min(start + CHUNK, cases)), way) for start in range(0, cases, CHUNK)]
    with ProcessPoolExecutor(cpu_count(), mp_context=get_context("spawn")) as pool:
        for tally in pool.map(_judged, chunks):
            total.add(tally)
    return total


def _judged(chunk: tuple[str, range, Way]) -> Tally:
    seed, numbers, way = chunk
    tally = Tally()
    for number in numbers:
        asked, outcome, problems = judge(seed, number, way)
        tally.counts.update(["cases", *outcome])
        if problems and len(tally.failures) < KEPT:
            tally.failures.append(f"{number}: {problems} in {asked} {asked.text!r} {asked.html!r}")
    return tally


def judge(seed: str, number: int, way: Way) -> tuple[Wish, list[str], list[str]]:
    """Give a case, what is counted of it, and what is wrong with what would have left."""
    random = Random(f"{seed}:{number}")  # noqa: S311 -- to be had again, not to be secret
    asked = wish(random)
    try:
        made = way.check(asked, NOW)
    except InvalidArgument:
        return asked, ["refused"], []
    meant = _letter(made, random.choice(STANDINGS))
    if meant is None:
        return asked, ["withheld"], []
    content = way.write(meant)
    misread = disagreements(meant, content)
    injected = list(_injected(asked, meant, content))
    outcome = [
        "accepted",
        *_kinds(meant),
        *(["disagreements"] if misread else []),
        *(["injected"] if injected else []),
        *(["unseen"] if injected and not misread else []),
    ]
    return asked, outcome, misread + injected


def _kinds(meant: Letter) -> Iterator[str]:
    """Name what an email holds beside bodies and recipients."""
    if meant.files:
        yield "files"
    if meant.shown:
        yield "inline files"
    names = {name.lower() for name in meant.headers}
    if names & {"in-reply-to", "references"}:
        yield "threads"
    if "list-unsubscribe" in names:
        yield "unsubscribing"


def _letter(made: Draft, standing: Standing) -> Letter | None:
    """Give what leaves; None where the From function does not let it."""
    addressees = [
        Addressee(position, each.kind, each.address, suppressed=False)
        for position, each in enumerate(made.recipients)
    ]
    candidate = Candidate(ID, ID, ID, made.sender, made.content, 0, NOW, addressees)
    domain = Domain(ID, ID, made.sender.domain, None, standing)
    sender = decide(candidate, domain, SHARED)
    if sender is None or isinstance(sender, Move):
        return None
    return letter(Posting(ID, 1, candidate, sender), made.content)


def _injected(asked: Wish, meant: Letter, content: bytes) -> Iterator[str]:
    """Name headers that nobody asked for or may ask for, and a From that is not the one decided."""
    names, values = _lines(content)
    wanted = {*OURS, *(name.lower() for name in asked.headers)}
    if asked.in_reply_to:
        wanted.add("in-reply-to")
    if asked.references:
        wanted.add("references")
    if asked.unsubscribe:
        wanted.update(("list-unsubscribe", "list-unsubscribe-post"))
    if strange := [
        name for name in names if name not in wanted or name in _NEVER or name.startswith("x-ses-")
    ]:
        yield f"headers {strange}"
    if any(names.count(name) > 1 for name in names):
        yield "a header twice"
    address = meant.sender.address.encode()
    if len(values) != 1 or not (values[0] == address or values[0].endswith(b"<" + address + b">")):
        yield "another From"


def _lines(content: bytes) -> tuple[list[str], list[bytes]]:
    """Give the names of the outermost headers in lower case, and the values of From, unfolded."""
    names: list[str] = []
    values: list[bytes] = []
    for line in _LINE.split(content.partition(b"\r\n\r\n")[0]):
        name, _, value = line.partition(b":")
        if line[:1] in (b" ", b"\t"):
            if names[-1:] == ["from"]:
                values[-1] += line
            continue
        names.append(name.decode("latin-1").lower())
        if names[-1] == "from":
            values.append(value.strip())
    return names, values
