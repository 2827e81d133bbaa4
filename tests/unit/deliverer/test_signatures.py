"""Signatures that the official library and Resend's own verifier accept, under either header names."""

import base64
import time
from uuid import UUID

import pytest
import resend
from standardwebhooks import Webhook, WebhookVerificationError

from chassis.ids import message_id_of, uuid7, webhook_id
from services.deliverer.model.messages import Occurrence, message_id, shown
from services.deliverer.model.signatures import signed_headers

OLD, NEW = (f"whsec_{base64.b64encode(bytes([each]) * 32).decode()}" for each in (1, 2))
BODY = '{"type":"email.sent","data":{"subject":"Grüße"}}'


def headers(*secrets: str) -> dict[str, str]:
    return signed_headers("msg_1", int(time.time()), BODY.encode(), secrets)


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_during_a_rotation_both_secrets_verify(secret: str) -> None:
    assert Webhook(secret).verify(BODY, headers(NEW, OLD))["type"] == "email.sent"


def test_another_secret_or_body_does_not_verify() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, headers(NEW))
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY + " ", headers(NEW))


def test_resends_verifier_accepts_the_svix_names() -> None:
    signed = headers(NEW)

    resend.Webhooks.verify(
        {
            "payload": BODY,
            "headers": {
                "id": signed["svix-id"],
                "timestamp": signed["svix-timestamp"],
                "signature": signed["svix-signature"],
            },
            "webhook_secret": NEW,
        }
    )


def test_the_id_of_a_message_is_stable_and_different_for_each_receiver() -> None:
    event, endpoint = uuid7(), uuid7()
    ids = [
        message_id(event, other, Occurrence(event_type, {}, None, recipient))
        for other in (endpoint, uuid7())
        for event_type in ("EMAIL_BOUNCED", "EMAIL_SENT")
        for recipient in ("", "ada@example.com")
    ]

    assert len(set(ids)) == len(ids)
    assert message_id(event, endpoint, Occurrence("EMAIL_BOUNCED", {"other": 1})) == ids[0]
    assert (ids[0].version, ids[0].int >> 80) == (8, event.int >> 80)


def test_ids_in_headers_have_no_dot_and_can_be_read_back() -> None:
    given = UUID(int=7)

    assert webhook_id(given) == "msg_00000000000000000000000000000007"
    assert message_id_of(webhook_id(given)) == given
    with pytest.raises(ValueError, match="evt_1"):
        message_id_of("evt_1")


def test_an_answer_is_clipped_and_its_control_characters_are_escaped() -> None:
    assert shown(b"ok\n\x00\x1b[31m\xff\xe2\x80\xae") == "ok\n\\x00\\x1b[31m\\xff\\u202e"
    assert len(shown(b"\x00" * 10_000)) == 4096
