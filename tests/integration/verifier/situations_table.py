# ruff: noqa: E501 - one situation per line keeps the table readable
"""The table of DNS situations: correct setups, customers' mistakes and failing name servers, one per line."""

from sandbox.dns.faults import FaultKind as Fault
from services.verifier.model.records import Purpose, RecordStatus
from tests.integration.verifier.situations import (
    NS1,
    NS2,
    Situation,
    added,
    advice,
    both,
    broken,
    fine,
    gone,
    raw,
    replaced,
    unclear,
    wrong,
)
from tests.unit.verifier.cases import DOMAIN, SEND

ZONE = "mnexa.ai"
KEY = f"tok1._domainkey.{DOMAIN}"
TARGET = "tok1.dkim.amazonses.com"
HOST = "feedback-smtp.us-east-1.amazonses.com"
TEXT = "v=spf1 include:amazonses.com ~all"
POLICY = f"_dmarc.{DOMAIN}"
LONG = [added(SEND, "TXT", f"proof-{n}={'x' * 240}") for n in range(200)]  # 50 kB of other texts

DKIM, PATH, SPF = Purpose.DKIM, Purpose.RETURN_PATH, Purpose.SPF
INBOUND, DMARC = Purpose.INBOUND, Purpose.DMARC
MISSING, MISMATCH, CONFLICT = RecordStatus.MISSING, RecordStatus.MISMATCH, RecordStatus.CONFLICT
PROPAGATING, UNREACHABLE = RecordStatus.PROPAGATING, RecordStatus.UNREACHABLE

