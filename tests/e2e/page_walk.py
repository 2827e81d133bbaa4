"""Steps of a user at the console: add a domain, read its records, and wait for status changes."""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from letterhead.verifier.v1.verifier_pb2 import RecordCheck, WatchDomainRequest
from tests.e2e.browser import Visit
from tests.e2e.conftest import World
from tests.waiting import eventually

PROVISIONED_WITHIN = 40_000  # milliseconds
SHOWN_WITHIN = 20_000  # milliseconds; tests report the actual time as a figure


@dataclass(frozen=True)
class Shown:
    """A record as the page shows it."""

    id: str
    type: str
    name: str
    value: str
    priority: int


@dataclass
class Walk:
    """The page of one domain."""

    world: World
    visit: Visit
    domain: str
    domain_id: str

    @property
    def page(self) -> Any:
        return self.visit.page

    async def publish(self, record: Shown, **changes: Any) -> None:
        """Publish a record as the page shows it, or with changes."""
        entered: Any = {"value": record.value, "priority": record.priority} | changes
        await self.world.sandbox.publish(record.type, self.name_of(record), **entered)

    def name_of(self, record: Shown) -> str:
        """Return the full name of a record: the DNS provider appends the zone to the name shown."""
        return f"{record.name}.{self.domain.partition('.')[2]}"

    async def records(self) -> dict[str, Shown]:
        """Return the records on the page by their ids."""
        rows = await self.page.locator(".record").all()
        shown = [await _read(row) for row in rows]
        return {record.id: record for record in shown}

    async def shows(self, record_id: str, word: str) -> None:
        """Wait until a record's status chip shows a word, without touching the page."""
        await self.page.wait_for_selector(f'#{record_id}[data-status="{word}"]', timeout=SHOWN_WITHIN)

    async def said(self, record_id: str) -> str:
        """Return the message that the page shows for a record."""
        text: str = await self.page.locator(f"#{record_id} .said").inner_text()
        return text

    async def seconds_after_the_server(self, record: Shown, status: str) -> float:
        """Wait until verifier and the page report a status; return how many seconds later the page did."""
        chip = asyncio.create_task(self._time_of(self.shows(record.id, status.capitalize())))
        server = asyncio.create_task(self._time_of(self._reported(record, status)))
        return await chip - await server

    async def _time_of(self, event: Any) -> float:
        await event
        return time.monotonic()

    async def _reported(self, record: Shown, status: str) -> None:
        wanted = RecordCheck.Status.Value(f"STATUS_{status}")
        async for answer in self.world.services.verifier.WatchDomain(
            WatchDomainRequest(domain_id=self.domain_id)
        ):
            if any(
                check.status == wanted
                and (check.record.name, check.record.value) == (self.name_of(record), record.value)
                for check in answer.verification.records
            ):
                return


async def add_domain(world: World, visit: Visit, *, name_servers: tuple[str, ...] = ()) -> Walk:
    """Sign in, add a domain with the form, and wait for its first DNS check."""
    zone = f"d{uuid4().hex[:10]}.ai"
    servers = {"name_servers": list(name_servers)} if name_servers else {}
    await world.sandbox.call("PUT", f"/dns/zones/{zone}", servers)
    await sign_in(visit, world.installation.api_key)
    await visit.page.get_by_role("link", name="Add a domain").first.click()
    await visit.page.get_by_label("Domain", exact=True).fill(f"inbox.{zone}")
    await visit.page.get_by_role("button", name="Add", exact=True).click()
    await visit.page.wait_for_selector('.record[data-status="Missing"]', timeout=PROVISIONED_WITHIN)
    return Walk(world, visit, f"inbox.{zone}", visit.page.url.rsplit("/", 1)[1])


async def sign_in(visit: Visit, key: str) -> None:
    """Sign in and wait for the list of domains."""
    await visit.page.goto(f"{visit.console}/app")
    await visit.page.get_by_label("API key").fill(key)
    await visit.page.get_by_role("button", name="Sign in").click()
    await visit.page.wait_for_selector("nav[aria-label=Main]")


async def ask_for_test(visit: Visit, to: str) -> None:
    """Request a test email from the domain's page."""
    await visit.page.get_by_role("link", name="Send a test email").click()
    await visit.page.get_by_label("To", exact=True).fill(to)
    await visit.page.get_by_role("button", name="Send").click()


async def read_code(world: World, to: str) -> str:
    """Wait for the email with the code for a test address; return the code."""

    async def read() -> str | None:
        for each in await world.sandbox.emails(to=to):
            found = re.search(
                r"Your code is (\d{4} \d{4})\.", (await world.sandbox.email(each["id"]))["text"]
            )
            if found:
                return found[1]
        return None

    return await eventually(read)


async def ready(walk: Walk) -> None:
    """Publish all records and wait until the page shows that the domain is ready."""
    for record in (await walk.records()).values():
        await walk.publish(record)
    await walk.page.wait_for_selector('[data-state="Ready"]', timeout=60_000)


async def _read(row: Any) -> Shown:
    strong = await row.locator(".plain strong").all_inner_texts()
    name, value = await row.locator("code.value").all_inner_texts()
    priority = int(strong[1]) if strong[0] == "MX" else 0
    return Shown(await row.get_attribute("id"), strong[0], name, value, priority)
