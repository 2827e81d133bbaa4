"""Records and their checks, as verifier would report them."""

from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.verifier.v1.verifier_pb2 import RecordCheck

DOMAIN = "inbox.mnexa.ai"
ZONE = "mnexa.ai"
FEEDBACK = "feedback-smtp.us-east-1.amazonses.com"
TOKENS = ("a" * 32, "b" * 32, "c" * 32)


def cname(token: str, ordinal: int = 1) -> DnsRecord:
    return DnsRecord(
        purpose=DnsRecord.PURPOSE_DKIM,
        ordinal=ordinal,
        type=DnsRecord.TYPE_CNAME,
        name=f"{token}._domainkey.{DOMAIN}",
        value=f"{token}.dkim.amazonses.com",
        ttl=300,
        required=True,
    )


def mx(purpose: DnsRecord.Purpose.ValueType = DnsRecord.PURPOSE_RETURN_PATH, **more: object) -> DnsRecord:
    fields = {"name": f"send.{DOMAIN}", "value": FEEDBACK, "priority": 10, "required": True}
    return DnsRecord(purpose=purpose, ordinal=1, type=DnsRecord.TYPE_MX, ttl=300, **fields | more)  # type: ignore[arg-type]


def txt(purpose: DnsRecord.Purpose.ValueType = DnsRecord.PURPOSE_SPF, **more: object) -> DnsRecord:
    fields = {"name": f"send.{DOMAIN}", "value": "v=spf1 include:amazonses.com ~all", "required": True}
    return DnsRecord(purpose=purpose, ordinal=1, type=DnsRecord.TYPE_TXT, ttl=300, **fields | more)  # type: ignore[arg-type]


def dmarc() -> DnsRecord:
    return txt(DnsRecord.PURPOSE_DMARC, name=f"_dmarc.{DOMAIN}", value="v=DMARC1; p=none;", required=False)


def inbound(name: str = DOMAIN) -> DnsRecord:
    return mx(
        DnsRecord.PURPOSE_INBOUND, name=name, value="inbound-smtp.us-east-1.amazonaws.com", required=False
    )


def seen(
    record: DnsRecord,
    status: RecordCheck.Status.ValueType = RecordCheck.STATUS_MISSING,
    *values: str,
    message: str = "",
) -> RecordCheck:
    return RecordCheck(record=record, status=status, seen=values, zone=ZONE, message=message)


def checks() -> list[RecordCheck]:
    """Return checks of all records of a domain, none of them published yet."""
    dkim = [cname(token, ordinal) for ordinal, token in enumerate(TOKENS, start=1)]
    return [seen(each) for each in (*dkim, mx(), txt(), inbound(), dmarc())]
