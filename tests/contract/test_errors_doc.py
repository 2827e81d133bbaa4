"""docs/errors.md is up to date with the .proto files."""

import subprocess
import sys

from tests.contract.sources import ROOT


def test_the_errors_page_is_up_to_date() -> None:
    generated = subprocess.run(
        [sys.executable, "scripts/document_errors.py"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert (ROOT / "docs/errors.md").read_text() == generated.stdout, "run `make docs`"
