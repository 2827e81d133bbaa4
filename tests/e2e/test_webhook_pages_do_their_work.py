"""A tenant's webhook in a browser: created, tested, broken, repaired, rotated, disabled and recovered."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from cli.client import connect
from letterhead.identity.v1.domains_pb2 import CreateDomainRequest
from sandbox.client import Json
from tests.e2e.accessibility import barriers
from tests.e2e.browser import Visit
from tests.e2e.conftest import World
from tests.e2e.page_walk import sign_in
from tests.e2e.tenants import a_tenant_key
from tests.e2e.webhook_states import HOST, POSTED_WITHIN
from tests.factories import a_name
from tests.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

SHOWN_WITHIN = POSTED_WITHIN / timedelta(milliseconds=1)


@dataclass(frozen=True)
class Hook:
    """One webhook, and the browser of its owner."""

    world: World
    visit: Visit
    key: str
    path: str  # of the receiver

    @property
    def page(self) -> Any:
        return self.visit.page

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.world.installation.receiver.rpartition(':')[2]}{self.path}"

    async def click(self, button: str) -> None:
        """Click the button of this name."""
        await self.page.get_by_role("button", name=button, exact=True).click()

    async def shows(self, words: str, *, where: str = "main") -> None:
        """Wait until the page shows these words, without touching it."""
        await self.page.wait_for_selector(f'{where}:has-text("{words}")', timeout=SHOWN_WITHIN)

    async def until(self, holds: Callable[[], Any]) -> None:
        """Reload the page until a condition holds."""

        async def reloaded() -> bool:
            await self.page.reload()
            return bool(await holds())

        await eventually(reloaded, POSTED_WITHIN)

    async def posts_signed_by(self, secrets: Sequence[str]) -> bool:
        """Return whether a post arrived that every one of the secrets verifies."""
        posts = await self.world.sandbox.posts(self.path)
        return any(all(verifies(post, each) for each in secrets) for post in posts)


def verifies(post: Json, secret: str) -> bool:
    try:
        Webhook(secret).verify(post["body"], post["headers"])
    except WebhookVerificationError:
        return False
    return True


async def test_a_webhook_does_what_its_page_offers(world: World, visit: Visit) -> None:
    hook = Hook(world, visit, await a_tenant_key(world, f"hooks {uuid4().hex[:8]}"), f"/{uuid4().hex}")
    await world.sandbox.publish("A", HOST, "127.0.0.1")
    await sign_in(visit, hook.key)

    secret = await is_created_after_a_mistake(hook)
    await is_tested_and_repaired(hook)
    await signs_with_both_secrets(hook, secret)
    await recovers_what_it_missed(hook)

    await hook.page.get_by_role("link", name="Webhooks", exact=True).first.click()
    line = await hook.page.locator("svg.spark").get_attribute("aria-label")
    assert line == "Newest events: 4 delivered"
    assert visit.strays == []


async def is_created_after_a_mistake(hook: Hook) -> str:
    """Create the webhook, after a URL that is not allowed; return its secret."""
    await hook.page.get_by_role("link", name="Webhooks", exact=True).click()
    await hook.page.get_by_role("link", name="Add a webhook").first.click()
    await hook.page.get_by_label("URL").fill("http://10.0.0.1/")
    await hook.page.get_by_label("domain.created").check()
    await hook.click("Create webhook")
    await hook.page.wait_for_selector(".wrong")
    assert await barriers(hook.visit) == []
    await hook.page.get_by_label("URL").fill(hook.url)
    await hook.click("Create webhook")
    return str(await hook.page.locator("#secret").inner_text())


async def is_tested_and_repaired(hook: Hook) -> None:
    """Test the receiver as it works and as it fails; post the event again once it works."""
    await hook.click("Send test event")
    await hook.shows("Delivered", where="#events .chip")
    await hook.world.sandbox.behave(hook.path, status=500, body="out of order", times=1)
    await hook.click("Send test event")
    await hook.shows("Retrying", where="#events .chip")
    await hook.until(hook.page.get_by_text("Every post has failed").count)
    await hook.page.locator("#events li", has_text="Retrying").get_by_role("link").click()
    await hook.shows("out of order", where="#delivery")
    await hook.click("Post again")
    await hook.shows("Status 200", where="#delivery .chip")
    await hook.page.get_by_role("link", name=hook.url).click()


async def signs_with_both_secrets(hook: Hook, secret: str) -> None:
    """Rotate the secret; a post has the signatures of both."""
    await hook.page.locator("summary", has_text="Rotate secret").click()
    await hook.click("Replace it; the old one is valid for 24 hours")
    await hook.shows("Store the new secret")
    rotated = await hook.page.locator("#secret").inner_text()
    await hook.click("Send test event")
    assert rotated != secret
    assert await eventually(lambda: hook.posts_signed_by((secret, rotated)), POSTED_WITHIN)


async def recovers_what_it_missed(hook: Hook) -> None:
    """Disable the webhook while something happens, and recover it in one click."""
    await hook.click("Disable")
    await hook.shows("You disabled it")
    async with connect(hook.world.installation, hook.key) as services:
        await services.domains.CreateDomain(CreateDomainRequest(name=a_name()))
    await hook.until(hook.page.locator("#events li", has_text="Not sent").count)
    await hook.click("Enable and recover")
    await hook.shows("Delivered", where="#events li:has-text('domain.created') .chip")
