"""Where a walk begins: a warehouse with ticks, fills and cash, built once, and one without."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from .news import START, Desk
from .reference import Seeds, read_seeds
from .warehouse import NO_TESTS, Warehouse
from .zygote import Zygote

BASE_SEED = 7
GIVEN = 30  # events and prices that the ground has of that desk


@dataclass
class Ground:
    """A project's copy with its process, its seeds as they were, and the built warehouse."""

    zygote: Zygote
    seeds: Seeds
    built: Warehouse

    def start(self, data_dir: Path, *, built: bool = True) -> Warehouse:
        """A warehouse of its own, with the seeds as they were."""
        shutil.rmtree(data_dir, ignore_errors=True)
        shutil.rmtree(self.zygote.project / "seeds")
        shutil.copytree(self.zygote.project / "seeds_before", self.zygote.project / "seeds")
        return self.built.copy(data_dir) if built else Warehouse(data_dir, self.zygote)


def first_build(zygote: Zygote, work: Path) -> Ground:
    """Land some of everything and build it."""
    shutil.copytree(zygote.project / "seeds", zygote.project / "seeds_before")
    warehouse = Warehouse(work / "built", zygote)
    desk = Desk(BASE_SEED)
    trades = [
        {
            "exchange": exchange, "symbol": symbol, "timestamp": str(START + timedelta(minutes=at)),
            "last_price": str(10 + number), "last_size": "2", "trade_id": str(number), "tape": "C",
        }
        for number, at in enumerate((0, 0, 1, 61, 121, 901, 1440))
        for exchange, symbol in (("prop", "X"), ("nyse", "N"))
    ]  # fmt: skip
    warehouse.land("ticks", [*trades, *desk.ticks(GIVEN)])
    warehouse.land("orders", desk.events(GIVEN))
    warehouse.land(
        "cash",
        [{"event_id": "c0", "event_time": str(START), "kind": "deposit", "amount": "100000",
          "currency": "USD"}],
    )  # fmt: skip
    done = warehouse.build(*NO_TESTS)
    assert not done.code, done.printed
    return Ground(zygote, read_seeds(zygote.project), warehouse)
