"""The record of one drill, and the table of all of them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Self

COLUMNS = ("fault", "doctor", "alert", "runbook", "healed")


@dataclass
class Drill:
    """What a drill showed. Times are seconds since the fault was injected, or since it was removed."""

    fault: str
    # The first line of doctor that names the cause, and all lines with problems of the same run.
    doctor: str = ""
    doctor_seconds: float = 0
    doctor_lines: list[str] = field(default_factory=list)
    # Why doctor need not see the fault; empty if it must.
    doctor_excused: str = ""
    alert: str = ""
    severity: str = ""
    alert_seconds: float = 0
    summary: str = ""
    runbook: str = ""
    other_alerts: list[str] = field(default_factory=list)
    email_seconds: float | None = None
    well_seconds: float | None = None
    resolved_seconds: float | None = None
    error: str = ""

    @property
    def seen(self) -> bool:
        """Return whether doctor named the cause and the alert fired, with its runbook."""
        return bool((self.doctor or self.doctor_excused) and self.alert and self.runbook)

    @property
    def healed(self) -> bool:
        """Return whether an email arrived, doctor found nothing and the alert was resolved afterwards."""
        return None not in (self.email_seconds, self.well_seconds, self.resolved_seconds)

    def dumped(self) -> str:
        """Return the record as JSON, for the process that prints the table."""
        return json.dumps(asdict(self))

    @classmethod
    def loaded(cls, text: str) -> Self:
        """Return the record that `dumped` wrote."""
        return cls(**json.loads(text))


def table(drills: Sequence[Drill], *, faster: int) -> str:
    """Return the records as a Markdown table, with the number of faults that were seen and that healed."""
    rows = [COLUMNS, ("---",) * len(COLUMNS), *(_row(each) for each in drills)]
    lines = [f"| {' | '.join(cell.replace('|', '¦') for cell in row)} |" for row in rows]
    seen, healed = sum(each.seen for each in drills), sum(each.healed for each in drills)
    counts = f"seen {seen}/{len(drills)}, healed {healed}/{len(drills)}"
    lines += ["", f"{counts}; `for` and windows of the rules are divided by {faster}"]
    return "\n".join(lines)


def _row(drill: Drill) -> tuple[str, ...]:
    return (
        drill.fault,
        f"{drill.doctor} ({drill.doctor_seconds:.0f} s)"
        if drill.doctor
        else drill.doctor_excused or "NOT SEEN",
        _alert(drill),
        drill.runbook or "NONE",
        _healed(drill),
    )


def _alert(drill: Drill) -> str:
    others = f"; also {', '.join(drill.other_alerts)}" if drill.other_alerts else ""
    if not drill.alert:
        return f"NOT SEEN{others}"
    return f"{drill.alert} ({drill.severity}, {drill.alert_seconds:.0f} s){others}"


def _healed(drill: Drill) -> str:
    if drill.error:
        return f"DID NOT RUN: {drill.error}"
    times = {"email": drill.email_seconds, "doctor": drill.well_seconds, "alert": drill.resolved_seconds}
    return ", ".join(f"{name} NOT" if at is None else f"{name} {at:.0f} s" for name, at in times.items())
