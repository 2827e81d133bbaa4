"""SPF and DMARC results against independent implementations, which production never imports.

SPF: pyspf and Debian's Mail::SPF. DMARC: checkdmarc. Where they differ from each other or from us, each
difference has a cause here, with what the RFC says.
"""

import json
import random
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

import pytest

from services.verifier.model import dmarc
from services.verifier.model.spf_macros import Message
from services.verifier.resolver.spf import evaluate
from tests.e2e.dmarc_records import a_record
from tests.e2e.packages import install_library, install_python_packages, output
from tests.figures import Figure
from tests.unit.verifier.spf_records import (
    DOMAIN,
    HELO,
    SENDER,
    SES,
    MemoryDns,
    Zones,
    a_zone,
    by_pyspf,
    counts_unreached_redirect,
)

HERE = Path(__file__).parent
PINS = HERE.parents[1] / "requirements/oracles.txt"
SPF_SEEDS = range(20_261_130, 20_261_630)
DMARC_SEEDS = range(9989, 9989 + 200)
ADDRESSES = [str(address) for network in SES for address in (network[0], network[-1])]

# What Mail::SPF accepts, by how pyspf explains its permanent error.
MAIL_SPF_ACCEPTS = {
    "Unknown Macro": "an invalid macro in an unknown modifier, a syntax error (RFC 7208 section 6)",
    "empty domain": "`mx:` without a domain, a syntax error (RFC 7208 section 5.4)",
    "Void lookup": "a third void lookup, because it does not count all of them (RFC 7208 section 4.6.4)",
}


@pytest.mark.timeout(900)  # 5,000 evaluations by each; the first run installs a Debian package
async def test_seeded_spf_records_have_the_results_of_two_oracles(figure: Figure) -> None:
    await install_library("Mail/SPF.pm", "libmail-spf-perl")
    zones = [a_zone(random.Random(seed)) for seed in SPF_SEEDS]  # noqa: S311 - repeatable, not secret
    counts, causes, wrong = Counter[str](), Counter[str](), []

    for seed, zone, theirs in zip(SPF_SEEDS, zones, await by_mail_spf(zones), strict=True):
        found = await evaluate(MemoryDns(zone), DOMAIN, SES, Message(SENDER, HELO))
        for address, mail_spf in zip(ADDRESSES, theirs, strict=True):
            [ours] = [
                str(each.result)
                for each in found
                if any(ip_address(address) in network for network in each.networks)
            ]
            pyspf, explanation = by_pyspf(zone, address)
            if len({ours, pyspf, mail_spf}) == 1:
                counts[ours] += 1
            elif cause := spf_cause(zone, ours, pyspf, mail_spf, explanation):
                causes[cause] += 1
            else:
                wrong.append(
                    f"seed {seed}, {address}: {ours}; pyspf {pyspf} ({explanation}); Mail::SPF {mail_spf}"
                )

    figure(f"SPF: {len(zones)} records, {counts.total()} results as both oracles give them: {dict(counts)}")
    for cause, number in causes.items():
        figure(f"SPF: {number} results differ between the oracles: {cause}")
    assert wrong == []


async def by_mail_spf(zones: Iterable[Zones]) -> list[list[str]]:
    """Return the results of Mail::SPF for ADDRESSES in each zone."""
    about = {"sender": SENDER, "helo": HELO, "addresses": ADDRESSES}
    cases = [about | {"zones": {" ".join(key): values for key, values in zone.items()}} for zone in zones]
    given = "\n".join(map(json.dumps, cases)).encode()
    printed = await output("perl", str(HERE / "mail_spf.pl"), given=given)
    return [json.loads(line) for line in printed.splitlines()]


def spf_cause(zone: Zones, ours: str, pyspf: str, mail_spf: str, explanation: str) -> str:
    """Return why the oracles differ; empty if that is unknown, or if neither has our result."""
    if ours == pyspf == "permerror":
        return next((MAIL_SPF_ACCEPTS[start] for start in MAIL_SPF_ACCEPTS if start in explanation), "")
    if ours == mail_spf and counts_unreached_redirect(zone, explanation):
        return "pyspf counts the lookup of a `redirect` that is not reached (RFC 7208 section 4.6.4)"
    return ""


@pytest.mark.timeout(900)  # each run installs checkdmarc
async def test_seeded_dmarc_records_have_the_policies_of_an_oracle(figure: Figure, workspace: Path) -> None:
    python = await install_python_packages(PINS, workspace / "oracles")
    records = [a_record(random.Random(seed)) for seed in DMARC_SEEDS]  # noqa: S311 - repeatable, not secret
    given = "\n".join(map(json.dumps, records)).encode()
    printed = await output(str(python), str(HERE / "check_dmarc.py"), given=given)
    counts, causes, wrong = Counter[str](), Counter[str](), []

    for record, line in zip(records, printed.splitlines(), strict=True):
        ours, theirs = policies(record), json.loads(line)
        if ours == (None if "error" in theirs else theirs):
            counts["valid" if ours else "invalid"] += 1
        elif cause := dmarc_cause(record, ours, theirs):
            causes[cause] += 1
        else:
            wrong.append(f"{record!r}: {ours}; checkdmarc {theirs}")

    figure(f"DMARC: {len(records)} records, {counts.total()} as checkdmarc reads them: {dict(counts)}")
    for cause, number in causes.items():
        figure(f"DMARC: {number} records differ: {cause}")
    assert wrong == []


def policies(record: str) -> dict[str, str] | None:
    """Return our reading of a record: the policy, that of subdomains, and the test mode."""
    tags = dmarc.parse(record)
    if not tags:
        return None
    return {
        "p": tags["p"].lower(),
        "sp": tags.get("sp", tags["p"]).lower(),
        "t": "y" if tags.get("t", "").lower() == "y" else "n",
    }


def dmarc_cause(record: str, ours: dict[str, str] | None, theirs: dict[str, str]) -> str:
    """Return why checkdmarc differs; empty if that is unknown."""
    error, reports = theirs.get("error", ""), "rua" in record.lower()
    if ours is None and not error and not reports:
        return (
            "no policy and no report address: none by RFC 9989, but receivers of RFC 7489 ignore the record"
        )
    if ours and error.startswith("InvalidDMARCTagValue: Tag t "):
        return (
            "an invalid value of `t`: checkdmarc rejects the record, RFC 9989 section 4.8 ignores the value"
        )
    if ours and error.startswith("InvalidDMARCTagValue") and reports:
        return (
            "an invalid policy and a report address: p=none by RFC 9989, while checkdmarc rejects the record"
        )
    return ""
