"""The HTTPS endpoint rejects forged SNS messages and accepts genuine ones."""

from collections import Counter

from tests.figures import Figure
from tests.integration.webhooks.certificate_host import HOST, outgoing
from tests.integration.webhooks.forger import Forger
from tests.integration.webhooks.forgeries import forgeries
from tests.integration.webhooks.verifying import VerifyingWebhooks
from tests.stores import FreshDatabase


async def stored(database: FreshDatabase) -> list[str]:
    """Return the SNS ids of the stored notifications."""
    return [row["sns_id"] for row in await database.fetch("SELECT sns_id FROM webhooks.notifications")]


async def test_forged_posts_are_rejected_without_connections_to_other_hosts(
    verifying: VerifyingWebhooks, forger: Forger, database: FreshDatabase, figure: Figure
) -> None:
    cases = list(forgeries(forger))
    answers: dict[str, int] = {}

    async with verifying.start() as sns:
        with outgoing() as seen:
            for case in cases:
                answers[case.name] = await sns.post(case.body, case.headers)
            genuine = [
                await sns.post(forger.genuine(Message=text)) for text in ("a", "", "\n", "ü\U0001f600" * 99)
            ]

    assert {case.name: answers[case.name] for case in cases if answers[case.name] != case.status} == {}
    assert len({case.name for case in cases}) == len(cases) >= 120
    assert genuine == [200] * 4
    assert len(await stored(database)) == 4
    assert verifying.elsewhere.connections == 0
    strangers = [address for address in seen.addresses if address not in verifying.known]
    assert strangers == []
    assert set(seen.names) <= {HOST, "localhost"}
    assert await verifying.confirmations() == 0
    counted = Counter(answers.values())
    figure(
        f"SNS endpoint: {len(cases)} forged posts, accepted 0, "
        f"{counted[403]} answered 403 and {counted[503]} 503; "
        f"connections elsewhere {verifying.elsewhere.connections + len(strangers)}, to the certificate host "
        f"{sum(address[1] == verifying.host.port for address in seen.addresses)}"
    )
