"""The story told with PyPI's `resend` as it comes, only its URL changed."""

import base64
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import requests
import resend
from resend.exceptions import RateLimitError, ResendError

from tests.e2e.resend_stage import Stage

sdk: Any = resend  # without its types: the story makes mistakes on purpose

NOBODY = "0198f0c0-0000-7000-8000-000000000000"
TRIES = 5
BURST = 400  # requests; far more than one key may make in a second


def patiently(call: Callable[[], Any]) -> Any:
    """Calls as a well-behaved client does: one that asks too fast waits for as long as it is told to."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except RateLimitError as refusal:
            time.sleep(float(refusal.headers["retry-after"]))
    return call()


@dataclass(frozen=True)
class Call:
    """One call of an SDK, and how it was answered: with a result, or with an error's status and name."""

    sdk: str
    what: str
    answer: str


@dataclass
class Teller:
    """Makes the calls and notes them."""

    calls: list[Call] = field(default_factory=list)

    def does(self, what: str, call: Callable[[], Any]) -> Any:
        """A call that is answered."""
        answer = patiently(call)
        told = [f"{name} {answer[name]}" for name in ("last_event", "status", "has_more") if name in answer]
        self.calls.append(Call("python", what, ", ".join(["200", *told])))
        return answer

    def is_refused(self, what: str, call: Callable[[], Any], code: int, name: str) -> None:
        """A call that is refused, with this status and name."""
        with pytest.raises(ResendError) as caught:
            patiently(call)
        error = caught.value
        assert (int(error.code), error.error_type) == (code, name), f"{what}: {error.code} {error}"
        assert error.message
        self.calls.append(Call("python", what, f"{code} {name}"))


def tell(stage: Stage) -> list[Call]:
    """Tells the story; gives its calls."""
    teller = Teller()
    sdk.api_url = stage.url
    sdk.api_key = stage.key
    domain = _domains(teller, stage)
    sender = f"Agent <agent@{domain['name']}>"
    email_id = _emails(teller, stage, sender)
    _waiting(teller, sender)
    _batches(teller, sender)
    _lists(teller)
    _keys(teller, stage, sender, domain["id"])
    _suppressions(teller)
    _mistakes(teller, sender)
    _strangers(teller, stage, domain["id"], email_id)
    _absent(teller)
    sdk.api_key = stage.key
    teller.does("DELETE /domains/{id}", lambda: sdk.Domains.remove(domain["id"]))
    teller.is_refused("GET /domains/{id}, deleted", lambda: sdk.Domains.get(domain["id"]), 404, "not_found")
    return teller.calls


def _domains(teller: Teller, stage: Stage) -> Any:
    name = f"py.d{uuid4().hex[:10]}.com"
    made = teller.does("POST /domains", lambda: sdk.Domains.create({"name": name}))
    assert {each["record"] for each in made["records"]} >= {"DKIM", "SPF"}
    shown = teller.does("GET /domains/{id}", lambda: sdk.Domains.get(made["id"]))
    zone = name.removeprefix("py.")
    stage.publish([each | {"name": f"{each['name']}.{zone}"} for each in shown["records"]])
    teller.does("POST /domains/{id}/verify", lambda: sdk.Domains.verify(made["id"]))
    stage.until(lambda: patiently(partial(sdk.Domains.get, made["id"]))["status"] == "verified")
    ready = teller.does("GET /domains/{id}, verified", lambda: sdk.Domains.get(made["id"]))
    assert {each["status"] for each in ready["records"]} == {"verified"}
    listed = teller.does("GET /domains", sdk.Domains.list)
    assert made["id"] in [each["id"] for each in listed["data"]]
    claim = teller.does("POST /domains/claim", lambda: sdk.Domains.Claims.create({"name": made["name"]}))
    assert claim["domain_id"] == made["id"], claim
    teller.does("GET /domains/{id}/claim", lambda: sdk.Domains.Claims.get(made["id"]))
    teller.does("POST /domains/{id}/claim/verify", lambda: sdk.Domains.Claims.verify(made["id"]))
    teller.does("PATCH /domains/{id}", lambda: sdk.Domains.update({"id": made["id"], "tls": "opportunistic"}))
    bad = {"id": made["id"], "open_tracking": True}
    teller.is_refused(
        "PATCH /domains/{id}, tracking", lambda: sdk.Domains.update(bad), 422, "validation_error"
    )
    again = {"name": name}
    teller.is_refused("POST /domains, again", lambda: sdk.Domains.create(again), 403, "validation_error")
    far = {"name": f"x{name}", "region": "sa-east-1"}
    teller.is_refused("POST /domains, elsewhere", lambda: sdk.Domains.create(far), 422, "invalid_region")
    wild = {"name": "*.com"}
    teller.is_refused("POST /domains, wildcard", lambda: sdk.Domains.create(wild), 422, "validation_error")
    return ready


