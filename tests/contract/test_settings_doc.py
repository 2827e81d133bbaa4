"""docs/settings.md says what the services read."""

import subprocess
import sys

from tests.contract.sources import ROOT


def test_the_settings_page_is_made_from_the_code() -> None:
    made = subprocess.run(
        [sys.executable, "scripts/document_settings.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert (ROOT / "docs/settings.md").read_text() == made.stdout, "run `make docs`"
