"""The vwap of bars, against Python fractions."""

import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pandas as pd
import selects

CASES = 8_000


def _case(chance: random.Random) -> tuple[int, Decimal]:
    """(notional in units of 1e-16, volume): half of the quotients lie at or next to a tie."""
    volume = Decimal(chance.randrange(1, 10 ** chance.randrange(1, 22))).scaleb(-8)
    price = Decimal(chance.randrange(10 ** chance.randrange(1, 18))).scaleb(-8)
    notional = Fraction(price) * Fraction(volume)
    if chance.random() < 0.5:
        notional += Fraction(volume) * Fraction(1, 2 * 10**8)
        notional += Fraction(chance.randrange(-1, 2), 10**16)
    units = notional * 10**16
    return chance.choice([1, 1, 1, -1]) * (units.numerator // units.denominator), volume


def _rounded(units: int, volume: Decimal) -> Decimal:
    quotient = abs(Fraction(units, 10**8) / Fraction(volume))
    whole = quotient.numerator // quotient.denominator
    whole += 2 * (quotient - whole) >= 1
    return Decimal(whole if units >= 0 else -whole).scaleb(-8)


def test_vwap_is_rounded_half_up_as_fractions_are(tmp_path: Path) -> None:
    """Each case is a bar of one constituent."""
    chance = random.Random(8)  # noqa: S311
    made = [case for case in (_case(chance) for _ in range(CASES)) if case[0] // 10**16 < 10**21]
    made = [case for case in made if abs(_rounded(*case)) < 10**10]
    rows = pd.DataFrame(
        {
            "symbol": [str(number) for number in range(len(made))],
            "notional_whole": [str(units // 10**16) for units, _ in made],
            "notional_fraction": [f"0.{units % 10**16:016}" for units, _ in made],
            "volume": [format(volume, "f") for _, volume in made],
        }
    )
    rows.to_parquet(tmp_path / "cases.parquet")
    constituents = f"""
        select *, 'x' as exchange, '5m' as timeframe, 5 as minutes, 1 as open, 1 as trade_count
        from '{tmp_path}/cases.parquet'
    """
    bars = selects.of("ohlcv_bars_warm", {"int_bar_constituents": constituents})
    vwaps = {bar["symbol"]: bar["vwap"] for bar in bars}
    assert len(made) > CASES * 0.9
    assert vwaps == {str(number): _rounded(*case) for number, case in enumerate(made)}