def _emails(teller: Teller, stage: Stage, sender: str) -> str:
    email = _an_email(sender) | {
        "cc": ["Copy <copy@readers.com>"],
        "reply_to": "desk@readers.com",
        "headers": {"X-Entity-Ref-ID": "7"},
        "tags": [{"name": "kind", "value": "story"}],
        "attachments": [
            {"filename": "list.txt", "content": list(b"one\ntwo\n")},
            {"filename": "base64.txt", "content": base64.b64encode(b"three").decode()},
        ],
    }
    options = {"idempotency_key": f"story/{uuid4()}"}
    sent = teller.does("POST /emails, with all there is", lambda: sdk.Emails.send(email, options))
    again = teller.does("POST /emails, the same key again", lambda: sdk.Emails.send(email, options))
    assert sent["id"] == again["id"]
    other = email | {"subject": "Another"}
    teller.is_refused(
        "POST /emails, the same key, another body",
        lambda: sdk.Emails.send(other, options), 409, "invalid_idempotent_request",
    )  # fmt: skip
    stage.until(lambda: patiently(partial(sdk.Emails.get, sent["id"]))["last_event"] == "delivered")
    read = teller.does("GET /emails/{id}", lambda: sdk.Emails.get(sent["id"]))
    assert (read["from"], read["to"], read["cc"]) == (sender, ["reader@readers.com"], email["cc"])
    assert (read["html"], read["tags"], read["object"]) == (email["html"], email["tags"], "email")
    assert datetime.fromisoformat(read["created_at"]).tzinfo
    bounce = _an_email(sender, to="bounce@simulator.amazonses.com")
    bounced = teller.does("POST /emails, that will bounce", lambda: sdk.Emails.send(bounce))
    stage.until(lambda: patiently(partial(sdk.Emails.get, bounced["id"]))["last_event"] == "bounced")
    teller.does("GET /emails/{id}, bounced", lambda: sdk.Emails.get(bounced["id"]))
    return str(sent["id"])


def _waiting(teller: Teller, sender: str) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    later = {"scheduled_at": (soon + timedelta(hours=1)).isoformat()}
    waiting = _an_email(sender) | {"scheduled_at": soon.isoformat()}
    email_id = teller.does("POST /emails, scheduled", lambda: sdk.Emails.send(waiting))["id"]
    teller.does("GET /emails/{id}, scheduled", lambda: sdk.Emails.get(email_id))
    teller.does("PATCH /emails/{id}", lambda: sdk.Emails.update({"id": email_id, **later}))
    teller.does("POST /emails/{id}/cancel", lambda: sdk.Emails.cancel(email_id))
    canceled = teller.does("GET /emails/{id}, canceled", lambda: sdk.Emails.get(email_id))
    assert canceled["last_event"] == "canceled"
    late = {"id": email_id, **later}
    teller.is_refused(
        "PATCH /emails/{id}, canceled", lambda: sdk.Emails.update(late), 422, "validation_error"
    )
    words = _an_email(sender) | {"scheduled_at": "in 1 hour"}
    teller.is_refused("POST /emails, in words", lambda: sdk.Emails.send(words), 422, "validation_error")


def _batches(teller: Teller, sender: str) -> None:
    good, bad = _an_email(sender), _an_email(sender, to="no address")
    both = teller.does("POST /emails/batch", lambda: sdk.Batch.send([good, good]))
    assert len({each["id"] for each in both["data"]}) == 2
    teller.is_refused(
        "POST /emails/batch, one bad", lambda: sdk.Batch.send([good, bad]), 422, "validation_error"
    )
    some = teller.does(
        "POST /emails/batch, permissive",
        lambda: sdk.Batch.send([bad, good, {"from": sender}], {"batch_validation": "permissive"}),
    )
    assert len(some["data"]) == 1
    assert [each["index"] for each in some["errors"]] == [0, 2]


