"""The result of a history and its text form."""

from dataclasses import dataclass, field

from tests.histories.oracle import Violation
from tests.histories.stories import Story


@dataclass
class Played:
    """The result of a history; `ready_after` has the hours until READY for each ownership status."""

    story: Story
    lines: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    ready_after: list[tuple[str, float]] = field(default_factory=list)
    hours: float = 0
    claims: int = 0
    challenges: int = 0
    supersessions: int = 0
    proofs: int = 0
    inconclusive: int = 0  # proofs required because DNS did not answer in time
    broken: str = ""  # the error that ended it early

    def __str__(self) -> str:
        found = [f"  ABORTED: {self.broken}"] if self.broken else []
        found += [f"  VIOLATION: {each.rule.value}: {each.text}" for each in self.violations]
        replay = f"  replay: make histories T='--seed {self.story.seed}' HISTORIES=1"
        return "\n".join([f"history {self.story.seed}", *self.lines, *found, replay])
