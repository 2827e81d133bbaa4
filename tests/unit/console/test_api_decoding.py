"""Bodies are decoded as models; the first cause of an error is named with its path."""

import json
import time
from typing import Any

import pytest

from services.console.api import models
from services.console.api.decoding import decoded, items_of
from services.console.api.errors import Rejected

EMAIL: dict[str, Any] = {"from": "a@b.com", "to": "c@d.com", "subject": "s", "text": "t"}
HALF = "\ud83d"


def rejection(model: Any, body: Any) -> Rejected:
    """Return the error of a body."""
    with pytest.raises(Rejected) as caught:
        decoded(body if isinstance(body, bytes) else json.dumps(body).encode(), model)
    return caught.value


@pytest.mark.parametrize(
    ("model", "more", "named"),
    [
        (models.SendEmail, {"replyTo": "a@b.com"}, "`replyTo` is not a field. Use `reply_to`."),
        (models.SendEmail, {"scheduledAt": "in 1 hour"}, "`scheduledAt` is not a field. Use `scheduled_at`."),
        (models.SendEmail, {"schedule_at": None}, "`schedule_at` is not a field. Use `scheduled_at`."),
        (models.SendEmail, {"Reply-To": "a@b.com"}, "`Reply-To` is not a field. Use `reply_to`."),
        (models.SendEmail, {"From": "a@b.com"}, "`From` is not a field. Use `from`."),
        (models.SendEmail, {"attachment": []}, "`attachment` is not a field. Use `attachments`."),
        (models.SendEmail, {"topicId": "x"}, "`topicId` is not a field. Use `topic_id`."),
        (
            models.SendEmail,
            {"attachments": [{"filename": "a", "content": ""}, {"ContentType": "text/csv"}]},
            "`attachments[1].ContentType` is not a field. Use `attachments[1].content_type`.",
        ),
        (models.UpdateEmail, {"scheduledAt": "x"}, "`scheduledAt` is not a field. Use `scheduled_at`."),
        (models.CreateDomain, {"customReturnPath": "x"}, "Use `custom_return_path`."),
        (models.CreateDomain, {"capabilities": {"Receiving": "enabled"}}, "Use `capabilities.receiving`."),
        (models.CreateApiKey, {"domainId": "x"}, "Use `domain_id`."),
    ],
)
def test_a_key_that_is_almost_a_field_is_rejected_with_the_field(model: Any, more: Any, named: str) -> None:
    error = rejection(model, EMAIL | {"name": "x", "scheduled_at": "x"} | more)

    assert (error.status, error.name) == (422, "validation_error")
    assert error.message.endswith(named)


@pytest.mark.parametrize(
    "more",
    [
        {"react": {"deep": [1, {}]}},
        {"region": 7, "id": "x", "message_id": "x"},
        {"headers": {"replyTo": "x", "Subject": "x"}},
        {"attachments": [{"filename": "a", "content": "", "disposition": "inline", "size": 3}]},
        {"attachments": [{"filename": "a", "contentType": "x/y", "contentId": "a", "inlineContentId": "a"}]},
        {"x" * 10_000: 1},
        {"": 1},
    ],
)
def test_other_unknown_keys_are_ignored(more: Any) -> None:
    assert decoded(json.dumps(EMAIL | more).encode(), models.SendEmail).subject == "s"


def test_many_long_unknown_keys_take_little_time() -> None:
    content = json.dumps({f"{number}{'scheduled_a' * 300}": 1 for number in range(10_000)}).encode()
    began = time.process_time()

    rejection(models.SendEmail, content)

    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("subject", f"Hi {HALF}!", "Hi \ufffd!"),
        ("subject", "\udc00\ud83d", "\ufffd\ufffd"),
        ("subject", "whole \U0001f600 and \\ud83d in words", "whole \U0001f600 and \\ud83d in words"),
        ("html", f"<p>{HALF}</p>", "<p>\ufffd</p>"),
        ("text", HALF, "\ufffd"),
        ("from", f"A{HALF}a <a@b.com>", "A\ufffda <a@b.com>"),
        ("to", ["x@y.com", f"{HALF} <c@d.com>"], ["x@y.com", "\ufffd <c@d.com>"]),
    ],
)
def test_an_unpaired_surrogate_is_replaced_in_texts(field: str, value: Any, read: Any) -> None:
    email = decoded(json.dumps(EMAIL | {field: value}).encode(), models.SendEmail)

    assert getattr(email, "from_" if field == "from" else field) == read


