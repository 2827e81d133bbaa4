"""What this tier is told on the command line."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole-attack", action="store_true", help="console under attack, in full numbers")
    parser.addoption(
        "--all-situations", action="store_true", help="a receiver evaluates all of them, not a sample"
    )
    parser.addoption("--all-receivers", action="store_true", help="all hostile receivers, not a sample")


@pytest.fixture
def all_situations(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--all-situations"))


@pytest.fixture
def all_receivers(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--all-receivers"))
