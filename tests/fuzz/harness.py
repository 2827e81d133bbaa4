"""Runs generated emails from the request to the MIME message, and evaluates what would have been sent.

They pass through the service's own checks, From function, MIME builder and MIME verification. The evaluation
here does not use a parser: it reads lines.
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
from services.sender.commands.drafts import draft
from services.sender.commands.specs import EmailSpec
from services.sender.mime_verification.agreement import disagreements
from services.sender.model import mime
from services.sender.model.emails import Draft
from services.sender.model.mime import MimeMessage
from services.sender.model.origin import Domain, SharedSender, VerificationStatus
from services.sender.model.posting import Addressee, Candidate, Posting, decide, message
from services.sender.model.states import Move
from tests.fuzz.grammar import spec
from tests.fuzz.pieces import FORBIDDEN_HEADERS

CHUNK = 1_000  # cases that a process runs at a time
MAX_FAILURES = 5  # failures reported in full

ID = UUID(int=0x5F0C)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SHARED = SharedSender("send.e2a.dev", "e2a")
VERIFICATIONS = (
    VerificationStatus("READY", ownership="SOLE"),
    VerificationStatus("READY", ownership="PROVEN"),
    VerificationStatus("DEGRADED", dkim_valid=True, ownership="CHALLENGED"),
    VerificationStatus("PENDING", ownership="SOLE", unready_policy="SHARED", shared_ready=True),
    VerificationStatus("LOST", ownership="SOLE"),
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
_FORBIDDEN = {name.lower() for name in FORBIDDEN_HEADERS} - OURS
_LINE = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Way:
    """How requests become MIME messages: as in the service, unless a test replaces a step."""

    check: Callable[[EmailSpec, datetime], Draft] = draft
    write: Callable[[MimeMessage], bytes] = mime.build


@dataclass(slots=True)
class Tally:
    """The results of all cases. `missed` counts injected headers that MIME verification did not detect."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.counts += other.counts
        self.failures = (self.failures + other.failures)[:MAX_FAILURES]


def run(seed: str, cases: int, way: Way = Way()) -> Tally:
    """Evaluate this many cases on all cores; a seed gives the same cases on any number of cores."""
    total = Tally()
    chunks = [(seed, range(start, min(start + CHUNK, cases)), way) for start in range(0, cases, CHUNK)]
    with ProcessPoolExecutor(cpu_count(), mp_context=get_context("spawn")) as pool:
        for tally in pool.map(_run_chunk, chunks):
            total.add(tally)
    return total


def _run_chunk(chunk: tuple[str, range, Way]) -> Tally:
    seed, numbers, way = chunk
    tally = Tally()
    for number in numbers:
        requested, outcome, problems = evaluate(seed, number, way)
        tally.counts.update(["cases", *outcome])
        if problems and len(tally.failures) < MAX_FAILURES:
            tally.failures.append(
                f"{number}: {problems} in {requested} {requested.text!r} {requested.html!r}"
            )
    return tally


def evaluate(seed: str, number: int, way: Way) -> tuple[EmailSpec, list[str], list[str]]:
    """Return a case, its counters, and the problems of the message that would have been sent."""
    random = Random(f"{seed}:{number}")  # noqa: S311 -- reproducible, not secret
    requested = spec(random)
    try:
        made = way.check(requested, NOW)
    except InvalidArgument:
        return requested, ["rejected"], []
    intended = _message(made, random.choice(VERIFICATIONS))
    if intended is None:
        return requested, ["withheld"], []
    content = way.write(intended)
    misread = disagreements(intended, content)
    injected = list(_injected(requested, intended, content))
    outcome = [
        "accepted",
        *_kinds(intended),
        *(["disagreements"] if misread else []),
        *(["injected"] if injected else []),
        *(["missed"] if injected and not misread else []),
    ]
    return requested, outcome, misread + injected


def _kinds(intended: MimeMessage) -> Iterator[str]:
    """Yield the features of an email besides bodies and recipients."""
    if intended.files:
        yield "files"
    if intended.shown:
        yield "inline files"
    names = {name.lower() for name in intended.headers}
    if names & {"in-reply-to", "references"}:
        yield "threads"
    if "list-unsubscribe" in names:
        yield "unsubscribing"
    if not all(map(str.isascii, intended.headers.values())):
        yield "encoded headers"


def _message(made: Draft, status: VerificationStatus) -> MimeMessage | None:
    """Return the message that is sent; None if the From function does not allow it."""
    addressees = [
        Addressee(position, each.kind, each.address, suppressed=False)
        for position, each in enumerate(made.recipients)
    ]
    candidate = Candidate(ID, ID, ID, made.sender, made.content, 0, NOW, addressees)
    domain = Domain(ID, ID, made.sender.domain, None, status)
    sender = decide(candidate, domain, SHARED)
    if sender is None or isinstance(sender, Move):
        return None
    return message(Posting(ID, 1, candidate, sender), made.content)


def _injected(requested: EmailSpec, intended: MimeMessage, content: bytes) -> Iterator[str]:
    """Yield headers that were not requested or are not allowed, and a From other than the decided one."""
    names, values = _lines(content)
    wanted = {*OURS, *(name.lower() for name in requested.headers)}
    if requested.in_reply_to:
        wanted.add("in-reply-to")
    if requested.references:
        wanted.add("references")
    if requested.unsubscribe:
        wanted.update(("list-unsubscribe", "list-unsubscribe-post"))
    if unexpected := [
        name for name in names if name not in wanted or name in _FORBIDDEN or name.startswith("x-ses-")
    ]:
        yield f"headers {unexpected}"
    if any(names.count(name) > 1 for name in names):
        yield "a duplicate header"
    address = intended.sender.address.encode()
    if len(values) != 1 or not (values[0] == address or values[0].endswith(b"<" + address + b">")):
        yield "a different From"


def _lines(content: bytes) -> tuple[list[str], list[bytes]]:
    """Return the names of the outermost headers in lower case, and the unfolded values of From."""
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
