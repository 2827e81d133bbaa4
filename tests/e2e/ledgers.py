"""Checks the sandbox's ledger of SES calls: one submission per attempt, one creation per identity."""

from collections import Counter

from tests.e2e.conftest import World


async def nothing_was_done_twice(world: World) -> None:
    """Assert that nothing was submitted or created twice since the installation started."""
    ledger = await world.sandbox.ledger()
    posts = Counter(post["attempt"] for post in ledger["posts"])
    tags = [accept["email_tags"] for accept in ledger["accepted"]]
    accepted = Counter(each["lh-email"] for each in tags if "lh-email" in each)  # heartbeats have no such tag
    created = Counter(
        call["name"]
        for call in ledger["controls"]
        if (call["operation"], call["status"]) == ("CreateEmailIdentity", 200)
    )
    for name, counts in (("posts", posts), ("accepted", accepted), ("created", created)):
        assert max(counts.values()) == 1, name
