"""Forged SNS messages: each is a genuine message with one defect."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.integration.webhooks.certificate_host import NAME
from tests.integration.webhooks.forged_bodies import odd_bodies, without_envelope, wrong_times, wrong_types
from tests.integration.webhooks.forged_certificates import bad_certificates
from tests.integration.webhooks.forger import (
    CONFIRMED,
    SIGNED,
    UNPROVEN,
    Forger,
    Forgery,
    Json,
    canonical,
    forged,
    sign,
    timestamp,
)


def forgeries(forger: Forger) -> Iterator[Forgery]:
    """Yield every forgery."""
    yield from altered_fields(forger)
    yield from other_topics(forger)
    yield from bad_signatures(forger)
    yield from look_alike_urls(forger)
    yield from bad_certificates(forger)
    yield from odd_bodies(forger)
    yield from wrong_types(forger)
    yield from wrong_times(forger)
    yield from without_envelope(forger)


def altered_fields(forger: Forger) -> Iterator[Forgery]:
    """Yield genuine messages that were changed after signing."""
    later = timestamp(timedelta(minutes=-1))
    changes: Json = {"Message": '{"eventType":"Complaint"}', "MessageId": str(uuid4()), "Timestamp": later}
    for name, value in changes.items():
        for kind in SIGNED:
            yield forged(f"{kind}: another {name}", forger.genuine(kind) | {name: value})
    for name, value in {"Token": "f" * 128, "SubscribeURL": forger_url(forger)}.items():
        for kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
            yield forged(f"{kind}: another {name}", forger.genuine(kind) | {name: value})
    yield forged("another Subject", forger.genuine() | {"Subject": "Hello"})
    yield forged("a Subject that was not signed", forger.genuine(Subject=None) | {"Subject": "Hello"})
    without = forger.genuine()
    del without["Subject"]
    yield forged("the Subject left out", without)
    yield forged("an empty Subject", forger.genuine(Subject=None) | {"Subject": ""})
    message = forger.genuine()["Message"]
    yield forged("a space behind the message", forger.genuine() | {"Message": message + " "})
    confirmation = forger.envelope("SubscriptionConfirmation")
    as_other = forger.signed(confirmation) | {"Type": "UnsubscribeConfirmation"}
    yield forged("an unsubscription made of a subscription", as_other)
    as_notification = forger.signed(confirmation) | {"Type": "Notification"}
    yield forged("a notification made of a subscription", as_notification)
    yield forged("a subscription made of a notification", _confirming(forger))
    yield forged("one field split into three", _split(forger))


def forger_url(forger: Forger) -> str:
    return f"http://127.0.0.1:{forger.elsewhere.port}/?Action=ConfirmSubscription"


def _confirming(forger: Forger) -> Json:
    extra = {
        name: value
        for name, value in forger.envelope("SubscriptionConfirmation").items()
        if name in CONFIRMED
    }
    return extra | forger.genuine() | {"Type": "SubscriptionConfirmation"}


def _split(forger: Forger) -> Json:
    """Return a message whose signed string is genuine but whose line breaks divide it into other fields."""
    inner = f"chosen\nMessageId\n{uuid4()}\nSubject\nchosen"
    whole = forger.genuine(Message=inner, Subject=None)
    rest = f"chosen\nMessageId\n{whole['MessageId']}"
    first, _, _ = inner.partition("\n")
    return whole | {"Message": first, "MessageId": inner.split("\n")[2], "Subject": rest}


def other_topics(forger: Forger) -> Iterator[Forgery]:
    """Yield messages of other topics: SNS signs the messages of every topic with the same key."""
    own = forger.topic_arn
    others = {
        "another account": own.replace("123456789012", "666666666666"),
        "another region": own.replace("us-east-1", "eu-west-1"),
        "another name": own + "-2",
        "a prefix": own[:-1],
        "upper case": own.upper(),
        "a space behind it": own + " ",
        "a line break behind it": own + "\n",
        "a NUL behind it": own + "\0",
        "a Cyrillic letter": own.replace("a", "\u0430", 1),
        "full-width digits": own.replace("1", "\uff11"),
        "a subscription": f"{own}:{uuid4()}",
    }
    for name, arn in others.items():
        yield forged(f"topic: {name}", forger.genuine(TopicArn=arn))
    for kind in ("SubscriptionConfirmation", "UnsubscribeConfirmation"):
        foreign = own.replace("123456789012", "666666666666")
        yield forged(f"{kind} of an attacker's topic", forger.genuine(kind, TopicArn=foreign))
    header = {"x-amz-sns-topic-arn": own}
    yield Forgery(
        "our topic in the header", json.dumps(forger.genuine(TopicArn=own + "-2")).encode(), headers=header
    )


def bad_signatures(forger: Forger) -> Iterator[Forgery]:
    """Yield messages whose signature is invalid or of another text."""
    genuine = forger.genuine()
    good = genuine["Signature"]
    raw = bytearray(base64.b64decode(good))
    raw[-1] ^= 1
    bad = {
        "none": None, "empty": "", "not base64": "!" * 344,
        "a line break in it": good[:76] + "\n" + good[76:],
        "cut": good[:-4], "one bit flipped": base64.b64encode(raw).decode(), "twice": good + good,
        "another message's": forger.genuine()["Signature"], "endless": "A" * 100_000,
        "zeros": base64.b64encode(bytes(256)).decode(),
    }  # fmt: skip
    for name, signature in bad.items():
        yield forged(f"signature: {name}", genuine | {"Signature": signature})
    missing = dict(genuine)
    del missing["Signature"]
    yield forged("signature: left out", missing)
    envelope = forger.envelope()
    text = canonical(envelope)
    texts = {
        "without the last line break": text[:-1],
        "with CRLF": text.replace(b"\n", b"\r\n"),
        "with the names in another order": b"".join(reversed(text.splitlines(keepends=True))),
        "of the JSON": json.dumps(envelope).encode(),
        "of nothing": b"",
    }
    for name, other in texts.items():
        yield forged(
            f"signature {name}", forger.signed(envelope) | {"Signature": sign(other, forger.keys.sns)}
        )
    yield forged("signature of the attacker's key", forger.signed(envelope, key=forger.keys.attacker))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    padded = base64.b64encode(forger.keys.sns.sign(text, pss, hashes.SHA256())).decode()
    yield forged("signature with another padding", forger.signed(envelope) | {"Signature": padded})
    yield from bad_versions(forger, envelope)


def bad_versions(forger: Forger, envelope: Json) -> Iterator[Forgery]:
    """Yield messages signed with SHA-1 where SHA-256 is required, or labeled with the wrong version."""
    yield forged("version 1, correctly signed", forger.signed(envelope, version="1"), UNPROVEN)
    yield forged("version 1 called 2", forger.signed(envelope, version="1") | {"SignatureVersion": "2"})
    yield forged("version 2 called 1", forger.signed(envelope) | {"SignatureVersion": "1"}, UNPROVEN)
    for version in ("3", "02", "2 ", "", "\uff12", 2, 2.0, True, None, ["2"]):
        yield forged(f"version {version!r}", forger.signed(envelope) | {"SignatureVersion": version})


def look_alike_urls(forger: Forger) -> Iterator[Forgery]:
    """Yield messages signed by an attacker, with certificate URLs that real validators have accepted."""
    name, port = forger.certificate, forger.elsewhere.port
    digest = name.removeprefix("SimpleNotificationService-").removesuffix(".pem")
    urls = [
        f"http://{NAME}/{name}", f"HTTPS://{NAME}/{name}", f"//{NAME}/{name}", f"{NAME}/{name}", f"ftp://{NAME}/{name}",
        f"https:{NAME}/{name}", f"https:/{NAME}/{name}", f"https:///{NAME}/{name}",
        f"https:\\\\{NAME}\\{name}",
        f"https://127.0.0.1:{port}/{name}", f"http://127.0.0.1:{port}/{name}", f"https://[::1]:{port}/{name}",
        f"https://localhost:{port}/{name}", f"https://2130706433:{port}/{name}",
        "file:///etc/passwd", "data:,x",
        f"https://{NAME}:443/{name}", f"https://{NAME}:{port}/{name}", f"https://{NAME}:/{name}", f"https://{NAME}./{name}",
        f"https://{NAME.upper()}/{name}", f"https://{NAME}.evil.example/{name}", f"https://evil.example/{NAME}/{name}",
        f"https://evil-{NAME}/{name}", f"https://x.{NAME}/{name}", f"https://{NAME}@127.0.0.1:{port}/{name}",
        f"https://user:secret@{NAME}/{name}", f"https://{NAME}%40127.0.0.1:{port}/{name}",
        f"https://{NAME}#@127.0.0.1:{port}/{name}", f"https://{NAME}?@127.0.0.1:{port}/{name}",
        f"https://127.0.0.1:{port}\\@{NAME}/{name}", f"https://127.0.0.1:{port}#{NAME}/{name}",
        "https://sns.s3-us-west-2.amazonaws.com/" + name, "https://sns.s3.amazonaws.com/" + name,
        "https://s3.amazonaws.com/sns/" + name, f"https://sns.us-east-1.amazonaws.com.cn/{name}",
        f"https://sns.us-west-2.amazonaws.com/{name}", f"https://sns-us-east-1.amazonaws.com/{name}",
        f"https://sns.amazonaws.com/{name}", f"https://sqs.us-east-1.amazonaws.com/{name}",
        f"https://sns.us\u2010east\u20101.amazonaws.com/{name}", f"https://sns.us-east-1\u3002amazonaws\u3002com/{name}",
        f"https://sns.us-east-1.am\u0430zonaws.com/{name}", f"https://{NAME}/{name}?x=1", f"https://{NAME}/{name}#x",
        f"https://{NAME}//{name}", f"https://{NAME}/./{name}", f"https://{NAME}/x/../{name}", f"https://{NAME}/%2e/{name}",
        f"https://{NAME}/x/{name}", f"https://{NAME}/{name}/", f"https://{NAME}/{name}.exe", f"https://{NAME}/{name}%00",
        f"https://{NAME}/{name}\n", f"https://{NAME}/{name}\n127.0.0.1",
        f" https://{NAME}/{name}", f"https://{NAME}/{name} ",
        f"https://{NAME}/\t{name}", f"https://{NAME}\t/{name}", f"https://{NAME}/SimpleNotificationService-{digest[:-1]}.pem",
        f"https://{NAME}/SimpleNotificationService-{digest}0.pem", f"https://{NAME}/SimpleNotificationService-{digest.upper()}A.pem",
        f"https://{NAME}/simplenotificationservice-{digest}.pem", f"https://{NAME}/SimpleNotificationService-.pem",
        f"https://{NAME}/evil.pem", f"https://{NAME}/", f"https://{NAME}", "", None, 0, [f"https://{NAME}/{name}"],
    ]  # fmt: skip
    for url in urls:
        yield forged(
            f"certificate at {url!r}",
            forger.signed(forger.envelope(), key=forger.keys.attacker, SigningCertURL=url),
        )
    other = forger.signed(forger.envelope(), key=forger.keys.attacker)
    other["SigningCertUrl"] = other.pop("SigningCertURL")
    yield forged("the URL under its older name", other)
