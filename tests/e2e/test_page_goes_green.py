"""A domain's page: it updates as DNS records are published, and a test email is sent from the domain."""

import statistics
from uuid import uuid4

import pytest

from letterhead.sender.v1.emails_pb2 import Address, SendEmailRequest
from tests.e2e.browser import Visit
from tests.e2e.conftest import World
from tests.e2e.page_walk import add_domain, ask_for_test, read_code, ready
from tests.figures import Figure

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

CLOUDFLARE = ("ada.ns.cloudflare.com", "bob.ns.cloudflare.com")


async def test_the_status_of_records_updates_without_a_reload(
    world: World, visit: Visit, figure: Figure
) -> None:
    walk = await add_domain(world, visit)
    records = list((await walk.records()).values())

    later = []
    for record in records:
        await walk.publish(record)
        later.append(await walk.seconds_after_the_server(record, "FOUND"))
    await walk.page.wait_for_selector('[data-state="Ready"]', timeout=60_000)

    assert len(records) == 6
    assert await walk.page.get_by_role("heading", name="Ready to send").is_visible()
    assert visit.complaints == []
    middle, most = statistics.median(later), max(later)
    figure(f"record status shown after verifier knew: median {middle:.2f} s, at most {most:.2f} s")


async def test_each_record_status_is_shown_with_its_message(world: World, visit: Visit) -> None:
    walk = await add_domain(world, visit, name_servers=CLOUDFLARE)
    records = await walk.records()
    found, mismatch, propagating = (records[f"record-dkim-{each}"] for each in (1, 2, 3))
    path, spf = records["record-return-path-1"], records["record-spf-1"]

    await walk.publish(found)
    await walk.publish(mismatch, value="wrong.example.com")
    await walk.publish(propagating, servers=[CLOUDFLARE[0]])
    await walk.publish(path)
    await walk.publish(path, value="mx.elsewhere.com", priority=20)
    await world.sandbox.call(
        "POST", "/dns/faults", {"kind": "timeout", "name": walk.name_of(spf), "type": "TXT"}
    )
    words = ("Found", "Mismatch", "Propagating", "Conflict", "Unreachable")
    for record, word in zip((found, mismatch, propagating, path, spf), words, strict=True):
        await walk.shows(record.id, word)

    assert "Found on 2 of 2 name servers" in await walk.said(found.id)
    assert "Points to wrong.example.com instead of" in await walk.said(mismatch.id)
    assert f"still waiting for {CLOUDFLARE[1]}" in await walk.said(propagating.id)
    assert "delete the others" in await walk.said(path.id)
    assert "did not answer in time" in await walk.said(spf.id)
    assert "Not found yet" in await walk.said("record-dmarc-1")
    assert "in the format that Cloudflare expects" in await walk.page.locator("#live").inner_text()


async def test_a_page_catches_up_after_the_console_is_killed(
    world: World, visit: Visit, figure: Figure
) -> None:
    walk = await add_domain(world, visit)
    first, second, *_ = (await walk.records()).values()
    await walk.publish(first)
    await walk.shows(first.id, "Found")
    loaded = await walk.page.evaluate("performance.timeOrigin")

    (console,) = world.stack.replicas_of("console")
    console.kill()
    await walk.publish(second)
    later = await walk.seconds_after_the_server(second, "FOUND")

    assert await walk.page.evaluate("performance.timeOrigin") == loaded  # the page was not reloaded
    figure(f"a change made while the console was down was shown {later:.1f} s after verifier knew")


async def test_a_page_that_cannot_connect_keeps_its_content_and_retries(world: World, visit: Visit) -> None:
    walk = await add_domain(world, visit)
    first, *_ = (await walk.records()).values()
    await visit.page.route("**/live", lambda route: route.fulfill(status=503, body="<p>Unavailable"))

    async with visit.page.expect_response(lambda answer: answer.status == 503):
        await visit.page.reload()
    shown = await visit.page.locator(".record").count()
    await visit.page.wait_for_selector("#away:has-text('Not connected')")
    await visit.page.unroute("**/live")
    await walk.publish(first)
    await walk.shows(first.id, "Found")

    assert shown == 6
    assert await visit.page.locator("#away").inner_text() == ""