def _lists(teller: Teller) -> None:
    first = teller.does("GET /emails?limit=3", lambda: sdk.Emails.list({"limit": 3}))
    ids = [each["id"] for each in first["data"]]
    older = teller.does("GET /emails?after=", lambda: sdk.Emails.list({"limit": 2, "after": ids[0]}))
    newer = teller.does("GET /emails?before=", lambda: sdk.Emails.list({"limit": 2, "before": ids[2]}))
    assert [each["id"] for each in older["data"]] == ids[1:]
    assert [each["id"] for each in newer["data"]] == ids[:2]
    assert (first["has_more"], newer["has_more"]) == (True, False)
    both = {"after": ids[0], "before": ids[1]}
    teller.is_refused("GET /emails, after and before", lambda: sdk.Emails.list(both), 422, "validation_error")
    teller.is_refused("GET /emails?limit=0", lambda: sdk.Emails.list({"limit": 0}), 422, "validation_error")


def _keys(teller: Teller, stage: Stage, sender: str, domain_id: str) -> None:
    wish = {"name": "story", "permission": "sending_access", "domain_id": domain_id}
    wish_of_other = {"name": f"d{uuid4().hex[:10]}.com"}
    other = patiently(partial(sdk.Domains.create, wish_of_other))["name"]
    made = teller.does("POST /api-keys", lambda: sdk.ApiKeys.create(wish))
    listed = teller.does("GET /api-keys", sdk.ApiKeys.list)
    assert made["id"] in [each["id"] for each in listed["data"]]
    sdk.api_key = made["token"]
    teller.does("POST /emails, with that key", lambda: sdk.Emails.send(_an_email(sender)))
    teller.is_refused("GET /domains, with that key", sdk.Domains.list, 401, "restricted_api_key")
    of_another = _an_email(f"agent@{other}")
    teller.is_refused(
        "POST /emails, of another domain", lambda: sdk.Emails.send(of_another), 401, "restricted_api_key"
    )
    _bursts(teller, made["token"])
    sdk.api_key = stage.key
    teller.does("DELETE /api-keys/{id}", lambda: sdk.ApiKeys.remove(made["id"]))
    assert made["id"] not in [each["id"] for each in patiently(sdk.ApiKeys.list)["data"]]
    strange = {"name": "story", "permission": "root"}
    teller.is_refused("POST /api-keys, of more", lambda: sdk.ApiKeys.create(strange), 422, "invalid_access")


def _bursts(teller: Teller, token: str) -> None:
    """Asks faster than one key may."""

    def ask(_: int) -> requests.Response:
        return requests.get(
            f"{sdk.api_url}/emails?limit=1", headers={"authorization": f"Bearer {token}"}, timeout=30
        )

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(ask, range(BURST)))
    one_too_many = next(each for each in answers if each.status_code == 429)
    assert one_too_many.json()["name"] == "rate_limit_exceeded"
    assert int(one_too_many.headers["retry-after"]) == int(one_too_many.headers["ratelimit-reset"]) == 1
    assert one_too_many.headers["ratelimit-remaining"] == "0"
    teller.calls.append(Call("python", f"{BURST} GET /emails at once", "200, then 429 rate_limit_exceeded"))


def _suppressions(teller: Teller) -> None:
    address = f"No-More+{uuid4().hex[:8]}@readers.com"
    made = teller.does("POST /suppressions", lambda: sdk.Suppressions.add({"email": address}))
    found = teller.does("GET /suppressions/{email}", lambda: sdk.Suppressions.get(address))
    assert (found["id"], found["email"], found["origin"]) == (made["id"], address.lower(), "manual")
    assert found["source_id"] is None
    teller.does("GET /suppressions/{id}", lambda: sdk.Suppressions.get(made["id"]))
    listed = teller.does(
        "GET /suppressions?origin=bounce", lambda: sdk.Suppressions.list({"origin": "bounce"})
    )
    assert {each["origin"] for each in listed["data"]} <= {"bounce"}
    teller.does("DELETE /suppressions/{id}", lambda: sdk.Suppressions.remove(made["id"]))
    teller.is_refused("GET /suppressions/{email}", lambda: sdk.Suppressions.get(address), 404, "not_found")
    emails = [f"a{number}-{uuid4().hex[:8]}@readers.com" for number in range(20)]
    many = {"emails": [*emails, emails[0].upper()]}
    added = teller.does("POST /suppressions/batch/add", lambda: sdk.Suppressions.Batch.add(many))
    assert len(added["data"]) == 20
    gone = teller.does(
        "POST /suppressions/batch/remove",
        lambda: sdk.Suppressions.Batch.remove({"ids": [NOBODY, *(each["id"] for each in added["data"])]}),
    )
    assert {each["id"] for each in gone["data"]} == {each["id"] for each in added["data"]}


