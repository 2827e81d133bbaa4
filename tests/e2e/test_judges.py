"""The judges themselves judge rightly: a test of what the other tests rely on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.dns import Internet
from sandbox.dns.internet import RECURSOR_ADDRESS
from tests.e2e.judges import Judges, Verdict, sitting
from tests.integration.sandbox.signed import AUTHOR, HELO, PLAIN, SENDER, records, signed

pytestmark = pytest.mark.timeout(400)  # the first run installs two Debian packages


@pytest.fixture
async def judges(workspace: Path) -> AsyncIterator[Judges]:
    """Both judges, before a DNS in which all of AUTHOR's records are right."""
    internet = Internet()
    for name, rdtype, value in records(AUTHOR, "amazonses.com"):
        internet.publish(name, rdtype, value)
    async with (
        internet.listening(),
        sitting(workspace / "judges", f"{RECURSOR_ADDRESS}:{internet.port}") as judges,
    ):
        yield judges


async def test_a_whole_email_passes_and_an_altered_one_fails(judges: Judges) -> None:
    whole = signed(PLAIN, AUTHOR, "amazonses.com")
    altered = whole.replace(b"1234", b"1235")

    passes = {AUTHOR: "pass", "amazonses.com": "pass"}
    fails = {AUTHOR: "fail", "amazonses.com": "fail"}
    assert await judges.opendkim(whole) == Verdict(dkim=passes)
    assert await judges.opendkim(altered) == Verdict(dkim=fails)
    assert await judges.rspamd(whole, sender=SENDER, helo=HELO) == Verdict(passes, "pass", "pass")
    assert await judges.rspamd(altered, sender=SENDER, helo=HELO) == Verdict(fails, "pass", "fail")


async def test_an_email_from_elsewhere_fails_spf(judges: Judges) -> None:
    verdict = await judges.rspamd(PLAIN, sender=SENDER, helo=HELO, client="198.51.100.1")

    assert verdict == Verdict({}, "softfail", "fail")
    assert await judges.opendkim(PLAIN) == Verdict({})
