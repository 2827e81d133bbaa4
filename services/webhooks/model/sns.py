"""Parses SNS messages strictly, accepts only one topic, and rebuilds the string that SNS signed.

Pure. A parsed message is not yet verified: `intake.signing` does that.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from services.webhooks.model.rejections import Forged, Unproven

# SNS allows messages of 256 KiB; JSON escapes lengthen them, and SQS allows 1 MiB.
MAX_BODY = 1024 * 1024
MAX_LINE = 4_096  # of any signed field except the message
MAX_SIGNATURE = 2_048  # characters of base64
AHEAD = timedelta(minutes=15)  # allowed clock difference between SNS and us

Type: TypeAlias = Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]

# In byte order: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
_CONFIRMED = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED: dict[Type, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": _CONFIRMED,
    "UnsubscribeConfirmation": _CONFIRMED,
}
OPTIONAL = frozenset({"Subject"})

# The signed string separates fields by line breaks, so only the message may contain one.
_LINE = re.compile(r"[^\x00-\x1f\x7f\x85\u2028\u2029]*")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_TOKEN = re.compile(r"[!-~]{1,2048}")
_CERTIFICATE = re.compile(r"SimpleNotificationService-[0-9a-f]{32}\.pem")
_ARN = re.compile(r"arn:(aws[a-z-]{0,20}):sns:([a-z0-9-]{1,40}):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-us-gov": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """The only accepted topic, the host of its certificates, and the names that these may have."""

    arn: str
    host: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, arn: str) -> "Topic":
        """Return the topic of an ARN; raise ValueError for a malformed one or an unknown partition."""
        match = _ARN.fullmatch(arn)
        if match is None or match[1] not in _SUFFIXES:
            raise ValueError(f"{arn!r} is not the ARN of an SNS topic")
        region, suffix = match[2], _SUFFIXES[match[1]]
        return cls(arn, f"sns.{region}.{suffix}", _names(match[1], region, suffix))


@dataclass(frozen=True, slots=True)
class Message:
    """An SNS message whose signature is not yet verified; `signed` is the string that SNS signed."""

    type: Type
    id: str
    topic_arn: str
    text: str = field(repr=False)
    token: str = field(repr=False)
    time: datetime
    version: str
    signature: bytes = field(repr=False)
    certificate: str
    signed: bytes = field(repr=False)


def parse(body: bytes, topic: Topic) -> Message:
    """Parse a body; raise Forged for anything that SNS would not send for this topic."""
    if len(body) > MAX_BODY:
        raise Forged("too_large")
    fields = _fields(body)
    if fields.get("TopicArn") != topic.arn:
        raise Forged("foreign_topic")
    kind = _type(fields)
    names = SIGNED[kind]
    signed = _signed(fields, names)
    return Message(
        type=kind,
        id=_matching(fields, "MessageId", _ID),
        topic_arn=topic.arn,
        text=fields["Message"],
        token=_matching(fields, "Token", _TOKEN) if "Token" in names else "",
        time=_time(_matching(fields, "Timestamp", _TIMESTAMP)),
        version=_version(fields),
        signature=_signature(fields),
        certificate=_certificate(fields, topic),
        signed=signed,
    )


def topic_of(body: bytes) -> str:
    """Return the topic that a body claims to be of, '' if none; raise Forged for one that is malformed."""
    if len(body) > MAX_BODY:
        raise Forged("too_large")
    arn = _fields(body).get("TopicArn")
    return arn if isinstance(arn, str) else ""


def check_age(message: Message, now: datetime, max_age: timedelta) -> None:
    """Raise Unproven for a message that is too old or too new: a replay, or a wrong clock."""
    if not now - max_age <= message.time <= now + AHEAD:
        raise Unproven("stale")


def is_bare(body: bytes) -> bool:
    """Return whether a body was sent with raw message delivery, without an envelope or a signature."""
    try:
        return "TopicArn" not in _fields(body)
    except Forged:
        return True


def _names(partition: str, region: str, suffix: str) -> tuple[str, ...]:
    """Return every name that SNS uses in its certificates; old and new regions differ.

    Source: `SnsHostProvider` in AWS's SDK for Java, and the certificates in use today.
    """
    shared = ("sns-us-gov-west-1.amazonaws.com",) if partition == "aws-us-gov" else ()
    regional = (f"sns.{region}.{suffix}", f"sns-{region}.{suffix}", f"sns-signing.{region}.{suffix}")
    return (f"sns.{suffix}", *regional, *shared)


def _fields(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Forged("malformed") from None
    if not isinstance(content, dict):
        raise Forged("malformed")
    return content


def _unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Reject repeated keys, which different parsers would read differently."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is repeated")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are not JSON


def _type(fields: dict[str, Any]) -> Type:
    for kind in SIGNED:
        if fields.get("Type") == kind:
            return kind
    raise Forged("malformed")


def _signed(fields: dict[str, Any], names: Sequence[str]) -> bytes:
    """Return the string that SNS signs: each field's name and value, each on its own line."""
    present = [name for name in names if name not in OPTIONAL or name in fields]
    for name in present:
        value = fields.get(name)
        if not isinstance(value, str) or (name != "Message" and not _is_line(value)):
            raise Forged("malformed")
    try:
        return "".join(f"{name}\n{fields[name]}\n" for name in present).encode("utf-8")
    except UnicodeEncodeError:  # a lone surrogate
        raise Forged("malformed") from None


def _is_line(value: str) -> bool:
    return len(value) <= MAX_LINE and _LINE.fullmatch(value) is not None


def _matching(fields: dict[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = fields[name]
    if not pattern.fullmatch(value):
        raise Forged("malformed")
    return str(value)


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Forged("malformed") from None


def _version(fields: dict[str, Any]) -> str:
    version = fields.get("SignatureVersion")
    if version not in ("1", "2"):
        raise Forged("malformed")
    return str(version)


def _signature(fields: dict[str, Any]) -> bytes:
    text = fields.get("Signature")
    if not isinstance(text, str) or not 0 < len(text) <= MAX_SIGNATURE:
        raise Forged("malformed")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Forged("malformed") from None


def _certificate(fields: dict[str, Any], topic: Topic) -> str:
    """Return the certificate's file name; compare the URL as a string, so that no URL parser is involved."""
    url = fields.get("SigningCertURL")
    prefix = f"https://{topic.host}/"
    if not isinstance(url, str) or not url.startswith(prefix):
        raise Forged("certificate_url")
    name = url.removeprefix(prefix)
    if not _CERTIFICATE.fullmatch(name):
        raise Forged("certificate_url")
    return name
