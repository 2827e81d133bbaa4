"""Each fault is named by doctor and by an alert with a runbook, and everything heals once it is removed."""

from collections.abc import Callable

import pytest

from tests.contract.sources import ROOT
from tests.drill.conftest import Stages
from tests.drill.drills import Fault, drill
from tests.drill.faults import FAULTS
from tests.drill.report import Drill

# Doctor and the alert have four minutes (for one fault eight), and healing has four. A new installation may
# have to start first.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1500)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_fault_is_seen_and_heals(
    stages: Stages, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    record = Drill(fault.name, error="interrupted")
    try:
        record = await drill(await stages.usable(), fault)
    except Exception as error:
        record.error = repr(error)
        raise
    finally:
        record_property("drill", record.dumped())
        if not record.healed:
            await stages.discard()

    assert record.doctor or record.doctor_excused, f"doctor said only {record.doctor_lines}"
    assert record.alert, f"{fault.alert} did not fire; others: {record.other_alerts}"
    assert (ROOT / record.runbook).is_file()
    assert record.healed, record
