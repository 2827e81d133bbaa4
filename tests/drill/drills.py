"""One drill: a fault is injected, doctor and Prometheus see it, it is removed, and everything heals."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

from tests.drill.report import Drill
from tests.drill.stage import Stage
from tests.waiting import eventually

POLL = 0.5  # seconds
SEEN_WITHIN = timedelta(minutes=4)
HEALED_WITHIN = timedelta(minutes=4)

Injection = Callable[[Stage], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault: entering `inject` breaks something, leaving it repairs it as a runbook says.

    `doctor` is a regular expression for the line of `letterhead doctor` that names the cause; if it is None,
    `doctor_excused` says why there is none. `alert` is the rule that must fire.
    """

    name: str
    inject: Injection
    doctor: str | None
    alert: str
    doctor_excused: str = ""
    within: timedelta = SEEN_WITHIN


async def drill(stage: Stage, fault: Fault) -> Drill:
    """Drill one fault and return what was seen; it does not raise if something was not."""
    record = Drill(fault.name, doctor_excused=fault.doctor_excused)
    async with fault.inject(stage):
        since = time.monotonic()
        await asyncio.gather(_doctor(stage, fault, record, since), _alert(stage, fault, record, since))
    since = time.monotonic()
    await asyncio.gather(_email(stage, record, since), _alert_resolved(stage, fault, record, since))
    await _well(stage, record, since)
    return record


async def _doctor(stage: Stage, fault: Fault, record: Drill, since: float) -> None:
    """Run doctor until it names the cause."""
    if fault.doctor is None:
        return
    while time.monotonic() - since < fault.within.total_seconds():
        record.doctor_lines = await stage.problems()
        for line in record.doctor_lines:
            if re.search(fault.doctor, line):
                record.doctor, record.doctor_seconds = line, time.monotonic() - since
                return
        await asyncio.sleep(POLL)


async def _alert(stage: Stage, fault: Fault, record: Drill, since: float) -> None:
    """Wait for the alert; note the others that fire meanwhile."""
    while time.monotonic() - since < fault.within.total_seconds():
        firing = {each.name: each for each in await stage.prometheus.firing()}
        record.other_alerts = sorted({*record.other_alerts, *firing} - {fault.alert})
        if found := firing.get(fault.alert):
            record.alert, record.alert_seconds = found.name, time.monotonic() - since
            record.severity, record.summary, record.runbook = found.severity, found.summary, found.runbook
            return
        await asyncio.sleep(POLL)


async def _email(stage: Stage, record: Drill, since: float) -> None:
    """Send an email after the fault was removed, and wait until SES has reported its delivery."""
    try:
        async with asyncio.timeout(HEALED_WITHIN.total_seconds()):
            email_id = await stage.send()
            await eventually(lambda: stage.delivered(email_id), HEALED_WITHIN)
    except (TimeoutError, AssertionError):
        return
    record.email_seconds = time.monotonic() - since


async def _alert_resolved(stage: Stage, fault: Fault, record: Drill, since: float) -> None:
    while time.monotonic() - since < HEALED_WITHIN.total_seconds():
        if fault.alert not in {each.name for each in await stage.prometheus.firing()}:
            record.resolved_seconds = time.monotonic() - since
            return
        await asyncio.sleep(POLL)


async def _well(stage: Stage, record: Drill, since: float) -> None:
    """Wait until doctor finds nothing wrong."""
    try:
        await eventually(stage.is_well, HEALED_WITHIN)
    except AssertionError as error:
        record.doctor_lines.append(f"after the fault was removed: {error}")
        return
    record.well_seconds = time.monotonic() - since
