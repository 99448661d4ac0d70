"""Fixtures of the trading tests: what costs a dbt run is made once."""

import pytest

from .trading_cases import Case, random_cases


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    return random_cases(seed=20240102, count=60)
