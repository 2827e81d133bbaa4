"""`letterhead demo` completes in time with exit code 0."""

import re
import subprocess
import sys

import pytest

from tests.contract.sources import ROOT
from tests.figures import Figure

DEMO_WITHIN_SECONDS = 40.0


@pytest.mark.timeout(180)
def test_the_demo_completes_in_time(figure: Figure) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "via",
        "domain.ready",
        "dkim=pass",
        "spf=pass",
        "dmarc=pass",
        "bounce.received",
        "email.bounced",
        "deletes the endpoint",
        "SUPPRESSED",
    ):
        assert words in done.stdout
    took = re.search(r"Demo completed in ([\d.]+) s", done.stdout)
    assert took
    figure(f"the demo took {took[1]} s (limit: {DEMO_WITHIN_SECONDS:g} s)")
