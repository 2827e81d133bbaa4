"""The faults, each injected into the running installation."""

from tests.drill.drills import Fault
from tests.drill.faults.aws import AWS_FAULTS
from tests.drill.faults.configuration import CONFIGURATION_FAULTS
from tests.drill.faults.processes import PROCESS_FAULTS
from tests.drill.faults.stores import STORE_FAULTS

FAULTS: tuple[Fault, ...] = (*STORE_FAULTS, *PROCESS_FAULTS, *AWS_FAULTS, *CONFIGURATION_FAULTS)