def test_an_unpaired_surrogate_is_replaced_in_a_file_name_and_as_bytes() -> None:
    file = {"filename": f"{HALF}.pdf", "content": ""}
    written = json.dumps(EMAIL | {"attachments": [file]}).encode()
    as_bytes = json.dumps(EMAIL).encode().replace(b'"s"', b'"\xed\xa0\xbd"')

    attachments = decoded(written, models.SendEmail).attachments
    assert isinstance(attachments, list)
    assert attachments[0].filename == "\ufffd.pdf"
    assert decoded(as_bytes, models.SendEmail).subject == "\ufffd"


@pytest.mark.parametrize(
    ("model", "more", "path"),
    [
        (
            models.SendEmail,
            {"tags": [{"name": "a", "value": "b"}, {"name": "c", "value": HALF}]},
            "tags[1].value",
        ),
        (models.SendEmail, {"headers": {"X-Foo": HALF}}, "headers.X-Foo"),
        (models.SendEmail, {"headers": {f"X-{HALF}": "x"}}, "headers.X-\ufffd"),
        (models.SendEmail, {"attachments": [{"filename": "a", "content": HALF}]}, "attachments[0].content"),
        (models.CreateDomain, {"name": f"a{HALF}.com"}, "name"),
    ],
)
def test_an_unpaired_surrogate_elsewhere_is_rejected_with_its_path(model: Any, more: Any, path: str) -> None:
    error = rejection(model, EMAIL | more)

    assert (error.status, error.name) == (422, "validation_error")
    assert error.message == f"`{path}` has an unpaired surrogate, which is not a character. Remove it."


def test_an_unpaired_surrogate_in_a_batch_affects_only_its_email() -> None:
    first, second = items_of(json.dumps([EMAIL, EMAIL | {"headers": {"X-Foo": HALF}}]).encode())

    assert decoded(first, models.SendEmail).subject == "s"
    assert "headers.X-Foo" in rejection(models.SendEmail, second).message


@pytest.mark.parametrize(
    "content",
    [b'{"subject": "\\ud800', b'{"x": "\\ud800", "y": NaN}', b'{"x":"\\ud800","y":' + b"[" * 100_000],
)
def test_what_is_not_json_is_rejected_also_with_a_surrogate(content: bytes) -> None:
    assert (rejection(models.SendEmail, content).status) == 400


@pytest.mark.parametrize(
    ("more", "name", "message"),
    [
        (
            {"headers": {"X-A": "1", "X-Foo": 1}},
            "validation_error",
            "`headers.X-Foo` is invalid: expected `str`",
        ),
        ({"headers": {"X-Foo": None}}, "validation_error", "`headers.X-Foo` is invalid: expected `str`"),
        (
            {"attachments": [{}, {}, {"content_type": 1}]},
            "invalid_attachment",
            "`attachments[2].content_type` is invalid",
        ),
        ({"from": None}, "missing_required_field", "Missing `from` field: it is null."),
        ({"from": 1}, "invalid_from_address", "`from` is invalid: expected `str`, got `int`."),
        ({"tags": "x"}, "validation_error", "`tags` is invalid"),
        ({"tags": [{"name": "x", "value": None}]}, "missing_required_field", "Missing `tags[0].value` field"),
    ],
)
def test_an_error_names_the_path_of_its_first_cause(more: Any, name: str, message: str) -> None:
    error = rejection(models.SendEmail, EMAIL | more)

    assert (error.status, error.name) == (422, name)
    assert error.message.startswith(message)
