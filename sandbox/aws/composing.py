"""The bytes of an email: composed from Simple content, or rewritten from Raw content.

SES sets Message-ID and Date, removes Bcc and X-SES-* headers, and adds Feedback-ID.
"""

import base64
import email.policy
import re
from collections.abc import Sequence
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from sandbox.aws.emails import Headers
from sandbox.aws.errors import bad_request

_REPLACED = frozenset({"bcc", "date", "message-id", "return-path", "resent-bcc"})
_RESERVED = _REPLACED | {"cc", "from", "mime-version", "reply-to", "sender", "subject", "to"}
_LINE_END = re.compile(rb"\r\n|\r|\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def compose(params: dict[str, Any]) -> bytes:
    """Return the email that SES composes for a SendEmail with Simple content."""
    simple, destination = params["Content"]["Simple"], params.get("Destination", {})
    headers: Headers = [("From", params["FromEmailAddress"])]
    headers += _address_lists(
        To=destination.get("ToAddresses"),
        Cc=destination.get("CcAddresses"),
        **{"Reply-To": params.get("ReplyToAddresses")},
    )
    headers.append(
        ("Subject", _encoded(simple["Subject"]["Data"], simple["Subject"].get("Charset", "UTF-8")))
    )
    headers += [_custom(header["Name"], header["Value"]) for header in simple.get("Headers", [])]
    mime = _mime(simple["Body"], simple.get("Attachments", []))
    return join_headers(headers) + mime.as_bytes(policy=email.policy.SMTP)


def _address_lists(**lists: list[str] | None) -> Headers:
    return [(name, ",\r\n ".join(addresses)) for name, addresses in lists.items() if addresses]


def _encoded(text: str, charset: str) -> str:
    if _CONTROL.search(text):
        raise bad_request("Control characters are not allowed in the subject.")
    return str(
        Header(text, "us-ascii" if text.isascii() else charset, header_name="Subject").encode(linesep="\r\n")
    )


def _custom(name: str, value: str) -> tuple[str, str]:
    if name.lower() in _RESERVED or name.lower().startswith("content-"):
        raise bad_request(f"The header {name} cannot be set by Headers.")
    return name, value


def _mime(body: dict[str, Any], attachments: Sequence[dict[str, Any]]) -> EmailMessage:
    mime = EmailMessage()
    parts = [(subtype, body[kind]) for subtype, kind in (("plain", "Text"), ("html", "Html")) if kind in body]
    if not parts:
        raise bad_request("The email has no body: give Text, Html or both.")
    for index, (subtype, content) in enumerate(parts):
        add = mime.add_alternative if index else mime.set_content
        add(content["Data"], subtype=subtype, charset=content.get("Charset", "UTF-8").lower())
    for attachment in attachments:
        maintype, _, subtype = attachment.get("ContentType", "application/octet-stream").partition("/")
        disposition = attachment.get("ContentDisposition", "ATTACHMENT").lower()
        mime.add_attachment(
            attachment["RawContent"],
            maintype=maintype,
            subtype=subtype,
            disposition=disposition,
            filename=attachment["FileName"],
            cid=attachment.get("ContentId"),
        )
    return mime


def split(raw: bytes) -> tuple[Headers, bytes]:
    """Return the headers and the body of an email, with CRLF line ends."""
    head, _, body = _LINE_END.sub(b"\r\n", raw).partition(b"\r\n\r\n")
    headers: Headers = []
    for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
        if line[:1] in (" ", "\t") and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value}\r\n{line}")
        elif ":" in line:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.removeprefix(" ")))
        elif line:
            raise bad_request(f"Expected a header, got <{line[:80]}>.")
    return headers, body if body.endswith(b"\r\n") else body + b"\r\n"


def rewrite(headers: Headers, *, message_id: str, region: str, now: datetime) -> Headers:
    """Return the headers that SES sends."""
    remaining = [
        header
        for header in headers
        if header[0].lower() not in _REPLACED and header[0].lower()[:6] != "x-ses-"
    ]
    host = "email" if region == "us-east-1" else region
    digest = base64.b64encode(message_id.encode()[:24]).decode()
    return [
        *remaining,
        ("Message-ID", f"<{message_id}@{host}.amazonses.com>"),
        ("Date", format_datetime(now)),
        ("Feedback-ID", f"::1.{region}.{digest}:AmazonSES"),
        ("X-SES-Outgoing", f"{now:%Y.%m.%d}-203.0.113.10"),
    ]


def join_headers(headers: Headers) -> bytes:
    """Return the header lines, each ending with CRLF."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("utf-8", "surrogateescape")
