"""Formats the DNS records of a domain for the terminal."""

from letterhead.identity.v1.domains_pb2 import DnsRecord

COLUMNS = ("for", "type", "name", "value", "ttl")


def label(record: DnsRecord) -> str:
    """Return the display name of a record: `DKIM 1 of 3`, `return path`."""
    if record.purpose == DnsRecord.PURPOSE_DKIM:
        return f"DKIM {record.ordinal} of 3"
    return DnsRecord.Purpose.Name(record.purpose).removeprefix("PURPOSE_").replace("_", " ").lower()


def row(record: DnsRecord) -> tuple[str, str, str, str, int]:
    """Return a record as a row of a table with these COLUMNS."""
    value = f"{record.priority} {record.value}" if record.type == DnsRecord.TYPE_MX else record.value
    return (label(record), type_of(record), record.name, value, record.ttl)


def type_of(record: DnsRecord) -> str:
    """Return `CNAME`, `MX` or `TXT`."""
    return DnsRecord.Type.Name(record.type).removeprefix("TYPE_")
