"""docs/errors.md says what the contract says."""

import subprocess
import sys

from tests.contract.sources import ROOT


def test_the_errors_page_is_made_from_the_contract() -> None:
    made = subprocess.run(
        [sys.executable, "scripts/document_errors.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert (ROOT / "docs/errors.md").read_text() == made.stdout, "run `make docs`"