async def test_the_layout_does_not_shift_when_a_status_changes(
    world: World, visit: Visit, figure: Figure
) -> None:
    walk = await add_domain(world, visit)
    await walk.page.evaluate(SHIFTS)

    for record in (await walk.records()).values():
        await walk.publish(record)
        await walk.shows(record.id, "Found")

    shifts: list[float] = await walk.page.evaluate("window.shifts")
    assert sum(shifts) < 0.01
    figure(f"layout shift while six record statuses changed: {sum(shifts):.5f}")


SHIFTS = """
    window.shifts = [];
    new PerformanceObserver(list => list.getEntries().forEach(entry => window.shifts.push(entry.value)))
        .observe({ type: "layout-shift", buffered: false });
"""


async def test_a_test_email_is_shown_as_gmail_does(world: World, visit: Visit) -> None:
    walk, to = await add_domain(world, visit), f"ada@r{uuid4().hex[:8]}.com"
    await ready(walk)

    await ask_for_test(visit, "not an address")
    assert await walk.page.get_by_label("To", exact=True).get_attribute("aria-invalid") == "true"
    assert await walk.page.get_by_label("To", exact=True).input_value() == "not an address"
    await walk.page.get_by_label("To", exact=True).fill(to)
    await walk.page.get_by_role("button", name="Send").click()
    code = await read_code(world, to)
    await walk.page.get_by_label("Code", exact=True).fill("0000 0000")
    await walk.page.get_by_role("button", name="Confirm and send").click()
    assert await walk.page.get_by_label("Code", exact=True).get_attribute("aria-invalid") == "true"
    assert "ries left: 4" in await walk.page.locator("#code-about").inner_text()
    await walk.page.get_by_label("Code", exact=True).fill(code)
    await walk.page.get_by_role("button", name="Confirm and send").click()
    await walk.page.wait_for_selector('.chip:has-text("Delivered")')

    shown = await walk.page.locator(".letter").inner_text()
    assert f"mailed-by\nsend.{walk.domain}" in shown
    assert f"signed-by\n{walk.domain}" in shown
    assert "via" not in shown
    assert "Illustration" in shown
    assert "It is not a report from the receiver" in await walk.page.locator("main").inner_text()


async def test_a_bounce_is_shown_in_the_timeline(world: World, visit: Visit) -> None:
    walk = await add_domain(world, visit)
    await ready(walk)
    email = SendEmailRequest(
        to=[Address(address="bounce@simulator.amazonses.com")],
        subject="Hello",
        text="x",
        request_id=uuid4().hex,
    )
    getattr(email, "from").address = f"agent@{walk.domain}"
    sent = await world.services.sender.SendEmail(email)

    await walk.page.goto(f"{visit.console}/app/emails/{sent.email.id}")
    await walk.page.wait_for_selector('.timeline .chip:has-text("Bounced")')

    timeline = await walk.page.locator(".timeline").inner_text()
    assert "550 5.1.1" in timeline
    assert "SES" not in await walk.page.locator("main").inner_text()


async def test_publishing_the_downloaded_zone_file_makes_the_domain_ready(world: World, visit: Visit) -> None:
    walk = await add_domain(world, visit)

    async with walk.page.expect_download() as download:
        await walk.page.get_by_role("link", name="Zone file").click()
    text = (await (await download.value).path()).read_text()
    zone = {"apex": walk.domain.partition(".")[2], "text": text}
    loaded = await world.sandbox.call("POST", "/dns/zonefile", zone)

    await walk.page.wait_for_selector('[data-state="Ready"]', timeout=60_000)
    assert loaded["records"] == 6
