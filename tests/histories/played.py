"""What came of a history, and how it is told."""

from dataclasses import dataclass, field

from tests.histories.oracle import Violation
from tests.histories.stories import Story


@dataclass
class Played:
    """What came of a history; `ready_after` has the hours that the DNS owner waited, by ownership."""

    story: Story
    lines: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    ready_after: list[tuple[str, float]] = field(default_factory=list)
    hours: float = 0
    claims: int = 0
    challenges: int = 0
    supersessions: int = 0
    proofs: int = 0
    inconclusive: int = 0  # proofs demanded because DNS did not answer in time
    broken: str = ""  # why it was not played to its end

    def __str__(self) -> str:
        found = [f"  BROKEN OFF: {self.broken}"] if self.broken else []
        found += [f"  VIOLATION: {each.rule.value}: {each.text}" for each in self.violations]
        replay = f"  replay: make histories T='--seed {self.story.seed}' HISTORIES=1"
        return "\n".join([f"history {self.story.seed}", *self.lines, *found, replay])
