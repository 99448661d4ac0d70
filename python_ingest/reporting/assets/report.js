"use strict";
// Draws the report's charts. A page in a file has all of its data in #data; that of `ingest serve`
// asks the server for them each second.
(() => {
  const lib = window.LightweightCharts;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const byId = (id) => document.getElementById(id);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const atTime = (second) => new Date(second * 1000).toISOString().slice(0, 16).replace("T", " ");
  const number = (value, digits, least = digits) =>
    value.toLocaleString("en", { minimumFractionDigits: least, maximumFractionDigits: digits });
  const size = (value) => number(value, 8, 0);
  const DAY = 86400;
  const RANGES = [["Day", DAY], ["Week", 7 * DAY], ["Month", 31 * DAY], ["All", Infinity]];
  const MOST_BARS = 1500, MOST_BUTTONS = 12;

  const look = () => ({
    layout: {
      background: { color: colour("--ground") }, textColor: colour("--quiet"),
      panes: { separatorColor: colour("--line") },
    },
    grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
    rightPriceScale: { borderColor: colour("--line"), entireTextOnly: true },
    timeScale: {
      borderColor: colour("--line"), timeVisible: true, secondsVisible: false,
      minBarSpacing: 0.005,
    },
    localization: { timeFormatter: atTime },
    // A finger that scrolls the page must not be caught by a chart.
    handleScroll: { vertTouchDrag: false },
  });

  const priceFormat = (digits) => ({
    type: "custom", minMove: 10 ** -digits, formatter: (value) => number(value, digits),
  });

  const isOf = (chart, shown) =>
    ["exchange", "symbol", "timeframe"].every((name) => chart[name] === shown[name]);

  // One of many names is chosen from a list: forty buttons would fill a phone.
  const list = (nav, names, chosen, choose) => {
    const box = nav.querySelector("select") || document.createElement("select");
    if (box.length !== names.length || names.some((name, at) => box.options[at].value !== name)) {
      box.replaceChildren(...names.map((name) => new Option(name)));
      box.setAttribute("aria-label", nav.getAttribute("aria-label"));
      nav.replaceChildren(box);
    }
    box.value = chosen;
    box.onchange = () => choose(box.value);
  };

  const buttons = (id, names, chosen, choose) => {
    const nav = byId(id);
    if (names.length > MOST_BUTTONS) { list(nav, names, chosen, choose); return; }
    if (nav.childElementCount !== names.length || names.some((n, at) => nav.children[at].textContent !== n)) {
      nav.replaceChildren(...names.map((name) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        return button;
      }));
    }
    names.forEach((name, at) => {
      nav.children[at].setAttribute("aria-pressed", String(name === chosen));
      nav.children[at].onclick = () => choose(name);
    });
  };

  // A chart with a legend, ranges and arrow keys. `say(row)` is the legend of a row, which begins with
  // its second; `main` the series that the crosshair follows.
  const frame = (id, say) => {
    const box = byId(id), legend = byId(`${id}-legend`);
    box.tabIndex = 0;
    box.setAttribute("role", "img");
    box.setAttribute("aria-describedby", legend.id);
    const chart = lib.createChart(box, { autoSize: true, ...look() });
    const self = { chart, rows: [], range: "All", main: null, at: null, chooseRange: () => {} };
    const row = () => self.rows.find((one) => one[0] === self.at) || self.rows[self.rows.length - 1];
    self.tell = () => { legend.textContent = self.rows.length ? say(row()) : ""; };
    // Until somebody moves the chart it shows all of its range, whatever comes.
    let isMoved = false;
    for (const moved of ["pointerdown", "wheel"]) box.addEventListener(moved, () => { isMoved = true; }, { passive: true });
    self.keepFit = () => { if (!isMoved) self.fit(); };
    self.fit = () => {
      isMoved = false;
      const last = self.rows.length - 1, span = RANGES.find(([name]) => name === self.range)[1];
      if (last < 0) return;
      const first = self.rows.findIndex((one) => one[0] > self.rows[last][0] - span);
      if (first <= 0) chart.timeScale().fitContent();
      else chart.timeScale().setVisibleLogicalRange({ from: first - 0.5, to: last + 0.5 });
    };
    self.ranges = () => buttons(`${id}-range`, RANGES.map(([name]) => name), self.range, (name) => {
      self.range = name;
      self.chooseRange(RANGES.find((one) => one[0] === name)[1]);
      self.ranges();
      self.fit();
    });
    chart.subscribeCrosshairMove(({ time }) => { self.at = time ?? null; self.tell(); });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || !self.rows.length) return;
      event.preventDefault();
      const at = self.rows.indexOf(row());
      const next = self.rows[Math.min(Math.max(at + (self.at === null ? 0 : step), 0), self.rows.length - 1)];
      self.at = next[0];
      chart.setCrosshairPosition(next[self.value], next[0], self.main);
      legend.setAttribute("aria-live", "polite");
      self.tell();
    });
    box.addEventListener("blur", () => {
      legend.removeAttribute("aria-live");
      chart.clearCrosshairPosition();
      self.at = null;
      self.tell();
    });
    dark.addEventListener("change", () => { chart.applyOptions(look()); self.paint(); });
    return self;
  };

  const bars = (() => {
    let series = [], chart = null;
    const shown = { exchange: "", symbol: "", timeframe: "" };
    const fills = new Map();
    const self = frame("bars", ([second, open, high, low, close, volume, vwap]) => {
      const price = (value) => number(value, chart.digits);
      const { currency, unit } = one();
      return [
        `${atTime(second)}  open ${price(open)}  high ${price(high)}  low ${price(low)}  close ${price(close)}`
          + `${vwap === null ? "" : `  vwap ${price(vwap)}`} ${currency}`,
        `volume ${size(volume)} ${unit}`,
        ...(fills.get(second) || []).map(([, side, count, quantity, mean]) =>
          `${side === "buy" ? "bought" : "sold"} ${size(quantity)} at ${price(mean)} ${currency} (${count} ${count > 1 ? "fills" : "fill"})`),
      ].join("  ");
    });
    const candles = self.chart.addSeries(lib.CandlestickSeries, {});
    const vwap = self.chart.addSeries(lib.LineSeries, {
      lineWidth: 2, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false,
    });
    const volume = self.chart.addSeries(lib.HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
    });
    const markers = lib.createSeriesMarkers(candles, []);
    self.chart.timeScale().applyOptions({ maxBarSpacing: 200 });
    self.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.08, bottom: 0.24 } });
    self.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
    Object.assign(self, { main: candles, value: 4 });

    const label = ({ symbol, exchange }) => `${symbol} · ${exchange}`;
    const one = () => series.find((each) => label(each) === label(shown)) || series[0];
    const lengths = () => one().timeframes;
    self.paint = () => {
      if (!chart) return;
      const up = colour("--up"), down = colour("--down");
      candles.applyOptions({
        upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down,
        priceFormat: priceFormat(chart.digits),
      });
      vwap.applyOptions({ color: colour("--second"), priceFormat: priceFormat(chart.digits) });
      candles.setData(chart.bars.map(([time, open, high, low, close]) => ({ time, open, high, low, close })));
      vwap.setData(chart.bars.map((bar) => (bar[6] === null ? { time: bar[0] } : { time: bar[0], value: bar[6] })));
      volume.setData(chart.bars.map(([time, open, , , close, value]) => ({
        time, value, color: (close < open ? down : up) + "66",
      })));
      markers.setMarkers(chart.fills.map(([time, side]) => (side === "buy"
        ? { time, position: "belowBar", shape: "arrowUp", color: colour("--buy") }
        : { time, position: "aboveBar", shape: "arrowDown", color: colour("--sell") })));
    };
    const show = (found) => {
      const isOther = !chart || !isOf(found, chart);
      chart = found;
      self.rows = chart.bars;
      fills.clear();
      for (const fill of chart.fills) fills.set(fill[0], [...(fills.get(fill[0]) || []), fill]);
      self.paint();
      self.tell();
      if (isOther) self.fit(); else self.keepFit();
      const last = chart.bars[chart.bars.length - 1];
      byId("bars").setAttribute("aria-label",
        `Candlesticks of ${chart.symbol} on ${chart.exchange}, ${chart.timeframe}, with vwap, volume and fills`
        + (last ? `: ${chart.bars.length} bars from ${atTime(chart.bars[0][0])} to ${atTime(last[0])},`
          + ` last close ${number(last[4], chart.digits)} ${one().currency},`
          + ` ${chart.fills.length} with fills. Arrow keys read one by one.` : ""));
    };
    // The shortest that a range has room for: a day of minutes, a month of hours.
    self.chooseRange = (span) => {
      const room = (each) => (span === Infinity ? each[2] < MOST_BARS : span / each[1] <= MOST_BARS);
      choose({ timeframe: (lengths().find(room) || lengths()[lengths().length - 1])[0] });
    };
    const choose = (change) => {
      Object.assign(shown, change);
      if (!lengths().some(([name]) => name === shown.timeframe)) {
        // The longest timeframe that still shows a shape.
        shown.timeframe = ([...lengths()].reverse().find((each) => each[2] >= 20) || lengths()[0])[0];
      }
      buttons("symbols", series.map(label), label(one()), (name) => {
        const { symbol, exchange } = series.find((each) => label(each) === name);
        choose({ symbol, exchange });
      });
      buttons("timeframes", lengths().map(([name]) => name), shown.timeframe, (timeframe) => choose({ timeframe }));
      self.ranges();
      self.wanted(shown);
    };
    // `wanted`: what brings the chart that is shown; it calls `show`.
    self.update = (given, wanted) => {
      series = given;
      self.wanted = wanted;
      byId("bars-title").parentElement.classList.toggle("empty", !series.length);
      if (!series.length) { byId("bars-legend").textContent = "There are no bars yet."; return; }
      const { symbol, exchange } = one();
      choose({ symbol, exchange });
    };
    self.show = show;
    self.shown = shown;
    return self;
  })();

  const equity = (() => {
    const box = byId("equity").parentElement;
    let currency = "", flows = new Map();
    const money = (value) => `${number(value, 2)} ${currency}`;
    const self = frame("equity", ([second, value, below, index]) => [
      `${atTime(second)}  equity ${money(value)}`, `below its peak ${money(below)}`,
      index === null ? "" : `return index ${number(index, 4)} %`,
      ...(flows.get(second) || []).map(([, amount, unit]) =>
        `${amount < 0 ? "withdrawn" : "deposited"} ${number(Math.abs(amount), 2)} ${unit}`),
    ].filter(Boolean).join("  "));
    const worth = self.chart.addSeries(lib.AreaSeries, { lineWidth: 2, priceLineVisible: false, priceFormat: priceFormat(2) });
    const index = self.chart.addSeries(lib.LineSeries, {
      priceScaleId: "left", lineWidth: 2, lineStyle: 2, priceLineVisible: false,
      priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => `${number(value, 2)} %` },
    });
    const fall = self.chart.addSeries(lib.AreaSeries, {
      lineWidth: 1, invertFilledArea: true, priceLineVisible: false, lastValueVisible: false, priceFormat: priceFormat(0),
      autoscaleInfoProvider: (scaled) => {
        const found = scaled();
        if (found && found.priceRange) found.priceRange.maxValue = 0;
        return found;
      },
    }, 1);
    const markers = lib.createSeriesMarkers(worth, []);
    self.chart.panes()[0].setStretchFactor(3);
    self.chart.panes()[1].setStretchFactor(1);
    Object.assign(self, { main: worth, value: 1 });
    self.paint = () => {
      const accent = colour("--accent"), down = colour("--down");
      self.chart.applyOptions({ leftPriceScale: { visible: true, borderColor: colour("--line"), entireTextOnly: true } });
      worth.applyOptions({ lineColor: accent, topColor: accent + "44", bottomColor: accent + "08" });
      index.applyOptions({ color: colour("--second") });
      fall.applyOptions({ lineColor: down, topColor: down + "10", bottomColor: down + "55" });
      const marked = [...flows].flatMap(([time, found]) => found.map(([, amount]) => (amount < 0
        ? { time, position: "aboveBar", shape: "arrowDown", color: colour("--sell"), text: "out" }
        : { time, position: "belowBar", shape: "arrowUp", color: colour("--buy"), text: "in" })));
      markers.setMarkers(marked.sort((a, b) => a.time - b.time));
    };
    self.update = (rows, given, unit) => {
      self.rows = rows;
      currency = unit;
      // A flow is marked at the first point that has it.
      flows = new Map();
      for (const flow of given) {
        const point = rows.find(([second]) => second >= flow[0]);
        if (point) flows.set(point[0], [...(flows.get(point[0]) || []), flow]);
      }
      box.classList.toggle("empty", !rows.length);
      if (!rows.length) { byId("equity-legend").textContent = "There is no portfolio yet."; return; }
      worth.setData(rows.map(([time, value]) => ({ time, value })));
      index.setData(rows.map(([time, , , value]) => (value === null ? { time } : { time, value })));
      fall.setData(rows.map(([time, , below]) => ({ time, value: -below })));
      self.paint();
      self.tell();
      self.ranges();
      self.keepFit();
      const last = rows[rows.length - 1];
      byId("equity").setAttribute("aria-label",
        `Equity with the return index, and below it the drawdown, from ${atTime(rows[0][0])} to ${atTime(last[0])}:`
        + ` equity ${money(last[1])}, ${money(last[2])} below its peak. Arrow keys read one by one.`);
    };
    return self;
  })();

  const data = JSON.parse(byId("data").textContent);
  const draw = (found, wanted) => {
    equity.update(found.equity, found.flows, found.currency);
    bars.update(found.series, wanted);
    document.documentElement.dataset.drawn = "true";
  };
  if (!data.live) {
    draw(data, (shown) => bars.show(data.charts.find((chart) => isOf(chart, shown))));
    return;
  }

  // Live: one request at a time, the next one a second later.
  const SECOND = 1000, PATIENCE = 30 * SECOND;
  let timer = 0, last = "", since = "", asking = null;
  const say = (text, isBad) => {
    const state = byId("state");
    if (state.textContent !== text) state.textContent = text;
    state.classList.toggle("bad", isBad);
    document.documentElement.dataset.state = isBad ? "behind" : "live";
  };
  const fill = (parts) => {
    for (const [name, html] of Object.entries(parts)) {
      const part = document.querySelector(`[data-part="${name}"]`);
      if (part.said === html) continue;
      const before = [...part.querySelectorAll(".wide")];
      const places = before.map((one) => [one.scrollLeft, one.scrollTop, one === document.activeElement]);
      part.innerHTML = html; // escaped by the server, as in the page's file
      part.said = html;
      part.querySelectorAll(".wide").forEach((one, at) => {
        const [left, top, hasFocus] = places[at] || [0, 0, false];
        one.scrollLeft = left;
        one.scrollTop = top;
        if (hasFocus) one.focus({ preventScroll: true });
      });
    }
  };
  const ask = async () => {
    clearTimeout(timer);
    asking?.abort();
    const mine = asking = new AbortController();
    const late = setTimeout(() => mine.abort(), PATIENCE);
    try {
      // An address with a name and a password in it can be opened, and not fetched.
      const live = new URL(`live?${new URLSearchParams(bars.shown)}`, location.origin + location.pathname);
      const answer = await fetch(live, { signal: mine.signal });
      const text = await answer.text();
      if (mine !== asking) return;
      if (answer.status === 401) throw new Error("the token is wrong: load the page again");
      const found = JSON.parse(text);
      if (found.error) throw new Error(found.error);
      since = "";
      if (text !== last) {
        last = text;
        fill(found.parts);
        draw(found, (shown) => {
          const chart = found.charts.find((one) => isOf(one, shown));
          if (chart) bars.show(chart); else ask();
        });
        if (mine !== asking) return;
      }
      say(found.said, !found.is_live);
    } catch (error) {
      if (mine !== asking) return;
      since ||= atTime(Date.now() / 1000);
      const why = error instanceof SyntaxError || error instanceof TypeError || error.name === "AbortError"
        ? "the server does not answer" : error.message;
      say(`Not live since ${since}: ${why}. What is shown is from before; trying again.`, true);
    } finally {
      clearTimeout(late);
    }
    if (mine === asking) timer = setTimeout(ask, document.hidden ? 10 * SECOND : SECOND);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  ask();
})();
