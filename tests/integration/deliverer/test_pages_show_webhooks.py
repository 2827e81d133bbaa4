"""The pages about webhooks: create one, read what was posted and answered, and post it again."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from chassis.access import Scope
from letterhead.webhooks.v1 import webhook_service_pb2 as pb
from tests.factories import a_key
from tests.integration.console.conftest import a_console, an_identity
from tests.integration.deliverer.conftest import Hooks
from tests.integration.deliverer.emails import a_bounce
from tests.waiting import eventually

HERE = "/app/webhooks"
HOSTILE = "</pre><script>alert(1)</script>"


@dataclass
class Browser:
    """A client that is signed in with a key of the tenant."""

    client: httpx.AsyncClient
    csrf: str = ""

    async def sign_in(self, key: str) -> None:
        """Sign in with a key."""
        answer = await self.client.post("/app/sign-in", data={"key": key})
        self.client.cookies.update(answer.cookies)
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', await self.reads("/app/domains/new"))[0]

    async def reads(self, path: str, status: int = 200) -> str:
        """Return the HTML of a page."""
        answer = await self.client.get(path, follow_redirects=True)
        assert answer.status_code == status
        return answer.text

    async def sends(self, path: str, **fields: str) -> httpx.Response:
        """Submit a form and follow the redirect."""
        return await self.client.post(path, data=fields | {"csrf": self.csrf}, follow_redirects=True)


@pytest.fixture
async def browser(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    """Yield a browser at a console of this tenant, signed in with full access."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    async with (
        an_identity(hooks.database, hooks.stream) as identity,
        a_console(
            identity_address=f"127.0.0.1:{identity}", webhooks_address=f"127.0.0.1:{hooks.port}"
        ) as client,
    ):
        browser = Browser(client)
        await browser.sign_in(hooks.key[0][1].removeprefix("Bearer "))
        yield browser


async def get(hooks: Hooks, endpoint_id: str) -> pb.Endpoint:
    request = pb.GetEndpointRequest(endpoint_id=endpoint_id)
    endpoint: pb.Endpoint = (await hooks.stub.GetEndpoint(request, metadata=hooks.key)).endpoint
    return endpoint


async def created(hooks: Hooks, browser: Browser, path: str, *types: str) -> tuple[pb.Endpoint, str]:
    """Create an endpoint with the form; return it and the page that follows."""
    answer = await browser.sends(
        f"{HERE}/new", url=hooks.url(path), **{f"type-{each}": "on" for each in types}
    )
    assert answer.status_code == 200
    return await get(hooks, str(answer.url.path).rpartition("/")[2]), answer.text


async def test_a_created_webhook_shows_its_secret_and_then_its_events(hooks: Hooks, browser: Browser) -> None:
    endpoint, page = await created(hooks, browser, "/made", "email.bounced")
    assert endpoint.event_types == [pb.EVENT_TYPE_EMAIL_BOUNCED]
    assert f'id="secret">{endpoint.secret}<' in page
    assert f'data-copy="{endpoint.secret}"' in page

    await hooks.publish(a_bounce())
    event = await hooks.becomes(endpoint, "DELIVERED")

    log = await browser.reads(f"{HERE}/{endpoint.id}")
    assert f"/events/{event.id}" in log
    assert f"/events/{event.id}" not in await browser.reads(f"{HERE}/{endpoint.id}?state=FAILED")
    assert "Newest events: 1 delivered" in await browser.reads(HERE)
    shown = await browser.reads(f"{HERE}/{endpoint.id}/events/{event.id}")
    assert "  &#34;type&#34;: &#34;email.bounced&#34;" in shown
    assert "Status 200" in shown


async def test_what_an_endpoint_answers_and_what_it_receives_is_escaped(
    hooks: Hooks, browser: Browser
) -> None:
    await hooks.internet.control.behave("/hostile", status=500, body=HOSTILE)
    endpoint, _ = await created(hooks, browser, "/hostile", "email.bounced")

    await hooks.publish(a_bounce(subject=HOSTILE))
    event = await eventually(lambda: attempted(hooks, endpoint))

    shown = await browser.client.get(f"{HERE}/{endpoint.id}/events/{event.id}")
    assert "<script>alert" not in shown.text
    assert shown.text.count("&lt;script&gt;alert(1)") == 2
    assert "script-src 'self'" in shown.headers["content-security-policy"]


