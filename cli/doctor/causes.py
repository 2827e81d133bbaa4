"""Tells causes from consequences: when NATS is down, unpublished events follow from it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cli.doctor.findings import PROBLEMS, Finding, PartStatus
from services import PROCESSES

_SERVICES = tuple(each.name for each in PROCESSES)
_SCHEMAS = tuple(each.name for each in PROCESSES if each.schema)
# How SES's events reach webhooks.
_WAY = ("resources", "ses-events", "topic", "queue", "event-rule")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an installation: whose it is, and the parts whose problems explain its own.

    Of the parts in `own`, only a problem of the same service explains it.
    """

    owner: str
    explained_by: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


# In the order in which problems are to be fixed: a part is explained only by parts above it.
PARTS: Mapping[str, Part] = {
    "database": Part("Postgres"),
    "clock": Part("Postgres"),
    "schema": Part("Postgres", ("database",)),
    "connections": Part("Postgres", ("database",)),
    "rights": Part("Postgres", ("database", "schema")),
    "certificate": Part(""),
    "nats": Part("NATS", own=("certificate",)),
    "storage": Part("NATS", ("nats",)),
    "stream": Part("NATS", ("nats", "storage")),
    "aws": Part("AWS"),
    "aws-access": Part("", own=("clock",)),
    **{name: Part(name, ("database", "schema"), own=("certificate", "rights")) for name in _SERVICES},
    "process": Part("", ("database", "schema"), own=("rights", *_SERVICES)),
    "release": Part("", ("schema",)),
    "regions": Part(""),
    "service key": Part("", ("database",)),
    "resources": Part("SES, SNS and SQS", ("aws",)),
    "ses-events": Part("SES", ("aws", "resources")),
    "topic": Part("SNS", ("aws", "resources")),
    "signatures": Part("SNS", ("aws", "resources")),
    "queue": Part("SQS", ("aws", "resources")),
    "event-rule": Part("EventBridge", ("aws", "resources", "queue")),
    "ses": Part("SES", ("database", "verifier", "aws-access")),
    "shared": Part("identity", ("database", "identity", "verifier", "ses")),
    "identities": Part("SES", ("aws", "verifier")),
    "outbox": Part("", ("database", "nats", "storage", "stream"), own=("rights", *_SCHEMAS)),
    "dead_letters": Part("", ("schema",), own=("rights", *_SCHEMAS)),
    "feedback": Part("webhooks", ("webhooks", *_WAY), own=("aws-access",)),
    "event path": Part(
        "SES, SNS and SQS",
        ("sender", "webhooks", "ses", "shared", "feedback", "identities", *_WAY, "aws-access"),
    ),
}
_ORDER = {part: position for position, part in enumerate(PARTS)}


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with their services: each cause, then what follows from it; the healthy last."""
    found = sorted((_owned(each) for each in findings), key=lambda each: _ORDER[each.part])
    problems = [each for each in found if each.status in PROBLEMS]
    roots = {position: _root(each, problems) for position, each in enumerate(found)}
    causes = [each for position, each in enumerate(found) if each in problems and roots[position] is each]
    grouped: list[Finding] = []
    for cause in causes:
        grouped.append(cause)
        grouped += [
            replace(each, follows_from=cause.part)
            for position, each in enumerate(found)
            if roots[position] is cause and each is not cause
        ]
    others = [each for position, each in enumerate(found) if roots[position] is each and each not in causes]
    return grouped + sorted(others, key=lambda each: each.status is PartStatus.WELL)


def _owned(finding: Finding) -> Finding:
    return finding if finding.service else replace(finding, service=PARTS[finding.part].owner)


def _root(finding: Finding, problems: Sequence[Finding]) -> Finding:
    """Return the problem at the root of a finding; the finding itself if nothing explains it."""
    if finding.status is PartStatus.WELL:
        return finding
    for cause in problems:
        if _explains(cause, finding):
            return _root(cause, problems)
    return finding


def _explains(cause: Finding, finding: Finding) -> bool:
    part = PARTS[finding.part]
    if cause.part in part.explained_by:
        return True
    return cause.part in part.own and cause.service == finding.service
