"""The HTTPS endpoint rejects forged SNS messages and accepts genuine ones."""

from collections import Counter

from tests.figures import Figure
from tests.integration.webhooks.certificate_host import HOST, outgoing
from tests.integration.webhooks.doors import Doors
from tests.integration.webhooks.forger import Forger
from tests.integration.webhooks.forgeries import forgeries
from tests.stores import FreshDatabase


async def stored(database: FreshDatabase) -> list[str]:
    """Return the SNS ids of the stored notifications."""
    return [row["sns_id"] for row in await database.fetch("SELECT sns_id FROM webhooks.notifications")]


async def test_forged_posts_are_rejected_without_connections_to_other_hosts(
    doors: Doors, forger: Forger, database: FreshDatabase, figure: Figure
) -> None:
    cases = list(forgeries(forger))
    answers: dict[str, int] = {}

    async with doors.open() as door:
        with outgoing() as seen:
            for case in cases:
                answers[case.name] = await door.post(case.body, case.headers)
            genuine = [
                await door.post(forger.genuine(Message=text)) for text in ("a", "", "\n", "ü\U0001f600" * 99)
            ]

    assert {case.name: answers[case.name] for case in cases if answers[case.name] != case.status} == {}
    assert len({case.name for case in cases}) == len(cases) >= 120
    assert genuine == [200] * 4
    assert len(await stored(database)) == 4
    assert doors.elsewhere.connections == 0
    strangers = [address for address in seen.addresses if address not in doors.known]
    assert strangers == []
    assert set(seen.names) <= {HOST, "localhost"}
    assert await doors.confirmations() == 0
    counted = Counter(answers.values())
    figure(
        f"SNS endpoint: {len(cases)} forged posts, accepted 0, "
        f"{counted[403]} answered 403 and {counted[503]} 503; "
        f"connections elsewhere {doors.elsewhere.connections + len(strangers)}, to the certificate host "
        f"{sum(address[1] == doors.host.port for address in seen.addresses)}"
    )
