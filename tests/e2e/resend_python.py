"""A scenario with PyPI's unmodified `resend` against another base URL."""

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

sdk: Any = resend  # untyped, because the scenario makes invalid calls on purpose

NOBODY = "0198f0c0-0000-7000-8000-000000000000"
TRIES = 5
BURST = 400  # requests, far more than the rate limit of one key


def with_retries(call: Callable[[], Any]) -> Any:
    """Call like a well-behaved client, which waits for `retry-after` when it is rate-limited."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except RateLimitError as error:
            time.sleep(float(error.headers["retry-after"]))
    return call()


@dataclass(frozen=True)
class Call:
    """One call of an SDK and its answer: a result, or the status and name of an error."""

    sdk: str
    what: str
    answer: str


@dataclass
class Recorder:
    """Makes calls and records them."""

    calls: list[Call] = field(default_factory=list)

    def does(self, what: str, call: Callable[[], Any]) -> Any:
        """Make a call that succeeds; return its result."""
        answer = with_retries(call)
        fields = [f"{name} {answer[name]}" for name in ("last_event", "status", "has_more") if name in answer]
        self.calls.append(Call("python", what, ", ".join(["200", *fields])))
        return answer

    def is_refused(self, what: str, call: Callable[[], Any], code: int, name: str) -> None:
        """Make a call that must fail with this status and error name."""
        with pytest.raises(ResendError) as caught:
            with_retries(call)
        error = caught.value
        assert (int(error.code), error.error_type) == (code, name), f"{what}: {error.code} {error}"
        assert error.message
        self.calls.append(Call("python", what, f"{code} {name}"))


def run_scenario(stage: Stage) -> list[Call]:
    """Run the scenario; return its calls."""
    recorder = Recorder()
    sdk.api_url = stage.url
    sdk.api_key = stage.key
    domain = _domains(recorder, stage)
    sender = f"Agent <agent@{domain['name']}>"
    email_id = _emails(recorder, stage, sender)
    _waiting(recorder, sender)
    _batches(recorder, sender)
    _lists(recorder)
    _keys(recorder, stage, sender, domain["id"])
    _suppressions(recorder)
    _mistakes(recorder, sender)
    _other_tenants(recorder, stage, domain["id"], email_id)
    _not_offered(recorder)
    sdk.api_key = stage.key
    recorder.does("DELETE /domains/{id}", lambda: sdk.Domains.remove(domain["id"]))
    recorder.is_refused("GET /domains/{id}, deleted", lambda: sdk.Domains.get(domain["id"]), 404, "not_found")
    return recorder.calls


def _domains(recorder: Recorder, stage: Stage) -> Any:
    name = f"py.d{uuid4().hex[:10]}.com"
    made = recorder.does("POST /domains", lambda: sdk.Domains.create({"name": name}))
    assert {each["record"] for each in made["records"]} >= {"DKIM", "SPF"}
    shown = recorder.does("GET /domains/{id}", lambda: sdk.Domains.get(made["id"]))
    zone = name.removeprefix("py.")
    stage.publish([each | {"name": f"{each['name']}.{zone}"} for each in shown["records"]])
    recorder.does("POST /domains/{id}/verify", lambda: sdk.Domains.verify(made["id"]))
    stage.until(lambda: with_retries(partial(sdk.Domains.get, made["id"]))["status"] == "verified")
    ready = recorder.does("GET /domains/{id}, verified", lambda: sdk.Domains.get(made["id"]))
    assert {each["status"] for each in ready["records"]} == {"verified"}
    listed = recorder.does("GET /domains", sdk.Domains.list)
    assert made["id"] in [each["id"] for each in listed["data"]]
    claim = recorder.does("POST /domains/claim", lambda: sdk.Domains.Claims.create({"name": made["name"]}))
    assert claim["domain_id"] == made["id"], claim
    recorder.does("GET /domains/{id}/claim", lambda: sdk.Domains.Claims.get(made["id"]))
    recorder.does("POST /domains/{id}/claim/verify", lambda: sdk.Domains.Claims.verify(made["id"]))
    recorder.does(
        "PATCH /domains/{id}", lambda: sdk.Domains.update({"id": made["id"], "tls": "opportunistic"})
    )
    bad = {"id": made["id"], "open_tracking": True}
    recorder.is_refused(
        "PATCH /domains/{id}, tracking", lambda: sdk.Domains.update(bad), 422, "validation_error"
    )
    again = {"name": name}
    recorder.is_refused("POST /domains, again", lambda: sdk.Domains.create(again), 403, "validation_error")
    far = {"name": f"x{name}", "region": "sa-east-1"}
    recorder.is_refused("POST /domains, elsewhere", lambda: sdk.Domains.create(far), 422, "invalid_region")
    wild = {"name": "*.com"}
    recorder.is_refused("POST /domains, wildcard", lambda: sdk.Domains.create(wild), 422, "validation_error")
    return ready


def _emails(recorder: Recorder, stage: Stage, sender: str) -> str:
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
    sent = recorder.does("POST /emails, with all there is", lambda: sdk.Emails.send(email, options))
    again = recorder.does("POST /emails, the same key again", lambda: sdk.Emails.send(email, options))
    assert sent["id"] == again["id"]
    other = email | {"subject": "Another"}
    recorder.is_refused(
        "POST /emails, the same key, another body",
        lambda: sdk.Emails.send(other, options), 409, "invalid_idempotent_request",
    )  # fmt: skip
    stage.until(lambda: with_retries(partial(sdk.Emails.get, sent["id"]))["last_event"] == "delivered")
    read = recorder.does("GET /emails/{id}", lambda: sdk.Emails.get(sent["id"]))
    assert (read["from"], read["to"], read["cc"]) == (sender, ["reader@readers.com"], email["cc"])
    assert (read["html"], read["tags"], read["object"]) == (email["html"], email["tags"], "email")
    assert datetime.fromisoformat(read["created_at"]).tzinfo
    bounce = _an_email(sender, to="bounce@simulator.amazonses.com")
    bounced = recorder.does("POST /emails, that will bounce", lambda: sdk.Emails.send(bounce))
    stage.until(lambda: with_retries(partial(sdk.Emails.get, bounced["id"]))["last_event"] == "bounced")
    recorder.does("GET /emails/{id}, bounced", lambda: sdk.Emails.get(bounced["id"]))
    return str(sent["id"])


def _waiting(recorder: Recorder, sender: str) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    later = {"scheduled_at": (soon + timedelta(hours=1)).isoformat()}
    waiting = _an_email(sender) | {"scheduled_at": soon.isoformat()}
    email_id = recorder.does("POST /emails, scheduled", lambda: sdk.Emails.send(waiting))["id"]
    recorder.does("GET /emails/{id}, scheduled", lambda: sdk.Emails.get(email_id))
    recorder.does("PATCH /emails/{id}", lambda: sdk.Emails.update({"id": email_id, **later}))
    recorder.does("POST /emails/{id}/cancel", lambda: sdk.Emails.cancel(email_id))
    canceled = recorder.does("GET /emails/{id}, canceled", lambda: sdk.Emails.get(email_id))
    assert canceled["last_event"] == "canceled"
    late = {"id": email_id, **later}
    recorder.is_refused(
        "PATCH /emails/{id}, canceled", lambda: sdk.Emails.update(late), 422, "validation_error"
    )
    words = _an_email(sender) | {"scheduled_at": "in 1 hour"}
    resolved = recorder.does("POST /emails, in words", lambda: sdk.Emails.send(words))["scheduled_at"]
    assert datetime.fromisoformat(resolved) > soon
    vague = _an_email(sender) | {"scheduled_at": "tomorrow at 9"}
    recorder.is_refused("POST /emails, vague", lambda: sdk.Emails.send(vague), 422, "validation_error")


def _batches(recorder: Recorder, sender: str) -> None:
    good, bad = _an_email(sender), _an_email(sender, to="no address")
    both = recorder.does("POST /emails/batch", lambda: sdk.Batch.send([good, good]))
    assert len({each["id"] for each in both["data"]}) == 2
    recorder.is_refused(
        "POST /emails/batch, one bad", lambda: sdk.Batch.send([good, bad]), 422, "validation_error"
    )
    some = recorder.does(
        "POST /emails/batch, permissive",
        lambda: sdk.Batch.send([bad, good, {"from": sender}], {"batch_validation": "permissive"}),
    )
    assert len(some["data"]) == 1
    assert [each["index"] for each in some["errors"]] == [0, 2]


def _lists(recorder: Recorder) -> None:
    first = recorder.does("GET /emails?limit=3", lambda: sdk.Emails.list({"limit": 3}))
    ids = [each["id"] for each in first["data"]]
    older = recorder.does("GET /emails?after=", lambda: sdk.Emails.list({"limit": 2, "after": ids[0]}))
    newer = recorder.does("GET /emails?before=", lambda: sdk.Emails.list({"limit": 2, "before": ids[2]}))
    assert [each["id"] for each in older["data"]] == ids[1:]
    assert [each["id"] for each in newer["data"]] == ids[:2]
    assert (first["has_more"], newer["has_more"]) == (True, False)
    both = {"after": ids[0], "before": ids[1]}
    recorder.is_refused(
        "GET /emails, after and before", lambda: sdk.Emails.list(both), 422, "validation_error"
    )
    recorder.is_refused("GET /emails?limit=0", lambda: sdk.Emails.list({"limit": 0}), 422, "validation_error")


def _keys(recorder: Recorder, stage: Stage, sender: str, domain_id: str) -> None:
    restricted = {"name": "story", "permission": "sending_access", "domain_id": domain_id}
    another = {"name": f"d{uuid4().hex[:10]}.com"}
    other = with_retries(partial(sdk.Domains.create, another))["name"]
    made = recorder.does("POST /api-keys", lambda: sdk.ApiKeys.create(restricted))
    listed = recorder.does("GET /api-keys", sdk.ApiKeys.list)
    assert made["id"] in [each["id"] for each in listed["data"]]
    sdk.api_key = made["token"]
    recorder.does("POST /emails, with that key", lambda: sdk.Emails.send(_an_email(sender)))
    recorder.is_refused("GET /domains, with that key", sdk.Domains.list, 401, "restricted_api_key")
    of_another = _an_email(f"agent@{other}")
    recorder.is_refused(
        "POST /emails, of another domain", lambda: sdk.Emails.send(of_another), 401, "restricted_api_key"
    )
    _bursts(recorder, made["token"])
    sdk.api_key = stage.key
    renamed = {"id": made["id"], "name": "another story"}
    recorder.does("PATCH /api-keys/{id}", lambda: sdk.ApiKeys.update(renamed))
    recorder.does("DELETE /api-keys/{id}", lambda: sdk.ApiKeys.remove(made["id"]))
    assert made["id"] not in [each["id"] for each in with_retries(sdk.ApiKeys.list)["data"]]
    strange = {"name": "story", "permission": "root"}
    recorder.is_refused("POST /api-keys, of more", lambda: sdk.ApiKeys.create(strange), 422, "invalid_access")


def _bursts(recorder: Recorder, token: str) -> None:
    """Exceed the rate limit of one key."""

    def ask(_: int) -> requests.Response:
        return requests.get(
            f"{sdk.api_url}/emails?limit=1", headers={"authorization": f"Bearer {token}"}, timeout=30
        )

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(ask, range(BURST)))
    limited = next(each for each in answers if each.status_code == 429)
    assert limited.json()["name"] == "rate_limit_exceeded"
    assert int(limited.headers["retry-after"]) == int(limited.headers["ratelimit-reset"]) == 1
    assert limited.headers["ratelimit-remaining"] == "0"
    recorder.calls.append(Call("python", f"{BURST} GET /emails at once", "200, then 429 rate_limit_exceeded"))


def _suppressions(recorder: Recorder) -> None:
    address = f"No-More+{uuid4().hex[:8]}@readers.com"
    made = recorder.does("POST /suppressions", lambda: sdk.Suppressions.add({"email": address}))
    found = recorder.does("GET /suppressions/{email}", lambda: sdk.Suppressions.get(address))
    assert (found["id"], found["email"], found["origin"]) == (made["id"], address.lower(), "manual")
    assert found["source_id"] is None
    recorder.does("GET /suppressions/{id}", lambda: sdk.Suppressions.get(made["id"]))
    listed = recorder.does(
        "GET /suppressions?origin=bounce", lambda: sdk.Suppressions.list({"origin": "bounce"})
    )
    assert {each["origin"] for each in listed["data"]} <= {"bounce"}
    recorder.does("DELETE /suppressions/{id}", lambda: sdk.Suppressions.remove(made["id"]))
    recorder.is_refused("GET /suppressions/{email}", lambda: sdk.Suppressions.get(address), 404, "not_found")
    emails = [f"a{number}-{uuid4().hex[:8]}@readers.com" for number in range(20)]
    many = {"emails": [*emails, emails[0].upper()]}
    added = recorder.does("POST /suppressions/batch/add", lambda: sdk.Suppressions.Batch.add(many))
    assert len(added["data"]) == 20
    gone = recorder.does(
        "POST /suppressions/batch/remove",
        lambda: sdk.Suppressions.Batch.remove({"ids": [NOBODY, *(each["id"] for each in added["data"])]}),
    )
    assert {each["id"] for each in gone["data"]} == {each["id"] for each in added["data"]}


def _mistakes(recorder: Recorder, sender: str) -> None:
    good = _an_email(sender)
    for what, change, code, name in (
        ("no from", {"from": None}, 422, "missing_required_field"),
        ("an invalid From", {"from": "agent"}, 422, "invalid_from_address"),
        ("a From of another tenant", {"from": "agent@mnexa.ai"}, 403, "validation_error"),
        ("no body", {"html": ""}, 422, "missing_required_field"),
        ("no recipients", {"to": []}, 422, "missing_required_field"),
        ("too many recipients", {"to": ["a@readers.com"] * 51}, 422, "validation_error"),
        ("a reserved header", {"headers": {"DKIM-Signature": "x"}}, 422, "validation_error"),
        ("a header in a header", {"headers": {"X-A": "1\r\nBcc: b@readers.com"}}, 422, "validation_error"),
        ("a file by its URL", {"attachments": [{"path": "http://127.0.0.1/"}]}, 422, "invalid_attachment"),
        (
            "a file that is not base64",
            {"attachments": [{"filename": "a", "content": "é"}]},
            422,
            "invalid_attachment",
        ),
        ("a program", {"attachments": [{"filename": "a.exe", "content": "AA=="}]}, 422, "invalid_attachment"),
        ("a template", {"template": {"id": "welcome"}}, 422, "validation_error"),
    ):
        recorder.is_refused(f"POST /emails, {what}", partial(sdk.Emails.send, good | change), code, name)
    without = {key: value for key, value in good.items() if key != "subject"}
    recorder.is_refused(
        "POST /emails, no subject", lambda: sdk.Emails.send(without), 422, "missing_required_field"
    )
    key = {"idempotency_key": "k" * 257}
    recorder.is_refused(
        "POST /emails, a long key", lambda: sdk.Emails.send(good, key), 400, "invalid_idempotency_key"
    )
    recorder.is_refused("GET /emails/no-id", lambda: sdk.Emails.get("no-id"), 422, "invalid_parameter")
    recorder.is_refused("GET /emails/{unknown}", lambda: sdk.Emails.get(NOBODY), 404, "not_found")


def _other_tenants(recorder: Recorder, stage: Stage, domain_id: str, email_id: str) -> None:
    sdk.api_key = stage.stranger_key
    for what, call in (
        ("GET /emails/{id}, another team's", lambda: sdk.Emails.get(email_id)),
        ("POST /emails/{id}/cancel, another team's", lambda: sdk.Emails.cancel(email_id)),
        ("GET /domains/{id}, another team's", lambda: sdk.Domains.get(domain_id)),
        ("DELETE /domains/{id}, another team's", lambda: sdk.Domains.remove(domain_id)),
    ):
        recorder.is_refused(what, call, 404, "not_found")
    assert with_retries(sdk.Emails.list)["data"] == with_retries(sdk.Domains.list)["data"] == []
    sdk.api_key = "re_123456789"
    recorder.is_refused("GET /emails, a key of Resend's", sdk.Emails.list, 403, "invalid_api_key")
    sdk.api_key = ""
    recorder.is_refused("GET /emails, no key", sdk.Emails.list, 401, "missing_api_key")


def _not_offered(recorder: Recorder) -> None:
    for what, call in (
        ("GET /contacts", sdk.Contacts.list),
        ("GET /emails/receiving", sdk.Emails.Receiving.list),
        ("GET /emails/metrics", sdk.Emails.metrics),
    ):
        recorder.is_refused(f"{what}, not offered", call, 404, "not_found")


def _an_email(sender: str, to: str = "reader@readers.com") -> Any:
    return {"from": sender, "to": to, "subject": "Hello", "html": "<p>Good day.</p>"}
