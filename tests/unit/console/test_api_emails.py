"""Conversion of emails between Resend's shapes and protos."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from letterhead.sender.v1 import emails_pb2 as pb
from services.console.api import models
from services.console.api.decoding import decoded
from services.console.api.email_mappers import (
    OF_RECIPIENT,
    OF_STATE,
    address_of,
    detail_of,
    last_event_of,
    mailbox_of,
    request_of,
)
from services.console.api.errors import Rejected

State, Delivery = pb.Email, pb.Recipient
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def an_email(**fields: Any) -> models.SendEmail:
    """Return a small email; `fields` override those of the body."""
    given = {"from_": "agent@mnexa.ai", "to": "reader@example.com", "subject": "Hello", "text": "Good day."}
    return models.SendEmail(**(given | fields))


def at(second: int) -> Timestamp:
    return Timestamp(seconds=second)


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("agent@mnexa.ai", "", "agent@mnexa.ai"),
        (" agent@mnexa.ai ", "", "agent@mnexa.ai"),
        ("Agent <agent@mnexa.ai>", "Agent", "agent@mnexa.ai"),
        ("Agent Ä. Smith<agent@mnexa.ai>", "Agent Ä. Smith", "agent@mnexa.ai"),
        ('"Smith, Agent" <agent@mnexa.ai>', "Smith, Agent", "agent@mnexa.ai"),
        (r'"The \"Agent\" \\" <agent@mnexa.ai>', r'The "Agent" \\'[:-1], "agent@mnexa.ai"),
        ("<agent@mnexa.ai>", "", "agent@mnexa.ai"),
        ("", "", ""),
    ],
)
def test_an_address_may_have_a_name(text: str, name: str, address: str) -> None:
    assert address_of(text) == pb.Address(address=address, name=name)


@pytest.mark.parametrize(
    "text",
    [
        "a@x.com, b@y.com",
        "A <a@x.com>, B <b@y.com>",
        "A <a@x.com> <b@y.com>",
        "A <a@x.com",
        '"A <a@x.com>',
        'A "B" <a@x.com>',
        "A <<a@x.com>>",
        '"A\\" <a@x.com>',
        " " * 1000 + "\\",
        "\n" * 100_000 + "<",
    ],
)
def test_text_that_is_not_one_address_is_passed_unchanged_for_sender_to_reject(text: str) -> None:
    assert address_of(text) == pb.Address(address=text.strip())


@pytest.mark.parametrize("name", ["", "Agent", "Agent Ä.", "Smith, Agent", 'The "Agent" \\', "agent's"])
def test_an_address_survives_a_round_trip(name: str) -> None:
    address = pb.Address(address="agent@mnexa.ai", name=name)

    assert address_of(mailbox_of(address)) == address


def test_all_fields_of_an_email_are_passed_on() -> None:
    email = an_email(
        from_="Agent <agent@mnexa.ai>",
        to=["a@example.com", "B <b@example.com>"],
        cc="c@example.com",
        bcc=[],
        reply_to="",
        html="<p>",
        headers={"X-A": "1"},
        tags=[models.Tag(name="kind", value="note")],
        scheduled_at="2030-01-02T03:04:05+01:00",
    )

    request = request_of(email, NOW)

    assert getattr(request, "from") == pb.Address(address="agent@mnexa.ai", name="Agent")
    assert [each.address for each in request.to] == ["a@example.com", "b@example.com"]
    assert [each.address for each in request.cc] == ["c@example.com"]
    assert not [*request.bcc, *request.reply_to]
    assert (request.subject, request.text, request.html) == ("Hello", "Good day.", "<p>")
    assert (dict(request.headers), dict(request.tags)) == ({"X-A": "1"}, {"kind": "note"})
    assert request.send_time.ToDatetime(UTC) == datetime(2030, 1, 2, 2, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("name", ["content_id", "inline_content_id"])
def test_a_content_id_is_accepted_under_both_of_resends_names(name: str) -> None:
    body = {"from": "a@b.com", "to": "c@d.com", "subject": "", "text": "x"}
    file = {"filename": "logo.png", "content": "AA==", name: "logo"}

    request = request_of(decoded(json.dumps(body | {"attachments": [file]}).encode(), models.SendEmail), NOW)

    assert request.attachments[0].content_id == "logo"


@pytest.mark.parametrize(
    ("fields", "name", "word"),
    [
        ({"to": []}, "missing_required_field", "to"),
        ({"to": ""}, "missing_required_field", "to"),
        ({"text": None}, "missing_required_field", "html"),
        ({"template": models.Template(id="x")}, "validation_error", "template"),
        ({"topic_id": "x"}, "validation_error", "topic_id"),
        ({"tags": [models.Tag(name="a", value="1")] * 2}, "validation_error", "twice"),
        ({"scheduled_at": "soon"}, "validation_error", "ISO 8601"),
        ({"scheduled_at": ""}, "validation_error", "ISO 8601"),
        ({"attachments": [models.Attachment(filename="a")]}, "invalid_attachment", "attachments[0]"),
        ({"attachments": [models.Attachment(content="AA==")]}, "invalid_attachment", "filename"),
        ({"attachments": [models.Attachment(filename="a", content="A")]}, "invalid_attachment", "base64"),
        ({"tags": {"kind": "note"}}, "validation_error", "`tags` must be a list"),
        ({"headers": [{"name": "X-A"}]}, "validation_error", "`headers` must be an object"),
        ({"attachments": {"filename": "a"}}, "invalid_attachment", "`attachments` must be a list"),
        ({"attachments": [models.Attachment(path="http://x")]}, "invalid_attachment", "not fetched"),
    ],
)
def test_an_invalid_field_is_rejected_with_its_name(fields: dict[str, Any], name: str, word: str) -> None:
    with pytest.raises(Rejected) as caught:
        request_of(an_email(**fields), NOW)

    assert caught.value.name == name
    assert word in caught.value.message


@pytest.mark.parametrize("field", ["headers", "tags", "attachments"])
@pytest.mark.parametrize("nothing", [[], {}, None])
def test_an_empty_map_or_list_may_have_either_shape(field: str, nothing: Any) -> None:
    body = {"from": "a@b.com", "to": "c@d.com", "subject": "", "text": "x", field: nothing}

    request = request_of(decoded(json.dumps(body).encode(), models.SendEmail), NOW)

    assert not getattr(request, field)


@pytest.mark.parametrize("field", ["cc", "bcc", "reply_to", "html", "scheduled_at", "template", "topic_id"])
def test_null_is_the_same_as_no_field(field: str) -> None:
    body = {"from": "a@b.com", "to": "c@d.com", "subject": "", "text": "x"}

    given = request_of(decoded(json.dumps(body | {field: None}).encode(), models.SendEmail), NOW)

    assert given == request_of(decoded(json.dumps(body).encode(), models.SendEmail), NOW)


def test_a_time_in_words_is_passed_on_with_its_words() -> None:
    in_words = request_of(an_email(scheduled_at="in 1 hour"), NOW)
    in_iso = request_of(an_email(scheduled_at="2030-01-01T01:00:00"), NOW)

    assert in_words.send_time == in_iso.send_time
    assert (in_words.send_time_text, in_iso.send_time_text) == ("in 1 hour", "")


def test_every_state_is_mapped() -> None:
    assert OF_STATE.keys() == set(State.State.values()) - {State.STATE_UNSPECIFIED}
    without_event = {Delivery.STATE_UNSPECIFIED, Delivery.STATE_PENDING, Delivery.STATE_SUPPRESSED}
    assert OF_RECIPIENT.keys() == set(Delivery.State.values()) - without_event


@pytest.mark.parametrize(
    ("state", "deliveries", "event"),
    [
        (State.STATE_QUEUED, (), "queued"),
        (State.STATE_HELD, (), "queued"),
        (State.STATE_SENT, (), "sent"),
        (State.STATE_SENT, ((Delivery.STATE_PENDING, 9),), "sent"),
        (State.STATE_SENT, ((Delivery.STATE_SUPPRESSED, 9),), "sent"),
        (State.STATE_SENT, ((Delivery.STATE_DELIVERED, 1),), "delivered"),
        (State.STATE_SENT, ((Delivery.STATE_BOUNCED, 2), (Delivery.STATE_DELIVERED, 1)), "bounced"),
        (State.STATE_SENT, ((Delivery.STATE_DELAYED, 3), (Delivery.STATE_DELIVERED, 1)), "delivery_delayed"),
        (State.STATE_SENT, ((Delivery.STATE_COMPLAINED, 1), (Delivery.STATE_PENDING, 9)), "complained"),
        (State.STATE_EXPIRED, ((Delivery.STATE_PENDING, 1),), "failed"),
        (99, (), "queued"),
    ],
)
def test_the_last_event_is_the_latest_feedback(state: Any, deliveries: Any, event: str) -> None:
    recipients = [pb.Recipient(state=word, state_time=at(time)) for word, time in deliveries]

    assert last_event_of(pb.Email(state=state, recipients=recipients)) == event


def test_an_email_with_a_future_send_time_is_scheduled() -> None:
    assert last_event_of(pb.Email(state=State.STATE_QUEUED, scheduled_time=at(9))) == "scheduled"


def test_an_email_has_resends_shape() -> None:
    def to(kind: Any, address: str) -> pb.Recipient:
        return pb.Recipient(address=pb.Address(address=address), kind=kind)

    email = pb.Email(
        id="1", ses_id="ses", subject="Hello", html="<p>", state=State.STATE_SENT, create_time=at(1),
        recipients=[
            to(Delivery.KIND_TO, "a@x.com"), to(Delivery.KIND_CC, "b@x.com"), to(Delivery.KIND_BCC, "c@x.com")
        ],
        reply_to=[pb.Address(address="d@x.com", name="D")], tags={"b": "2", "a": "1"},
    )  # fmt: skip
    getattr(email, "from").address = "agent@mnexa.ai"

    shown = detail_of(email)

    assert (shown.to, shown.cc, shown.bcc) == (["a@x.com"], ["b@x.com"], ["c@x.com"])
    assert (shown.from_, shown.reply_to) == ("agent@mnexa.ai", ["D <d@x.com>"])
    assert (shown.html, shown.text, shown.scheduled_at) == ("<p>", None, None)
    assert [(each.name, each.value) for each in shown.tags] == [("a", "1"), ("b", "2")]
    assert shown.created_at == "1970-01-01T00:00:01+00:00"


@pytest.mark.parametrize(
    ("body", "name", "message"),
    [
        (b"", "validation_error", "The body is not JSON"),
        (b"{", "validation_error", "The body is not JSON"),
        (b'{"from": "\xff"}', "validation_error", "The body is not JSON"),
        (b"[" * 100_000, "validation_error", "The body"),
        (b'{"x":' + b"[" * 100_000, "validation_error", "The body is not JSON"),
        (b"[]", "validation_error", "The body is invalid: expected `object`, got `array`."),
        (b"{}", "missing_required_field", "Missing `from` field."),
        (b'{"from":"a","to":[1],"subject":""}', "validation_error", "`to[0]` is invalid: expected `str`"),
        (b'{"from":"a","to":"b","subject":null}', "missing_required_field", "Missing `subject` field: it is"),
        (b'{"from":"a","to":"b","subject":"","tags":[{"name":"x"}]}', "missing_required_field", "tags[0]"),
    ],
)  # fmt: skip
def test_an_invalid_body_is_rejected_with_the_path_of_the_value(body: bytes, name: str, message: str) -> None:
    with pytest.raises(Rejected) as caught:
        decoded(body, models.SendEmail)

    assert caught.value.name == name
    assert message in caught.value.message


def test_unknown_fields_are_ignored() -> None:
    body = b'{"from":"a","to":"b","subject":"c","react":{"deep":[1,{}]},"region":7,"cc":null}'

    assert decoded(body, models.SendEmail) == models.SendEmail(from_="a", to="b", subject="c")
