"""`letterhead demo` tells the whole story, and its exit code tells how it went."""

import re
import subprocess
import sys

import pytest

from tests.contract.sources import ROOT
from tests.figures import Figure

STORY_WITHIN_SECONDS = 40.0


@pytest.mark.timeout(180)
def test_the_demo_ends_well_in_time(figure: Figure) -> None:
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
        "SUPPRESSED",
    ):
        assert words in done.stdout
    took = re.search(r"Demo completed in ([\d.]+) s", done.stdout)
    assert took
    figure(f"the story took {took[1]} s (at most {STORY_WITHIN_SECONDS:g} s is promised)")
