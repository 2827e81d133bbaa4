"""Whatever a URL looks like and however the answers of DNS change: no connection arrives inside."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import cycle

from services.deliverer.model.messages import Problem
from services.deliverer.posting import Poster
from tests.figures import Figure
from tests.integration.deliverer.inside import INSIDE, PUBLIC, a_network, spellings

ATTEMPTS = 1000
AT_ONCE = 50
SPELLINGS = 150
# Each next query gets the next answer: one address, both in either order, and those of the other family.
FLIPS: Sequence[Sequence[str]] = (
    [PUBLIC], [INSIDE[0]], [PUBLIC, INSIDE[1]], [INSIDE[1], PUBLIC], [PUBLIC, "::1"], ["::1"],
    ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1", "2002:7f00:1::"], ["169.254.169.254", "10.0.0.1"], ["::"],
)  # fmt: skip


async def posted(poster: Poster, urls: Sequence[str]) -> Counter[Problem]:
    """Post to each URL, several at once; return how often each problem occurred."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(url: str) -> Problem:
        async with slots:
            return (await poster.post(url, {}, b"{}")).problem

    return Counter(await asyncio.gather(*map(one, urls)))


def flipping(seed: int) -> Iterator[Sequence[str]]:
    """Yield answers in an order that differs from query to query."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    for _ in cycle([None]):
        yield chance.choice(FLIPS)


async def test_a_thousand_attempts_at_rebinding_reach_nothing_inside(figure: Figure) -> None:
    answers = flipping(seed=14)
    async with a_network(lambda _: next(answers)) as network, network.poster(f"{PUBLIC}/32") as poster:
        names = [f"https://r{number % 10}.acme.com:{network.port}/" for number in range(ATTEMPTS)]

        problems = await posted(poster, names)

    outside = network.connections[PUBLIC]
    counted = f"{network.inside} connections inside, {outside} to the allowed address"
    figure(f"rebinding: {ATTEMPTS} attempts, {counted}")
    assert network.inside == 0
    assert outside > 0
    assert problems[Problem.NOT_PUBLIC] > 0


async def test_no_spelling_of_an_address_inside_is_connected_to(figure: Figure) -> None:
    async with a_network(lambda _: INSIDE) as network, network.poster() as poster:
        urls = list(dict.fromkeys(spellings(network.port)))

        problems = await posted(poster, urls)

    figure(f"{len(urls)} spellings of addresses inside: {network.inside} connections")
    assert len(urls) >= SPELLINGS
    assert network.inside == network.connections[PUBLIC] == 0
    assert problems == {Problem.NOT_PUBLIC: len(urls)}


async def test_the_listeners_count_what_is_allowed() -> None:
    """The other tests would pass if nothing could connect at all."""
    async with (
        a_network(lambda _: ["127.0.0.1"]) as network,
        network.poster("127.0.0.0/8", "::1/128") as poster,
    ):
        await posted(
            poster, [f"https://{host}:{network.port}/" for host in ("acme.com", "127.0.0.3", "[::1]")]
        )

    assert [network.connections[each] for each in INSIDE] == [1, 1, 1]
