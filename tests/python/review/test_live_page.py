"""`ingest serve --page` in a browser: a replayed stream moves it, strangers get nothing."""

import base64
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sample_build import copied
from testkit import free_port

from python_ingest.feeds.detect_format import Wanted
from python_ingest.feeds.kinds import ORDERS, TICKS
from python_ingest.landing.input_files import InputFile
from python_ingest.landing.prepare import prepare
from python_ingest.serving.command import _paged
from python_ingest.serving.flight_protocol import token
from python_ingest.serving.served import ServedReader
from python_ingest.settings import Settings, load_settings
from tests.python.serving.live import ROOT, serving

# A pass of the models takes a second alone, and many beside other tests.
PATIENCE_MS = 120_000
BEGIN = datetime(2024, 8, 9, 0, 5)
KEPT = ROOT / "target" / "screenshots"


@pytest.fixture(scope="module")
def served(sample: Path, tmp_path_factory) -> Iterator[Settings]:
    """A copy of the sample, of which nobody serves anything yet."""
    data_dir = copied(sample, tmp_path_factory.mktemp("live-page"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(data_dir))
        patch.delenv("DATABASE_PATH", raising=False)
        patch.setenv("SERVE_PORT", str(free_port()))
        patch.setenv("SERVE_PAGE_PORT", str(free_port()))
        yield load_settings()


def requested(settings: Settings, path: str, method: str = "GET", **headers: str):
    """Status and text of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.serve.page_port, timeout=60)
    given = {"Authorization": f"Bearer {token(settings)}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    connection.request(method, path, headers=given)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_strangers_get_nothing(served):
    with serving(served.serve.port, "--page") as process:
        basic = base64.b64encode(f"me:{token(served)}".encode()).decode()
        answer, page = requested(served, "/", Authorization=f"Basic {basic}")
        assert answer.status == 200
        assert "<title>Trading report</title>" in page
        assert token(served) not in page
        policy = answer.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy
        assert answer.getheader("Access-Control-Allow-Origin") is None
        wrong = base64.b64encode(b"me:guessed").decode()
        for headers in (
            {"Authorization": ""},
            {"Authorization": "Bearer guessed"},
            {"Authorization": f"Basic {wrong}"},
            {"Authorization": "Basic ?"},
        ):
            for path in ("/", "/live", f"/?token={token(served)}"):
                answer, text = requested(served, path, **headers)
                assert answer.status == 401
                assert answer.getheader("WWW-Authenticate").startswith("Basic ")
                assert "Trading" not in text
        port = served.serve.page_port
        # A name that leads here is no way to read what another origin may not.
        for host in ("evil.example", f"evil.example:{port}", f"127.0.0.1:{port + 1}", ""):
            assert requested(served, "/live", Host=host)[0].status == 403
        assert requested(served, "/live", Host=f"localhost:{port}")[0].status == 200
        for path in ("/serve.token", "/../serve.token", "/live/"):
            assert requested(served, path)[0].status == 404
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert requested(served, "/live", method)[0].status == 501
        # What a client names is a value, whatever it says.
        answer, text = requested(
            served, "/live?exchange=x&symbol='%3B+drop+table+orders&timeframe=1m"
        )
        (chart,) = json.loads(text)["charts"]
        assert (chart["symbol"], chart["bars"]) == ("'; drop table orders", [])
        assert_ends(process, signal.SIGINT)


def assert_ends(process: subprocess.Popen[str], number: int) -> None:
    """It stops when it is told, although browsers keep their connections."""
    process.send_signal(number)
    assert process.wait(timeout=60) == 0
    assert "Traceback" not in process.stderr.read()


class Stream:
    """Trades and a fill that arrive in the spool of a warehouse, as a stream leaves them there."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._number = 0
        with (ROOT / "sample" / "orders.ndjson").open() as lines:
            self._order = json.loads(next(line for line in lines if '"sample-000349"' in line))

    def trade(self, price: str, size: str) -> None:
        self._number += 1
        path = self._folder / f"ticks-{self._number}.csv"
        at = BEGIN + timedelta(seconds=self._number)
        path.write_text(
            "exchange,symbol,timestamp,last_price,last_size,trade_id\n"
            f"binance,BTCUSDT,{at.isoformat()},{price},{size},{9_000_000_000 + self._number}\n"
        )
        prepare(self._settings, Wanted(TICKS), InputFile(path))

    def buy(self, price: str, quantity: str) -> None:
        self._number += 1
        path = self._folder / f"orders-{self._number}.ndjson"
        at = BEGIN + timedelta(seconds=self._number)
        event = self._order | {
            "event_id": f"live-{self._number}",
            "event_time": at.isoformat() + "Z",
            "exchange_trade_id": f"LIVE{self._number}",
            "trade_id": f"00000000-0000-4000-8000-{self._number:012}",
            "event_type": "fill",
            "fill_price": price,
            "fill_quantity": quantity,
            "commission": "0",
            "sequence_number": 10_000 + self._number,
        }
        path.write_text(json.dumps(event) + "\n")
        prepare(self._settings, Wanted(ORDERS), InputFile(path))


@pytest.fixture
def page(chromium, served) -> Iterator[Page]:
    """A page that knows the token; no script fails, and nothing but the server is asked."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 1800},
        http_credentials={"username": "me", "password": token(served, make=True)},
    )
    opened = context.new_page()
    problems: list[str] = []
    own = f"http://127.0.0.1:{served.serve.page_port}/"
    opened.on("request", lambda r: None if r.url.startswith(own) else problems.append(r.url))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    yield opened
    assert problems == []
    assert token(served) not in opened.url
    context.close()


def test_an_address_with_the_token_in_it_opens_the_page_too(chromium, served):
    with serving(served.serve.port, "--page"), chromium.new_context() as context:
        opened = context.new_page()
        opened.goto(f"http://me:{token(served)}@127.0.0.1:{served.serve.page_port}/")
        opened.wait_for_selector("html[data-state=live]", state="attached", timeout=PATIENCE_MS)


def test_a_replayed_stream_moves_the_page(served, page, tmp_path):
    stream = Stream(served, tmp_path)
    legend, now = page.locator("#bars-legend"), page.locator("[data-part=now]")
    held = page.locator("[data-part=positions] tbody tr", has_text="mean_reversion")
    with serving(served.serve.port, "--page") as process:
        page.goto(f"http://127.0.0.1:{served.serve.page_port}/")
        page.wait_for_selector("html[data-state=live]", state="attached", timeout=PATIENCE_MS)
        page.get_by_role("button", name="1m", exact=True).click()
        with ServedReader(served) as reader:
            (before,) = reader.dicts(
                "select quantity from current_positions where strategy_id = 'mean_reversion'"
            )
        quantity = Decimal(before["quantity"])
        expect(held).to_contain_text(f"{quantity.normalize():f}")
        equity = now.inner_text()

        stream.trade("62000", "1")
        expect(legend).to_contain_text("2024-08-09 00:05", timeout=PATIENCE_MS)
        expect(legend).to_contain_text("close 62,000.00  vwap 62,000.00 USDT")
        stream.trade("62300", "2")  # the running candle
        expect(legend).to_contain_text(
            "open 62,000.00  high 62,300.00  low 62,000.00  close 62,300.00  vwap 62,200.00 USDT"
            "  volume 3 BTC",
            timeout=PATIENCE_MS,
        )
        stream.buy("62300", "0.5")
        expect(held).to_contain_text(
            f"{(quantity + Decimal('0.5')).normalize():f}", timeout=PATIENCE_MS
        )
        expect(legend).to_contain_text("bought 0.5 at 62,300.00 USDT (1 fill)")
        expect(now).not_to_have_text(equity, timeout=PATIENCE_MS)
        # All of it is what the server answers to everybody else.
        with ServedReader(served) as reader:
            (row,) = reader.dicts(
                "select equity, total_pnl from portfolio_snapshots where snapshot_type = 'live'"
            )
        for name in ("equity", "total_pnl"):
            expect(now).to_contain_text(f"{row[name]:,.2f} USD", timeout=PATIENCE_MS)
        expect(page.locator("#state")).to_contain_text("are live, as of ")
        KEPT.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=KEPT / "live.png", full_page=True)
        assert_ends(process, signal.SIGTERM)

    # Gone: the page keeps what it shows, and says so.
    state = page.locator("#state")
    expect(state).to_contain_text("the server does not answer", timeout=PATIENCE_MS)
    expect(state).to_have_class("bad")
    expect(legend).to_contain_text("close 62,300.00")
    stream.trade("62400", "1")
    with serving(served.serve.port, "--page"):
        expect(legend).to_contain_text("close 62,400.00", timeout=PATIENCE_MS)
        expect(state).not_to_have_class("bad", timeout=PATIENCE_MS)


def test_a_port_that_is_taken_is_said(served):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "python_ingest", "serve", "--page-port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port} (serve.page_port)" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_option_nobody_listens(settings):
    with _paged(settings, None, "", None) as page:
        assert page is None
