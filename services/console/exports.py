"""A domain's records as files: a BIND zone file, Terraform, CSV. Pure.

A file is applied without a second thought, so it holds no advice that could harm: a second DMARC record, or
an MX record beside that of another mail server. What is left out is named, with the reason.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from letterhead.identity.v1.domains_pb2 import DnsRecord
from letterhead.verifier.v1.verifier_pb2 import RecordCheck
from services.console.words import label, type_of

TEXT_STRING = 255  # bytes of one character-string of a TXT record (RFC 1035, 3.3)


@dataclass(frozen=True, slots=True)
class Export:
    """A file to download."""

    file_name: str
    media_type: str
    text: str


def of_kind(kind: str, domain: str, zone: str, checks: Sequence[RecordCheck]) -> Export | None:
    """Returns the file with this ending; None when there is none such."""
    match kind:
        case "zone":
            return zone_file(domain, checks)
        case "tf":
            return terraform(domain, zone, checks)
        case "csv":
            return comma_separated(domain, checks)
    return None


def zone_file(domain: str, checks: Sequence[RecordCheck]) -> Export:
    """Writes the records in the master file format (RFC 1035, 5), names absolute: any zone takes it."""
    lines = [f"; {domain}: records for sending email. Add them to the zone as they are."]
    for check in checks:
        record, name = check.record, label(check.record)
        if harmless(check):
            lines += ["", f"; {name}", f"{record.name}. {record.ttl} IN {type_of(record)} {_data(record)}"]
        else:
            lines += ["", f"; {name} is left out: {_left_out(check)}"]
    return Export(f"{domain}.zone", "text/dns", "\n".join(lines) + "\n")


def comma_separated(domain: str, checks: Sequence[RecordCheck]) -> Export:
    """Writes every record as a row, advice marked as such."""
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
    """Writes resources of Terraform's own `dns` provider, which any server with dynamic updates takes."""
    apex = zone or domain
    lines = [f"# {domain}: records for sending email, for the zone {apex}."]
    for check in checks:
        if harmless(check):
            lines += ["", f"# {label(check.record)}", *_resource(apex, check.record)]
        else:
            lines += ["", f"# {label(check.record)} is left out: {_left_out(check)}"]
    return Export(f"{domain}.tf", "text/plain", "\n".join(lines) + "\n")


def harmless(check: RecordCheck) -> bool:
    """Says whether adding the record spoils nothing: the domain needs it, or nothing else is in its place."""
    return (
        check.record.required
        or check.verdict == RecordCheck.VERDICT_MISSING
        or (check.verdict == RecordCheck.VERDICT_FOUND and check.record.value in check.seen)
    )


def _left_out(check: RecordCheck) -> str:
    if check.verdict == RecordCheck.VERDICT_UNSPECIFIED:
        return "it was not looked for yet."
    return "there is another one, or nobody could see whether there is."


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
    """Writes a string of HCL, in which `${` and `%{` would begin a template."""
    return _quoted(text).replace("${", "$${").replace("%{", "%%{")
