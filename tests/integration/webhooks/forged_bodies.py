"""Bodies that SNS does not send: invalid bytes, types and timestamps."""

import gzip
import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

from tests.integration.webhooks.forger import UNPROVEN, Forger, Forgery, forged, timestamp


def odd_bodies(forger: Forger) -> Iterator[Forgery]:
    """Yield bodies that are not well-formed SNS messages."""
    genuine = forger.genuine()
    whole = json.dumps(genuine)
    own = json.dumps(forger.topic_arn)
    bodies: dict[str, bytes] = {
        "empty": b"", "not JSON": b"hello", "cut": whole[:-20].encode(), "an array": f"[{whole}]".encode(),
        "a text": json.dumps(whole).encode(), "null": b"null", "a number": b"1",
        "twice": (whole + whole).encode(),
        "followed by more": (whole + " x").encode(), "a form": b"Type=Notification&Message=x",
        "in UTF-16": whole.encode("utf-16"), "with a byte order mark": b"\xef\xbb\xbf" + whole.encode(),
        "with bytes that are not UTF-8": whole.encode().replace(b"second line", b"\xff\xfe"),
        "with a NaN": (whole[:-1] + ', "x": NaN}').encode(),
        "with a number without end": (whole[:-1] + ', "x": ' + "9" * 5_000 + "}").encode(),
        "nested without end": (whole[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}").encode(),
        "too large": json.dumps(forger.genuine(Message="x" * 1_100_000)).encode(),
        "with two topics": (whole[:-1] + f', "TopicArn": {own}}}').encode(),
        "with two topics, one escaped": (whole[:-1] + f', "\\u0054opicArn": {own}}}').encode(),
        "with two messages": (whole[:-1] + ', "Message": "chosen"}').encode(),
        "with two certificates": (whole[:-1] + ', "SigningCertURL": "https://elsewhere.example/"}').encode(),
        "with comments": whole.replace("{", "{/* x */", 1).encode(),
        "with single quotes": whole.replace('"', "'").encode(),
        "with a comma at its end": (whole[:-1] + ",}").encode(),
        "with small names": json.dumps({name.lower(): value for name, value in genuine.items()}).encode(),
        "compressed": gzip.compress(whole.encode()),
    }  # fmt: skip
    for name, body in bodies.items():
        yield Forgery(f"body: {name}", body)
    surrogate = forger.envelope(Message="\ud800")
    yield forged("a message with a lone surrogate", forger.signed(surrogate))
    yield forged("a subject with a line break", forger.genuine(Subject="a\nb"))
    yield forged("an id that is not a UUID", forger.genuine(MessageId="1"))
    yield forged("an id with a line break", forger.genuine(MessageId=f"{uuid4()}\n"))
    yield forged("a token with a space", forger.genuine("SubscriptionConfirmation", Token="a b"))
    yield forged("a type that SNS does not have", genuine | {"Type": "Publication"})


def wrong_types(forger: Forger) -> Iterator[Forgery]:
    """Yield messages in which a field is missing or not a string."""
    for name in ("Type", "MessageId", "TopicArn", "Message", "Timestamp"):
        for value in (None, 1, True, ["x"], {"x": "y"}):
            yield forged(f"{name} is {value!r}", forger.genuine() | {name: value})
        missing = forger.genuine()
        del missing[name]
        yield forged(f"{name} is missing", missing)
    yield forged("Subject is null", forger.genuine(Subject=None) | {"Subject": None})
    for name in ("Token", "SubscribeURL"):
        missing = forger.genuine("SubscriptionConfirmation")
        del missing[name]
        yield forged(f"{name} is missing", missing)


def wrong_times(forger: Forger) -> Iterator[Forgery]:
    """Yield correctly signed messages with an old, future or invalid timestamp."""
    for hours in (3, 24, 24 * 365):
        old = forger.genuine(Timestamp=timestamp(timedelta(hours=hours)))
        yield forged(f"{hours} h old", old, UNPROVEN)
    yield forged("of an hour ahead", forger.genuine(Timestamp=timestamp(-timedelta(hours=1))), UNPROVEN)
    for text in ("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"):
        yield forged(f"of {text}", forger.genuine(Timestamp=text), UNPROVEN)
    now = timestamp()
    for text in (
        now[:-1],
        now.replace("Z", "+00:00"),
        now.replace("T", " "),
        "1",
        "",
        "2026-13-45T00:00:00.000Z",
        "now",
    ):
        yield forged(f"of {text!r}", forger.genuine(Timestamp=text))


def without_envelope(forger: Forger) -> Iterator[Forgery]:
    """Yield SES events without an envelope, as in raw message delivery, which has no signature."""
    event = json.dumps({"eventType": "Bounce", "mail": {"messageId": "x"}}).encode()
    yield Forgery("a bare event", event)
    yield Forgery("a bare event marked as raw", event, UNPROVEN, {"x-amz-sns-rawdelivery": "true"})
    altered = json.dumps(forger.genuine() | {"Message": "chosen"}).encode()
    yield Forgery("an altered message marked as raw", altered, headers={"x-amz-sns-rawdelivery": "true"})
