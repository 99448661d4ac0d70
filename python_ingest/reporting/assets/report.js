"use strict";
(() => {
  const { charts, equity } = JSON.parse(document.getElementById("data").textContent);
  const lib = window.LightweightCharts;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const byId = (id) => document.getElementById(id);
  const atTime = (second) => new Date(second * 1000).toISOString().slice(0, 16).replace("T", " ");
  const number = (value, digits) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  const look = () => ({
    layout: {
      background: { color: colour("--ground") }, textColor: colour("--quiet"),
      panes: { separatorColor: colour("--line") },
    },
    grid: { vertLines: { color: colour("--line") }, horzLines: { color: colour("--line") } },
    rightPriceScale: { borderColor: colour("--line") },
    timeScale: { borderColor: colour("--line"), timeVisible: true, secondsVisible: false, minBarSpacing: 0.005, maxBarSpacing: 40 },
    localization: { timeFormatter: atTime },
    // A finger that scrolls the page must not be caught by a chart.
    handleScroll: { vertTouchDrag: false },
  });

  const priceFormat = (digits) => ({
    type: "custom", minMove: 10 ** -digits, formatter: (value) => number(value, digits),
  });

  const nothing = (id, text) => {
    const note = document.createElement("p");
    note.className = "nothing";
    note.textContent = text;
    byId(id).replaceWith(note);
  };

  const drawBars = () => {
    const chart = lib.createChart(byId("bars"), { autoSize: true, ...look() });
    const candles = chart.addSeries(lib.CandlestickSeries, {});
    const volume = chart.addSeries(lib.HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
    });
    chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.06, bottom: 0.24 } });
    chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
    const shown = { symbol: charts[0].symbol, exchange: charts[0].exchange, timeframe: "" };
    let current = null;

    const legend = (bar) => {
      const [second, open, high, low, close, size] = bar;
      const price = (value) => number(value, current.digits);
      byId("legend").textContent =
        `${atTime(second)}  open ${price(open)}  high ${price(high)}  low ${price(low)}  close ${price(close)}` +
        `  volume ${size.toLocaleString("en", { maximumFractionDigits: 8 })}`;
    };
    const paint = () => {
      const up = colour("--up"), down = colour("--down");
      candles.applyOptions({
        upColor: up, wickUpColor: up, borderUpColor: up, downColor: down, wickDownColor: down, borderDownColor: down,
        priceFormat: priceFormat(current.digits),
      });
      candles.setData(current.bars.map(([time, open, high, low, close]) => ({ time, open, high, low, close })));
      volume.setData(current.bars.map(([time, open, , , close, value]) => ({
        time, value, color: (close < open ? down : up) + "66",
      })));
    };
    const buttons = (id, names, chosen, choose) => {
      byId(id).replaceChildren(...names.map((name) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        button.setAttribute("aria-pressed", String(name === chosen));
        button.addEventListener("click", () => choose(name));
        return button;
      }));
    };
    const label = (one) => `${one.symbol} · ${one.exchange}`;
    const show = () => {
      const lengths = charts.filter((one) => label(one) === label(shown));
      // The longest timeframe that still shows a shape, unless one was chosen.
      current = lengths.find((one) => one.timeframe === shown.timeframe)
        || [...lengths].reverse().find((one) => one.bars.length >= 20) || lengths[0];
      buttons("symbols", [...new Set(charts.map(label))], label(shown), (name) => {
        const { symbol, exchange } = charts.find((one) => label(one) === name);
        Object.assign(shown, { symbol, exchange });
        show();
      });
      buttons("timeframes", lengths.map((one) => one.timeframe), current.timeframe, (name) => {
        shown.timeframe = name;
        show();
      });
      paint();
      legend(current.bars[current.bars.length - 1]);
      chart.timeScale().fitContent();
    };
    chart.subscribeCrosshairMove((at) => {
      legend(current.bars.find((bar) => bar[0] === at.time) || current.bars[current.bars.length - 1]);
    });
    dark.addEventListener("change", () => { chart.applyOptions(look()); paint(); });
    show();
  };

  const drawEquity = () => {
    const chart = lib.createChart(byId("equity"), { autoSize: true, ...look() });
    const worth = chart.addSeries(lib.AreaSeries, {
      lineWidth: 2, priceLineVisible: false, priceFormat: priceFormat(2),
    });
    const fall = chart.addSeries(lib.AreaSeries, {
      lineWidth: 1, invertFilledArea: true, priceLineVisible: false, lastValueVisible: false,
      priceFormat: priceFormat(0),
      autoscaleInfoProvider: (scaled) => {
        const found = scaled();
        if (found && found.priceRange) found.priceRange.maxValue = 0;
        return found;
      },
    }, 1);
    chart.panes()[0].setStretchFactor(3);
    chart.panes()[1].setStretchFactor(1);
    const paint = () => {
      const accent = colour("--accent"), down = colour("--down");
      worth.applyOptions({ lineColor: accent, topColor: accent + "44", bottomColor: accent + "08" });
      fall.applyOptions({ lineColor: down, topColor: down + "10", bottomColor: down + "55" });
    };
    const legend = ([second, value, below]) => {
      byId("equity-legend").textContent =
        `${atTime(second)}  equity ${number(value, 2)}  below its peak ${number(below, 2)}`;
    };
    worth.setData(equity.map(([time, value]) => ({ time, value })));
    fall.setData(equity.map(([time, , below]) => ({ time, value: -below })));
    chart.subscribeCrosshairMove((at) => {
      legend(equity.find((point) => point[0] === at.time) || equity[equity.length - 1]);
    });
    dark.addEventListener("change", () => { chart.applyOptions(look()); paint(); });
    paint();
    legend(equity[equity.length - 1]);
    chart.timeScale().fitContent();
  };

  if (charts.length) drawBars(); else nothing("bars", "There are no bars yet.");
  if (equity.length) drawEquity(); else nothing("equity", "There is no portfolio yet.");
  document.documentElement.dataset.drawn = "true";
})();