async def test_a_wrong_form_keeps_its_values_and_has_each_error_at_its_field(
    hooks: Hooks, browser: Browser
) -> None:
    inside = await browser.sends(f"{HERE}/new", url="http://10.0.0.1/", **{"type-email.sent": "on"})
    no_type = await browser.sends(f"{HERE}/new", url=hooks.url("/x"))
    domain = await browser.sends(
        f"{HERE}/new", url=hooks.url("/x"), domains="not-mine.example.com", **{"type-email.sent": "on"}
    )

    assert {each.status_code for each in (inside, no_type, domain)} == {422}
    assert re.search(r'value="http://10.0.0.1/"[^>]*aria-invalid="true"', inside.text)
    assert 'name="type-email.sent" checked' in inside.text
    assert "Choose at least one event type." in no_type.text
    assert "not-mine.example.com is not one of your domains" in domain.text


async def test_a_webhook_that_is_gone_says_so_and_recovers_in_one_click(
    hooks: Hooks, browser: Browser
) -> None:
    await hooks.internet.control.behave("/gone", status=410)
    endpoint, _ = await created(hooks, browser, "/gone", "email.bounced")
    await hooks.publish(a_bounce())
    await hooks.becomes(endpoint, "UNSENT")
    page = await browser.reads(f"{HERE}/{endpoint.id}")
    assert "answered with status 410 (Gone)" in page
    assert 'value="outage" selected' in page
    assert "Enable and recover" in page
    await hooks.internet.control.behave("/gone", status=200)

    recovered = await browser.sends(f"{HERE}/{endpoint.id}/recover", since="outage")

    assert "are posted again" in recovered.text
    await hooks.becomes(endpoint, "DELIVERED")


async def test_a_webhook_is_tested_changed_rotated_disabled_and_deleted(
    hooks: Hooks, browser: Browser
) -> None:
    endpoint, _ = await created(hooks, browser, "/whole", "email.bounced")
    here = f"{HERE}/{endpoint.id}"

    tested = await browser.sends(f"{here}/test")
    assert "A test event is posted" in tested.text
    event = await eventually(lambda: only_event(hooks, endpoint))
    [post] = await hooks.posts("/whole")
    assert '"webhook.test"' in post["body"]
    await browser.sends(f"{here}/events/{event.id}/replay")
    assert len(await hooks.posts("/whole", 2)) == 2

    edit = await browser.reads(f"{here}/edit")
    assert 'name="type-email.bounced" checked' in edit
    await browser.sends(f"{here}/edit", url=hooks.url("/other"), **{"type-domain.ready": "on"})
    changed = await get(hooks, endpoint.id)
    assert (changed.url, list(changed.event_types)) == (hooks.url("/other"), [pb.EVENT_TYPE_DOMAIN_READY])

    rotated = await browser.sends(f"{here}/rotate")
    assert "signed by the previous secret too" in rotated.text
    assert (await get(hooks, endpoint.id)).secret != endpoint.secret

    assert "You disabled it" in (await browser.sends(f"{here}/disable")).text
    assert "You disabled it" not in (await browser.sends(f"{here}/enable")).text

    assert "receives nothing more" in await browser.reads(f"{here}/delete")
    assert endpoint.id not in (await browser.sends(f"{here}/delete")).text
    await browser.reads(here, 404)


async def only_event(hooks: Hooks, endpoint: pb.Endpoint) -> Any:
    request = pb.ListEventsRequest(endpoint_id=endpoint.id)
    events = (await hooks.stub.ListEvents(request, metadata=hooks.key)).events
    return events[0] if events else None


async def attempted(hooks: Hooks, endpoint: pb.Endpoint) -> Any:
    event = await only_event(hooks, endpoint)
    return event if event and event.attempts else None


async def test_a_key_that_only_sends_opens_no_page(hooks: Hooks, browser: Browser) -> None:
    endpoint, _ = await created(hooks, browser, "/mine", "email.bounced")
    key = await a_key(hooks.database, hooks.tenant_id, Scope.SENDING_ACCESS)
    browser.client.cookies.clear()

    await browser.client.post("/app/sign-in", data={"key": key})

    for path in (HERE, f"{HERE}/new", f"{HERE}/{endpoint.id}"):
        assert "Sign in" in await browser.reads(path)