# fmt: off
SITUATIONS: list[Situation] = [
    fine("as shown", both(), DKIM),
    fine("in capitals", replaced(KEY, "CNAME", TARGET.upper()), DKIM),
    fine("domain delegated from its zone", lambda net: net.authority.put_zone(ZONE, [NS2]), DKIM),
    wrong("DKIM missing", gone(KEY), DKIM, MISSING, f"no CNAME record at {KEY} yet"),
    wrong("zone unregistered", lambda net: net.authority.drop_zone(ZONE), DKIM, MISSING, "does not list mnexa.ai"),
    wrong("DKIM at the wrong target", replaced(KEY, "CNAME", "mail.other.com"), DKIM, MISMATCH, "Points to mail.other.com instead"),
    wrong("zone appended to the name", both(gone(KEY), added(f"{KEY}.{ZONE}", "CNAME", TARGET)), DKIM, MISSING, f"the record is at {KEY}.{ZONE}. Enter the name as tok1._domainkey.inbox."),
    wrong("zone appended to the target", replaced(KEY, "CNAME", f"{TARGET}.{ZONE}"), DKIM, MISMATCH, "with a trailing dot"),
    wrong("value of another row", replaced(KEY, "CNAME", "tok2.dkim.amazonses.com"), DKIM, MISMATCH, "the value of another DKIM record"),
    wrong("CNAME to itself", replaced(KEY, "CNAME", KEY), DKIM, MISMATCH, "points to itself"),
    wrong("TXT instead of CNAME", both(gone(KEY), added(KEY, "TXT", TARGET)), DKIM, MISSING, "There is a TXT record"),
    wrong("DKIM key as TXT", both(gone(KEY), added(KEY, "TXT", "v=DKIM1; p=MIIB")), DKIM, MISSING, "There is a TXT record"),
    wrong("proxied: an address instead", both(gone(KEY), added(KEY, "A", "203.0.113.9")), DKIM, MISSING, "DNS only"),
    wrong("wildcard answers", both(gone(KEY), added(f"*._domainkey.{DOMAIN}", "CNAME", "parking.com")), DKIM, MISMATCH, "Only a wildcard record"),
    wrong("two CNAMEs, the right one first", raw(KEY, ("CNAME", TARGET), ("CNAME", "mail.other.com")), DKIM, CONFLICT, "several CNAME records"),
    wrong("two CNAMEs, the right one last", raw(KEY, ("CNAME", "mail.other.com"), ("CNAME", TARGET)), DKIM, CONFLICT, "several CNAME records"),
    wrong("two wrong CNAMEs", raw(KEY, ("CNAME", "mail.other.com"), ("CNAME", "mx.other.com")), DKIM, CONFLICT, "several CNAME records"),
    fine("the same CNAME twice", raw(KEY, ("CNAME", TARGET), ("CNAME", TARGET)), DKIM),
    wrong("CNAME before the MX at send.", raw(SEND, ("CNAME", "mail.other.com"), ("MX", f"10 {HOST}"), ("TXT", TEXT)), PATH, CONFLICT, "hides every other record"),
    wrong("CNAME after the MX at send.", raw(SEND, ("MX", f"10 {HOST}"), ("TXT", TEXT), ("CNAME", "mail.other.com")), PATH, CONFLICT, "hides every other record"),
    wrong("CNAME before the SPF at send.", raw(SEND, ("CNAME", "mail.other.com"), ("MX", f"10 {HOST}"), ("TXT", TEXT)), SPF, CONFLICT, "hides every other record"),
    wrong("CNAME after the SPF at send.", raw(SEND, ("MX", f"10 {HOST}"), ("TXT", TEXT), ("CNAME", "mail.other.com")), SPF, CONFLICT, "hides every other record"),
    wrong("two CNAMEs at send.", raw(SEND, ("CNAME", "a.other.com"), ("CNAME", "b.other.com")), PATH, CONFLICT, "hides every other record"),
    wrong("MX missing", gone(SEND, "MX"), PATH, MISSING, "no MX record at"),
    wrong("nothing at send.", gone(SEND), PATH, MISSING, f"no MX record at {SEND} yet"),
    wrong("zone appended twice", both(gone(SEND, "MX"), added(f"{SEND}.{ZONE}", "MX", HOST, 10)), PATH, MISSING, f"the record is at {SEND}.{ZONE}. Enter the name as send.inbox."),
    wrong("MX at the domain itself", both(gone(SEND, "MX"), replaced(DOMAIN, "MX", HOST, 10)), PATH, MISSING, "one level too high"),
    wrong("MX of another region", replaced(SEND, "MX", "feedback-smtp.eu-west-1.amazonses.com", 10), PATH, MISMATCH, "SES in another region"),
    fine("another priority", replaced(SEND, "MX", HOST, 20), PATH, "any priority"),
    wrong("priority inside the value", replaced(SEND, "MX", f"10.{HOST}", 10), PATH, MISMATCH, "The value includes the priority"),
    wrong("zone appended to the MX", replaced(SEND, "MX", f"{HOST}.{ZONE}", 10), PATH, MISMATCH, "with a trailing dot"),
    wrong("wrong mail server", replaced(SEND, "MX", "mx.other.com", 10), PATH, MISMATCH, "mx.other.com"),
    wrong("second MX", added(SEND, "MX", "mx.other.com", 20), PATH, CONFLICT, "accepts exactly one"),
    wrong("CNAME at send.", both(gone(SEND), added(SEND, "CNAME", "mail.other.com")), PATH, CONFLICT, "hides every other record"),
    wrong("CNAME loop at send.", both(gone(SEND), added(SEND, "CNAME", f"a.{DOMAIN}"), added(f"a.{DOMAIN}", "CNAME", SEND)), PATH, CONFLICT, "hides every other record"),
    wrong("SPF missing", gone(SEND, "TXT"), SPF, MISSING, "no TXT record at"),
    wrong("SPF in quotation marks", replaced(SEND, "TXT", f'"\\"{TEXT}\\""'), SPF, MISMATCH, "Enter it without them"),
    wrong("two SPF", added(SEND, "TXT", "v=spf1 include:other.com -all"), SPF, CONFLICT, "two SPF records"),
    wrong("SPF of another provider", replaced(SEND, "TXT", "v=spf1 ip4:198.51.100.0/24 -all"), SPF, MISMATCH, "does not allow SES to send"),
    wrong("SPF that includes a domain without one", replaced(SEND, "TXT", "v=spf1 include:other.com include:amazonses.com -all"), SPF, MISMATCH, "because of include:other.com"),
    wrong("SPF with `all` before the include", replaced(SEND, "TXT", "v=spf1 -all include:amazonses.com"), SPF, MISMATCH, "does not allow SES to send"),
    wrong("SPF misspelt", replaced(SEND, "TXT", "v=spf1:include:amazonses.com ~all"), SPF, MISMATCH, "malformed"),
    wrong("SPF after a blank", replaced(SEND, "TXT", f'" {TEXT}"'), SPF, MISMATCH, "begins with a space"),
    wrong("SPF with a tab", replaced(SEND, "TXT", r'"v=spf1 include:amazonses.com\009~all"'), SPF, MISMATCH, "Did you mean include:amazonses.com ~all?"),
    wrong("SPF with a no-break space", replaced(SEND, "TXT", r'"v=spf1 include:amazonses.com\194\160~all"'), SPF, MISMATCH, "include:amazonses.com<NO-BREAK SPACE>~all"),
    wrong("SPF with a semicolon", replaced(SEND, "TXT", f'"{TEXT};"'), SPF, MISMATCH, "Did you mean ~all?"),
    wrong("SPF with `~al`", replaced(SEND, "TXT", "v=spf1 include:amazonses.com ~al"), SPF, MISMATCH, "Did you mean ~all?"),
    wrong("SPF with `inlcude`", replaced(SEND, "TXT", "v=spf1 inlcude:amazonses.com ~all"), SPF, MISMATCH, "Did you mean include:amazonses.com?"),
    wrong("SPF with a prefix of 33", replaced(SEND, "TXT", "v=spf1 include:amazonses.com ip4:1.2.3.4/33 ~all"), SPF, MISMATCH, "ip4:1.2.3.4/33 is not a valid term"),
    wrong("SPF with an en dash", replaced(SEND, "TXT", r'"v=spf1 include:amazonses.com \226\128\147all"'), SPF, MISMATCH, "<EN DASH>all is not a valid term. Did you mean -all?"),
    wrong("SPF with two redirects", replaced(SEND, "TXT", "v=spf1 include:amazonses.com redirect=a.com redirect=b.com"), SPF, MISMATCH, "redirect=b.com is not a valid term"),
    wrong("SPF with eleven lookups", replaced(SEND, "TXT", f"v=spf1 {' '.join(['a:a1.smtp-out.amazonses.com'] * 10)} include:amazonses.com ~all"), SPF, MISMATCH, "more than 10 DNS lookups"),
    wrong("SPF with `?include`", replaced(SEND, "TXT", "v=spf1 ?include:amazonses.com ~all"), SPF, MISMATCH, "does not allow SES to send"),
    unclear("SPF while SES's own is gone", both(replaced(SEND, "TXT", "v=spf1 redirect=amazonses.com"), gone("amazonses.com", "TXT")), SPF, UNREACHABLE, "could not be evaluated"),
    fine("SPF by redirect", replaced(SEND, "TXT", "v=spf1 redirect=amazonses.com"), SPF, "No change is needed"),
    fine("SPF with a trailing dot", replaced(SEND, "TXT", "v=spf1 include:amazonses.com. ~all"), SPF, "No change is needed"),
    wrong("SPF at the domain itself", both(gone(SEND, "TXT"), added(DOMAIN, "TXT", TEXT)), SPF, MISSING, "one level too high"),
    fine("SPF wider than shown", replaced(SEND, "TXT", "v=spf1 include:amazonses.com include:x.com -all"), SPF, "No change is needed"),
    fine("SPF split into strings", replaced(SEND, "TXT", '"v=spf1 inclu" "de:amazonses.com" " ~all"'), SPF),
    fine("SPF among 50 kB of texts", both(*LONG), SPF),
    wrong("TXT with non-text octets", replaced(SEND, "TXT", r'"v=spf1 \000\255\254"'), SPF, MISMATCH, r"\000\xff\xfe is not a valid term"),
    wrong("50 kB of texts, no SPF", both(gone(SEND, "TXT"), *LONG), SPF, MISSING, "no TXT record at"),
    unclear("one of two servers stale", gone(KEY, at=NS2), DKIM, PROPAGATING, f"1 of 2 name servers have the record; still waiting for {NS2}"),
    unclear("one server with the old value", replaced(KEY, "CNAME", "old.com", at=NS1), DKIM, PROPAGATING, NS1),
    unclear("SERVFAIL", broken(Fault.SERVFAIL, KEY), DKIM, UNREACHABLE, "failed to answer (SERVFAIL)"),
    unclear("timeout", broken(Fault.TIMEOUT, KEY), DKIM, UNREACHABLE, "did not answer in time"),
    unclear("refused", broken(Fault.REFUSED, KEY), DKIM, UNREACHABLE, "refused to answer"),
    unclear("lame delegation", broken(Fault.LAME, KEY), DKIM, UNREACHABLE, "non-authoritative answer for"),
    unclear("another query's id", broken(Fault.WRONG_ID, KEY), DKIM, UNREACHABLE, "malformed DNS response"),
    unclear("garbage", broken(Fault.GARBAGE, KEY), DKIM, UNREACHABLE, "malformed DNS response"),
    unclear("one SERVFAIL, the other without", both(gone(KEY), broken(Fault.SERVFAIL, KEY, at=NS1)), DKIM, UNREACHABLE, f"{NS2} answered, but without the record"),
    unclear("one silent, the other without", both(gone(KEY), broken(Fault.TIMEOUT, KEY, at=NS2)), DKIM, UNREACHABLE, f"{NS1} answered, but without the record"),
    unclear("delegated to servers without address", added(f"_domainkey.{DOMAIN}", "NS", "ns.nobody-has-this.com"), DKIM, UNREACHABLE, "have no IP address"),
    fine("one SERVFAIL, the other right", broken(Fault.SERVFAIL, KEY, at=NS1), DKIM),
    fine("one silent, the other right", broken(Fault.TIMEOUT, KEY, at=NS1), DKIM),
    fine("one lame, the other right", broken(Fault.LAME, KEY, at=NS2), DKIM),
    fine("truncated, then TCP", broken(Fault.TRUNCATE, KEY), DKIM),
    fine("slow", broken(Fault.DELAY, KEY, delay_ms=60), DKIM),
    advice("another inbound mail server", replaced(DOMAIN, "MX", "mx.other.com", 5), INBOUND, CONFLICT, "would stop your mail"),
    advice("no DMARC", gone(POLICY), DMARC, MISSING, "no TXT record at _dmarc"),
    fine("DMARC of the parent", both(gone(POLICY), added(f"_dmarc.{ZONE}", "TXT", "v=DMARC1; p=reject")), DMARC, "_dmarc.mnexa.ai covers"),
    fine("the customer's own DMARC policy", replaced(POLICY, "TXT", "v=DMARC1; p=reject; adkim=s"), DMARC, "No change is needed"),
    fine("DMARC hosted elsewhere", both(gone(POLICY), added(POLICY, "CNAME", "p.host.com"), added("p.host.com", "TXT", "v=DMARC1; p=none;")), DMARC),
    advice("two DMARC", added(POLICY, "TXT", "v=DMARC1; p=reject"), DMARC, CONFLICT, "two DMARC records"),
    advice("DMARC misspelt", replaced(POLICY, "TXT", "v=DMARC1 p=none"), DMARC, MISMATCH, "malformed, so receivers ignore it"),
    advice("CNAME beside DMARC", raw(POLICY, ("TXT", "v=DMARC1; p=none;"), ("CNAME", "p.host.com")), DMARC, CONFLICT, "hides every other record"),
    advice("two CNAMEs for DMARC", both(added("p.host.com", "TXT", "v=DMARC1; p=none;"), raw(POLICY, ("CNAME", "p.host.com"), ("CNAME", "q.host.com"))), DMARC, CONFLICT, "hides every other record"),
    advice("DMARC alias loop", both(gone(POLICY), added(POLICY, "CNAME", "a.host.com"), added("a.host.com", "CNAME", POLICY)), DMARC, UNREACHABLE, "form a loop"),
]
