"""What this tier is told on the command line."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole-attack", action="store_true", help="console under attack, in full numbers")
