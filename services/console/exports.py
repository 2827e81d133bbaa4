"""Exports a domain's records as a BIND zone file, Terraform or CSV. Pure.

People apply these files without review, so they omit recommended records that could do harm: a second DMARC
record, or an MX record next to that of another mail server. Each omission is noted with the reason.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console.texts import label, type_of

TEXT_STRING = 255  # bytes of one character-string in a TXT record (RFC 1035, 3.3)


@dataclass(frozen=True, slots=True)
class Export:
    """A file to download."""

    file_name: str
    media_type: str
    text: str


def of_kind(kind: str, domain: str, zone: str, checks: Sequence[RecordCheck]) -> Export | None:
    """Return the export with this file extension; None for an unknown extension."""
    match kind:
        case "zone":
            return zone_file(domain, checks)
        case "tf":
            return terraform(domain, zone, checks)
        case "csv":
            return comma_separated(domain, checks)
    return None


def zone_file(domain: str, checks: Sequence[RecordCheck]) -> Export:
    """Write a master file (RFC 1035, 5) with absolute names, so that it can be loaded into any zone."""
    lines = [f"; {domain}: DNS records for sending email. Add them to the zone unchanged."]
    for check in checks:
        record, name = check.record, label(check.record)
        if harmless(check):
            lines += ["", f"; {name}", f"{record.name}. {record.ttl} IN {type_of(record)} {_data(record)}"]
        else:
            lines += ["", f"; {name} is left out: {_left_out(check)}"]
    return Export(f"{domain}.zone", "text/dns", "\n".join(lines) + "\n")


def comma_separated(domain: str, checks: Sequence[RecordCheck]) -> Export:
    """Write every record as a row; the `required` column marks recommended records with `no`."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(("purpose", "required", "type", "name", "value", "priority", "ttl"))
    for record in (check.record for check in checks):
        required = "yes" if record.required else "no"
        priority = record.priority if record.type == DnsRecord.TYPE_MX else ""
        rows.writerow(
            (label(record), required, type_of(record), record.name, record.value, priority, record.ttl)
        )
    return Export(f"{domain}.csv", "text/csv", written.getvalue())


def terraform(domain: str, zone: str, checks: Sequence[RecordCheck]) -> Export:
    """Write resources for HashiCorp's `dns` provider, for any server that supports dynamic updates."""
    apex = zone or domain
    lines = [f"# {domain}: DNS records for sending email, for the zone {apex}."]
    for check in checks:
        if harmless(check):
            lines += ["", f"# {label(check.record)}", *_resource(apex, check.record)]
        else:
            lines += ["", f"# {label(check.record)} is left out: {_left_out(check)}"]
    return Export(f"{domain}.tf", "text/plain", "\n".join(lines) + "\n")


def harmless(check: RecordCheck) -> bool:
    """Return whether adding the record is safe: it is required, or no other record is in its place."""
    return (
        check.record.required
        or check.status == RecordCheck.STATUS_MISSING
        or (check.status == RecordCheck.STATUS_FOUND and check.record.value in check.seen)
    )


def _left_out(check: RecordCheck) -> str:
    if check.status == RecordCheck.STATUS_UNSPECIFIED:
        return "it has not been checked yet."
    return "another record exists, or the name servers could not be checked."


def _data(record: DnsRecord) -> str:
    if record.type == DnsRecord.TYPE_TXT:
        return " ".join(_quoted(record.value[at : at + TEXT_STRING]) for at in _starts(record.value))
    return f"{record.priority} {record.value}." if record.type == DnsRecord.TYPE_MX else f"{record.value}."


def _starts(text: str) -> range:
    return range(0, max(len(text), 1), TEXT_STRING)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _resource(zone: str, record: DnsRecord) -> list[str]:
    kind, *attributes = _ATTRIBUTES[record.type](record)
    name = "" if record.name == zone else record.name.removesuffix(f".{zone}")
    title = label(record).lower().replace(" ", "_").replace("-", "_")
    return [
        f'resource "{kind}" "{title}" {{',
        f"  zone = {_hcl(f'{zone}.')}",
        *([f"  name = {_hcl(name)}"] if name else []),
        *attributes,
        f"  ttl  = {record.ttl}",
        "}",
    ]


def _cname(record: DnsRecord) -> list[str]:
    return ["dns_cname_record", f"  cname = {_hcl(f'{record.value}.')}"]


def _mx(record: DnsRecord) -> list[str]:
    preference, exchange = (
        f"    preference = {record.priority}",
        f"    exchange   = {_hcl(f'{record.value}.')}",
    )
    return ["dns_mx_record_set", "  mx {", preference, exchange, "  }"]


def _txt(record: DnsRecord) -> list[str]:
    return ["dns_txt_record_set", f"  txt = [{_hcl(record.value)}]"]


_ATTRIBUTES = {DnsRecord.TYPE_CNAME: _cname, DnsRecord.TYPE_MX: _mx, DnsRecord.TYPE_TXT: _txt}


def _hcl(text: str) -> str:
    """Quote a string for HCL, where an unescaped `${` or `%{` starts a template."""
    return _quoted(text).replace("${", "$${").replace("%{", "%%{")
