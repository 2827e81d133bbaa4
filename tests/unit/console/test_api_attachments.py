"""Attached files arrive as their bytes, in whichever of the usual forms a client sends them."""

import base64
import json
from typing import Any

import pytest

from letterhead.sender.v1 import emails_pb2 as pb
from services.console.api import models
from services.console.api.attachments import attachment_of, is_plain_text
from services.console.api.errors import Rejected

BYTES = b"\0\xff\xfbab"


def read(**fields: Any) -> pb.Attachment:
    return attachment_of(models.Attachment(**fields), "attachments[2]")


@pytest.mark.parametrize(
    "content",
    [
        base64.b64encode(BYTES).decode(),
        "AP/7\r\nYWI=\n",
        base64.urlsafe_b64encode(BYTES).decode(),
        "AP_7YWI",
        "AP/7YWI",
        list(BYTES),
        models.NodeBuffer(type="Buffer", data=list(BYTES)),
        "data:application/octet-stream;base64,AP/7YWI=",
    ],
)
def test_content_may_be_base64_or_numbers(content: Any) -> None:
    assert read(filename="a.bin", content=content).content == BYTES


@pytest.mark.parametrize(
    ("content", "file_name", "content_type"),
    [
        ("name,price\nTea,3.50\n", "list.csv", None),
        ("Hello, Ada!", "hello.txt", ""),
        ("Hello", "hello.txt", None),
        ('{"a": 1}', "a.json", None),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "invite.ics", None),
        ("Grüße", "greeting", "text/plain; charset=utf-8"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "logo.svg", "image/svg+xml"),
    ],
)
def test_plain_text_is_the_content_of_a_text_file(content: str, file_name: str, content_type: Any) -> None:
    attachment = read(filename=file_name, content=content, content_type=content_type)

    assert attachment.content == content.encode()
    assert is_plain_text(models.Attachment(filename=file_name, content=content, content_type=content_type))


def test_padded_base64_is_decoded_in_a_text_file_too() -> None:
    assert read(filename="a.txt", content=base64.b64encode(b"Hello").decode()).content == b"Hello"
    assert read(filename="a.txt", content="w7zDv8O_Pz8_YQ==").content == "üÿÿ???a".encode()


@pytest.mark.parametrize("content", ["Report", "well-known", "SGVsbG8"])
def test_a_word_that_may_be_base64_without_padding_is_rejected(content: str) -> None:
    with pytest.raises(
        Rejected, match=r"`attachments\[2\]\.content` may be base64 without its padding or plain"
    ):
        read(filename="a.txt", content=content)


@pytest.mark.parametrize("content", ["JVBERi0x$LjQ=", "%PDF-1.4\n", "A", "A=AA", "AA==AA=="])
def test_text_is_no_content_of_another_file(content: str) -> None:
    with pytest.raises(Rejected, match=r"`attachments\[2\]\.content` is not valid base64") as caught:
        read(filename="a.pdf", content=content)

    assert (caught.value.status, caught.value.name) == (422, "invalid_attachment")


@pytest.mark.parametrize(
    ("path", "content_type", "content"),
    [
        ("data:text/plain;charset=utf-8;base64,SGk=", "text/plain;charset=utf-8", b"Hi"),
        ("data:image/png;base64,iVBORw0KGgo=", "image/png", b"\x89PNG\r\n\x1a\n"),
        ("DATA:application/pdf;BASE64,JVBERg", "application/pdf", b"%PDF"),
        ("data:image/png;base64,iVBORw0KGgo%3D", "image/png", b"\x89PNG\r\n\x1a\n"),
        ("data:,a%20b", "", b"a b"),
    ],
)
def test_a_data_url_is_read(path: str, content_type: str, content: bytes) -> None:
    attachment = read(filename="a", path=path)

    assert (attachment.content_type, attachment.content) == (content_type, content)
    assert read(filename="a", path=path, content_type="text/csv").content_type == "text/csv"


@pytest.mark.parametrize(
    "path", ["https://example.com/a.pdf", "http://169.254.169.254/", "/etc/passwd", "data:"]
)
def test_no_other_path_is_fetched(path: str) -> None:
    with pytest.raises(Rejected, match=r"`attachments\[2\]\.path` is not fetched"):
        read(filename="a", path=path)


@pytest.mark.parametrize(
    ("aliases", "content_type", "content_id"),
    [
        ({"contentType": "text/csv"}, "text/csv", ""),
        ({"contentType": "text/csv", "content_type": "text/csv"}, "text/csv", ""),
        ({"contentType": "", "content_type": "text/csv"}, "text/csv", ""),
        ({"contentId": "logo"}, "", "logo"),
        ({"inlineContentId": "logo"}, "", "logo"),
        ({"inline_content_id": "logo", "content_id": "logo", "contentId": None}, "", "logo"),
    ],
)
def test_the_names_that_clients_send_are_aliases(
    aliases: dict[str, Any], content_type: str, content_id: str
) -> None:
    attachment = read(filename="a", content="AA==", **aliases)

    assert (attachment.content_type, attachment.content_id) == (content_type, content_id)


@pytest.mark.parametrize(
    ("fields", "alias", "field"),
    [
        ({"contentType": "text/csv", "content_type": "text/plain"}, "contentType", "content_type"),
        ({"contentId": "a", "content_id": "b"}, "contentId", "content_id"),
        ({"inlineContentId": "a", "inline_content_id": "b"}, "inlineContentId", "inline_content_id"),
        ({"content_id": "a", "inline_content_id": "a", "contentId": "b"}, "contentId", "content_id"),
    ],
)
def test_an_alias_with_another_value_is_rejected(fields: dict[str, Any], alias: str, field: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(filename="a", content="AA==", **fields)

    assert (caught.value.status, caught.value.name) == (422, "invalid_attachment")
    assert caught.value.message == (
        f"`attachments[2].{alias}` says something else than `attachments[2].{field}`. Set only one of them."
    )


def test_the_alias_of_a_type_says_that_content_is_text() -> None:
    assert read(filename="list", content="a,b\n", contentType="text/csv").content == b"a,b\n"


def test_a_file_has_content_or_a_path() -> None:
    with pytest.raises(Rejected, match="has both"):
        read(filename="a", content="AA==", path="data:,a")
    with pytest.raises(Rejected, match="needs `content` and `filename`"):
        read(filename="a", content=None, path=None)


def test_a_json_document_is_not_taken_for_a_buffer() -> None:
    content = json.dumps({"type": "Buffer", "data": [1]})

    assert read(filename="a.json", content=content).content == content.encode()
