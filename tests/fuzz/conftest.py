"""Options for the number and the seed of cases: `make fuzz CASES=1000000 SEED=...`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=int, default=20_000, help="number of emails to generate")
    parser.addoption(
        "--seed", default="letterhead", help="seed of the generator; the same seed generates the same emails"
    )


@pytest.fixture
def cases(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--cases"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--seed"))
