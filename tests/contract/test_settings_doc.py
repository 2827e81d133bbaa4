"""docs/settings.md is up to date with the code."""

import subprocess
import sys

from tests.contract.sources import ROOT


def test_the_settings_page_is_up_to_date() -> None:
    generated = subprocess.run(
        [sys.executable, "scripts/document_settings.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert (ROOT / "docs/settings.md").read_text() == generated.stdout, "run `make docs`"
