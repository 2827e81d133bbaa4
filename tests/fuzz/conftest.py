"""How many cases, and which: `make fuzz CASES=1000000 SEED=...`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, default=20_000, help="emails to make up")
    parser.addoption("--seed", default="letterhead", help="the same seed makes the same emails")


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--cases"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--seed"))
