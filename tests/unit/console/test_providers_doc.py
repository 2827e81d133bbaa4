"""docs/pages.md names every DNS provider that is recognised."""

from pathlib import Path

import pytest

from services.console.providers import PROVIDERS, Provider

DOC = " ".join(Path("docs/pages.md").read_text().split())


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.name)
def test_a_provider_is_documented(provider: Provider) -> None:
    assert provider.name in DOC
