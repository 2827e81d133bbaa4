"""Running many histories concurrently, with progress reports and statistics."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tests.histories.ground import Ground
from tests.histories.oracle import Rule
from tests.histories.played import Played
from tests.histories.player import play
from tests.histories.stories import story

AT_ONCE = 64

# Claims that were ACTIVE at the time of an SES call ($2), by their last state committed before it.
CLAIMED = """
    SELECT claim_id, state, ownership, $2 - created AS since FROM (
        SELECT DISTINCT ON (claim_id) claim_id, phase, state, ownership,
            min(real_at) OVER (PARTITION BY claim_id) AS created
        FROM histories.journal WHERE name = $1 AND real_at < $2 ORDER BY claim_id, id DESC
    ) AS latest
    WHERE phase = 'ACTIVE'
"""


class Progress(Protocol):
    """Reports progress at intervals; a line with `at_once` is not delayed."""

    def __call__(self, line: str, *, at_once: bool = False) -> None: ...


@dataclass(frozen=True)
class Crowd:
    """The results of many histories, and the seconds that they took."""

    played: Sequence[Played]
    seconds: float
    kills: int

    @property
    def violated(self) -> list[Played]:
        """Return the histories that violated an invariant or did not run to their end."""
        return [each for each in self.played if each.violations or each.broken]

    @property
    def count(self) -> Counter[Rule]:
        """Return the number of violations of each rule."""
        return Counter(violation.rule for each in self.played for violation in each.violations)

    def figures(self) -> list[str]:
        """Return the statistics as lines of text."""
        hours, count = sum(each.hours for each in self.played), self.count
        totals = {
            "claims": sum(each.claims for each in self.played),
            "proofs": sum(each.proofs for each in self.played),
            "challenges": sum(each.challenges for each in self.played),
            "supersessions": sum(each.supersessions for each in self.played),
            "kills": self.kills,
            "proofs required because DNS did not answer": sum(each.inconclusive for each in self.played),
        }
        listed = ", ".join(f"{number} {what}" for what, number in totals.items())
        return [
            f"{len(self.played)} histories of {hours / 24:,.0f} days in {self.seconds:.0f} s: {listed}",
            *(f"  {count[rule]} times: {rule.value}" for rule in Rule),
            f"  {sum(bool(each.broken) for each in self.played)} did not run to their end",
            *self._waits(),
        ]

    def _waits(self) -> list[str]:
        waits: dict[str, list[float]] = defaultdict(list)
        for each in self.played:
            for path, hours in each.ready_after:
                waits[path].append(hours)
        return [
            f"  {len(hours)} times READY, {path}, after the DNS owner followed the page: p50"
            f" {sorted(hours)[len(hours) // 2]:.1f} h, max {max(hours):.1f} h"
            for path, hours in sorted(waits.items())
        ]


async def play_all(
    ground: Ground, seeds: Sequence[int], progress: Progress, *, at_once: int = AT_ONCE
) -> Crowd:
    """Play the histories of these seeds, `at_once` at a time; report a failed one at once."""
    began, kills = time.monotonic(), ground.kills
    semaphore, played = asyncio.Semaphore(at_once), list[Played]()

    async def one(seed: int) -> None:
        async with semaphore:
            done = await play(ground, story(seed))
        played.append(done)
        if done.violations or done.broken:
            progress(f"{done}\n", at_once=True)
        failed = sum(bool(each.violations or each.broken) for each in played)
        seconds = time.monotonic() - began
        progress(f"{len(played)} of {len(seeds)} histories, {failed} with a violation, {seconds:.0f} s")

    async with asyncio.TaskGroup() as group:
        for seed in seeds:
            group.create_task(one(seed))
    return Crowd(
        sorted(played, key=lambda each: each.story.seed), time.monotonic() - began, ground.kills - kills
    )


async def play_until(ground: Ground, seeds: Sequence[int], rule: Rule) -> Crowd:
    """Play histories until one violates the rule, then cancel the others."""
    began, kills, played = time.monotonic(), ground.kills, list[Played]()
    tasks = [asyncio.create_task(play(ground, story(seed))) for seed in seeds]
    for task in asyncio.as_completed(tasks):
        played.append(await task)
        if any(violation.rule is rule for violation in played[-1].violations):
            break
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return Crowd(played, time.monotonic() - began, ground.kills - kills)


async def deletions_at_ses(ground: Ground) -> list[str]:
    """Return the SES identities that the product deleted while they had an active claim."""
    by_hand = ground.removed_by_hand
    found = []
    for call in (await ground.control.ledger())["controls"]:
        if call["operation"] != "DeleteEmailIdentity" or call["status"] != 200:
            continue
        at = datetime.fromisoformat(call["at"])
        if any(name == call["name"] and began <= at <= ended for name, began, ended in by_hand):
            continue
        rows = await ground.pool.fetch(CLAIMED, call["name"], at)
        found += [f"{call['name']} at {at}: {dict(row)}" for row in rows]
    return found
