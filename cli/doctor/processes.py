"""Checks what each running process reports about itself in Postgres: release, clocks, credentials."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from chassis.database import Connection
from cli.doctor.certificates import about as about_certificate
from cli.doctor.durations import short
from cli.doctor.findings import Finding, well, wrong
from services import PROCESSES

# Three reports in a row, and some time for a slow statement.
REPORTED_WITHIN = timedelta(seconds=30)
IGNORED_AFTER = timedelta(minutes=10)
MOST_APART = timedelta(seconds=2)
# AWS's clock is known to a second; it rejects requests signed with a clock five minutes off.
MOST_APART_FROM_AWS = timedelta(seconds=30)
SYNCHRONIZE = "Synchronize the clocks of the machines with NTP; AWS rejects requests signed 5 minutes off."
RUNBOOK = "See docs/runbooks/service-is-down.md."

_REPORTS = """
SELECT service, address, release, regions, now() - reported_at AS age, clock_ahead, aws_clock_ahead,
    aws_fault, service_key, certificate_expires_at - now() AS certificate_left
FROM chassis.processes
WHERE reported_at > now() - $1::interval
ORDER BY service, address
"""

Report = Mapping[str, Any]


async def check_processes(connection: Connection) -> list[Finding]:
    """Return what is wrong with each process by its own report, and in which way they differ."""
    rows = await connection.fetch(_REPORTS, IGNORED_AFTER)
    return findings_about([dict(row) for row in rows])


def findings_about(reports: Sequence[Report]) -> list[Finding]:
    """Return the findings about these reports. Of a process that no longer reports, only counts."""
    fresh = [each for each in reports if each["age"] <= REPORTED_WITHIN]
    found = [
        *_silent(reports, fresh),
        *_releases(fresh),
        *_regions(fresh),
        *(finding.of(each["service"]) for each in fresh for finding in _faults(each)),
    ]
    return found or [
        well("process", f"{len(fresh)} processes report one release, clocks that agree, valid keys")
    ]


def _silent(reports: Sequence[Report], fresh: Sequence[Report]) -> Iterator[Finding]:
    for each in reports:
        if each not in fresh:
            note = f"{_who(each)} has not reported for {short(each['age'])}: it hangs, or was killed"
            yield wrong("process", note, RUNBOOK).of(each["service"])
    for process in PROCESSES:
        if process.schema and process.name not in {each["service"] for each in reports}:
            yield wrong("process", f"no process of {process.name} reports", RUNBOOK).of(process.name)


def _releases(fresh: list[Report]) -> Iterator[Finding]:
    """Report that several releases run; during a rollout that is right, and for a while only."""
    by_release: dict[str, list[Report]] = {}
    for each in fresh:
        by_release.setdefault(each["release"], []).append(each)
    if len(by_release) > 1:
        majority = max(by_release, key=lambda release: len(by_release[release]))
        for release, those in by_release.items():
            if release != majority:
                note = f"{', '.join(map(_who, those))} runs release {release}, and the others run {majority}"
                remedy = "Finish the rollout (`kubectl rollout status`), or deploy one release to all."
                yield wrong("release", note, remedy).of(those[0]["service"])


def _regions(fresh: list[Report]) -> Iterator[Finding]:
    """Report processes that are configured for other accounts or regions than most are."""
    configured = [tuple(each["regions"]) for each in fresh if each["regions"]]
    if len(set(configured)) > 1:
        usual = max(configured, key=configured.count)
        for each in fresh:
            if each["regions"] and tuple(each["regions"]) != usual:
                note = f"{_who(each)} uses {', '.join(each['regions'])}, and others {', '.join(usual)}"
                remedy = "Give all services the same LETTERHEAD_AWS_REGION, _AWS_ACCOUNT and _MORE_REGIONS."
                yield wrong("regions", note, remedy).of(each["service"])


def _faults(report: Report) -> Iterator[Finding]:
    who = _who(report)
    if abs(report["clock_ahead"]) > MOST_APART:
        note = f"the clock of {who} is {_off(report['clock_ahead'])} the database's"
        yield wrong("clock", note, SYNCHRONIZE)
    ahead = report["aws_clock_ahead"]
    if ahead is not None and abs(ahead) > MOST_APART_FROM_AWS:
        yield wrong("clock", f"the clock of {who} is {_off(-ahead)} that of AWS", SYNCHRONIZE)
    if fault := report["aws_fault"]:
        yield wrong("aws-access", f"AWS serves {who} nothing: {fault}", _remedy(fault))
    if report["service_key"] in ("REJECTED", "WRONG_SCOPE"):
        why = {"REJECTED": "is unknown, expired or revoked", "WRONG_SCOPE": "is not a service key"}
        note = f"the service key of {who} {why[report['service_key']]}"
        remedy = (
            "Put the key of identity into the file `service-key` of its Secret, or rotate it:"
            " `letterhead keys rotate --service`. Then restart the process."
        )
        yield wrong("service key", note, remedy)
    if report["certificate_left"] is not None:
        yield from about_certificate(f"the certificate of {who}", report["certificate_left"])


def _remedy(fault: str) -> str:
    return {
        "no_credentials": "Give its service account a role, or the pod credentials: docs/aws.md.",
        "no_answer": "Check its network path to AWS, and LETTERHEAD_AWS_REGION.",
    }.get(fault, "Check its role and credentials (docs/aws.md), and the account: `letterhead account`.")


def _off(ahead: timedelta) -> str:
    seconds = ahead.total_seconds()
    return f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'}"


def _who(report: Report) -> str:
    return f"{report['service']} at {report['address']}"