def _mistakes(teller: Teller, sender: str) -> None:
    good = _an_email(sender)
    for what, change, code, name in (
        ("no from", {"from": None}, 422, "validation_error"),
        ("a From that is no address", {"from": "agent"}, 422, "invalid_from_address"),
        ("a From of somebody else", {"from": "agent@mnexa.ai"}, 403, "validation_error"),
        ("no body", {"html": ""}, 422, "missing_required_field"),
        ("nobody to send to", {"to": []}, 422, "missing_required_field"),
        ("too many to send to", {"to": ["a@readers.com"] * 51}, 422, "validation_error"),
        ("a header of ours", {"headers": {"DKIM-Signature": "x"}}, 422, "validation_error"),
        ("a header in a header", {"headers": {"X-A": "1\r\nBcc: b@readers.com"}}, 422, "validation_error"),
        ("a file by its URL", {"attachments": [{"path": "http://127.0.0.1/"}]}, 422, "invalid_attachment"),
        (
            "a file that is no base64",
            {"attachments": [{"filename": "a", "content": "é"}]},
            422,
            "invalid_attachment",
        ),
        ("a program", {"attachments": [{"filename": "a.exe", "content": "AA=="}]}, 422, "invalid_attachment"),
        ("a template", {"template": {"id": "welcome"}}, 422, "validation_error"),
    ):
        teller.is_refused(f"POST /emails, {what}", partial(sdk.Emails.send, good | change), code, name)
    without = {key: value for key, value in good.items() if key != "subject"}
    teller.is_refused(
        "POST /emails, no subject", lambda: sdk.Emails.send(without), 422, "missing_required_field"
    )
    key = {"idempotency_key": "k" * 257}
    teller.is_refused(
        "POST /emails, a long key", lambda: sdk.Emails.send(good, key), 400, "invalid_idempotency_key"
    )
    teller.is_refused("GET /emails/no-id", lambda: sdk.Emails.get("no-id"), 422, "invalid_parameter")
    teller.is_refused("GET /emails/{nobody's}", lambda: sdk.Emails.get(NOBODY), 404, "not_found")


def _strangers(teller: Teller, stage: Stage, domain_id: str, email_id: str) -> None:
    sdk.api_key = stage.stranger_key
    for what, call in (
        ("GET /emails/{id}, another team's", lambda: sdk.Emails.get(email_id)),
        ("POST /emails/{id}/cancel, another team's", lambda: sdk.Emails.cancel(email_id)),
        ("GET /domains/{id}, another team's", lambda: sdk.Domains.get(domain_id)),
        ("DELETE /domains/{id}, another team's", lambda: sdk.Domains.remove(domain_id)),
    ):
        teller.is_refused(what, call, 404, "not_found")
    assert patiently(sdk.Emails.list)["data"] == patiently(sdk.Domains.list)["data"] == []
    sdk.api_key = "re_123456789"
    teller.is_refused("GET /emails, a key of Resend's", sdk.Emails.list, 403, "invalid_api_key")
    sdk.api_key = ""
    teller.is_refused("GET /emails, no key", sdk.Emails.list, 401, "missing_api_key")


def _absent(teller: Teller) -> None:
    for what, call in (
        ("GET /webhooks", sdk.Webhooks.list),
        ("GET /contacts", sdk.Contacts.list),
        ("GET /emails/receiving", sdk.Emails.Receiving.list),
        ("GET /emails/metrics", sdk.Emails.metrics),
    ):
        teller.is_refused(f"{what}, not offered", call, 404, "not_found")


def _an_email(sender: str, to: str = "reader@readers.com") -> Any:
    return {"from": sender, "to": to, "subject": "Hello", "html": "<p>Good day.</p>"}
