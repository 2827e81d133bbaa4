"""An assembly whose work other assemblies can start."""

from collections.abc import Callable
from dataclasses import dataclass

from chassis.assembly import Assembly


@dataclass(frozen=True, kw_only=True)
class WakeableAssembly(Assembly):
    """An assembly with due work in Postgres; `wake` starts it now instead of at the next poll."""

    wake: Callable[[], None]
