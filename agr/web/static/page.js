// The page works without this file; it adds charts, countdowns and live updates. Charts need charts.js and ECharts.
"use strict";
(() => {
  const skew = document.body.dataset.now ? Number(document.body.dataset.now) * 1000 - Date.now() : 0;
  const now = () => Date.now() + skew; // the daemon's clock, which a demo moves
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // --- time -------------------------------------------------------------------------------------------------------
  function lasting(milliseconds) {
    const s = Math.floor(Math.abs(milliseconds) / 1000);
    const two = (n) => String(n).padStart(2, "0");
    if (s >= 86400) return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
    return s >= 3600 ? `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min` : `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  }
  function tick() {
    for (const e of document.querySelectorAll("[data-until]")) {
      const left = Number(e.dataset.until) * 1000 - now();
      e.textContent = left > 0 ? `in ${lasting(left)}` : `closed ${lasting(left)} ago`;
    }
    for (const e of document.querySelectorAll("[data-since]")) e.textContent = lasting(now() - Number(e.dataset.since) * 1000);
    for (const e of document.querySelectorAll("[data-clock]")) {
      e.textContent = new Date(now()).toLocaleString("en-GB", {
        timeZone: e.dataset.zone, weekday: "short", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit",
      }).replace(",", "");
    }
  }

  // --- charts -----------------------------------------------------------------------------------------------------
  const styles = {
    plan: () => ({ color: colour("--chart-1"), width: 2.5 }),
    sent: (i) => ({ color: colour("--chart-3"), width: 1.2, type: ["solid", [6, 3], [2, 3], [8, 3, 2, 3]][i % 4] }),
    called: () => ({ color: colour("--chart-2"), width: 1.6, type: [5, 3] }),
    dso: (i) => ({ color: colour(["--chart-4", "--chart-3", "--chart-2"][i % 3]), width: 1.5, type: ["solid", [6, 3], [2, 3]][Math.floor(i / 3) % 3] }),
    limit: () => ({ color: colour("--bad"), width: 1.2, type: [2, 4] }),
    price: (i) => ({ color: colour(["--chart-3", "--chart-2", "--chart-4"][i % 3]), width: 1.5, type: ["solid", [6, 3], [2, 3]][i % 3] }),
  };
  const charts = new Map();
  // One formatter per zone: a hundred labels of a chart that made one each took longer than its lines.
  const clocks = new Map();
  function clock(t, zone) {
    if (!clocks.has(zone)) clocks.set(zone, new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }));
    return clocks.get(zone).format(t * 1000);
  }
  const look = () => ({ text: colour("--ink"), quiet: colour("--quiet"), line: colour("--line"), card: colour("--paper") });
  function draw(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent), caption = figure.querySelector("figcaption");
    charts.get(figure)?.dispose();
    const kinds = { rounds, days };
    const option = (kinds[figure.dataset.chart] ?? programs)(data);
    if (!option) { caption.append(" · no data yet"); return; }
    const plot = figure.querySelector(".plot") ?? figure.appendChild(document.createElement("div"));
    plot.className = data.below ? "plot tall" : "plot";
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", caption.textContent);
    const chart = echarts.init(plot);
    // The content security policy forbids the styled HTML of ECharts' tooltips, so they are drawn as rich text.
    chart.setOption(framed(look(), { grid: { left: 56, right: 24, top: 48, bottom: 48 },
      tooltip: tip(look(), { trigger: "axis", order: "seriesAsc", renderMode: "richText", valueFormatter: (v) => (v == null ? "–" : v.toFixed(data.unit === "kW" ? 3 : 2)) }), ...option }));
    charts.set(figure, chart);
  }
  function programs(data) {
    const shown = data.series.filter((s) => s.values);
    if (!shown.length) return null;
    const step = data.starts.length > 1 ? data.starts[1] - data.starts[0] : 900;
    // A repeated last value ends the last step; a step before a gap ends with its ISP.
    const last = (values) => [...values, values.at(-1)];
    const counts = {}, series = [];
    for (const s of shown) {
      counts[s.kind] = (counts[s.kind] ?? -1) + 1;
      const style = styles[s.kind](counts[s.kind]);
      const below = s.below ? { xAxisIndex: 1, yAxisIndex: 1 } : {};
      series.push(stairs(s.label, last(s.values), { lineStyle: style, itemStyle: { color: style.color }, ...below }));
    }
    // A device may both draw and give, so there is one stack above zero and one below.
    (data.stack ?? []).forEach((s, i) => {
      const color = colour(`--chart-${i % 4 + 1}`), opacity = i < 4 ? 0.55 : 0.25;
      for (const sign of [1, -1]) if (s.values.some((v) => v * sign > 0)) series.push(stairs(s.label, last(s.values.map((v) => (v * sign > 0 ? v : 0))),
        { stack: sign > 0 ? "up" : "down", lineStyle: { width: 0 }, itemStyle: { color }, areaStyle: { color, opacity }, z: 1 }));
    });
    if (data.band) series.unshift(...band("may be called", last(data.band.low), last(data.band.high), colour("--chart-2"), 0.2));
    for (const b of data.bands ?? []) series.unshift(...band(b.label, last(b.low), last(b.high), colour("--chart-1"), 0.12, b.label));
    const at = (now() / 1000 - data.starts[0]) / step;
    if (at > 0 && at < data.starts.length) {
      const line = { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colour("--bad"), type: "solid" }, data: [{ xAxis: Math.round(at) }] };
      (series.find((s) => !s.xAxisIndex && s.name !== FLOOR) ?? series.at(-1)).markLine = line;
    }
    const labels = [...data.starts, data.starts.at(-1) + step].map((t) => clock(t, data.zone));
    const hour = Math.max(Math.round(3600 / step), 1);
    const lines = { show: true, interval: (i) => i % hour === 0, lineStyle: { color: colour("--line") } };
    const time = onTime(labels, hour, { splitLine: lines }), power = { type: "value", name: data.unit };
    if (!data.below) return { xAxis: time, yAxis: power, dataZoom: zoom, series };
    const sides = { left: 56, right: 24 };
    return { series, dataZoom: zoom.map((z) => ({ ...z, xAxisIndex: [0, 1] })), axisPointer: { link: [{ xAxisIndex: "all" }] },
      grid: [{ ...sides, top: 48, bottom: 160 }, { ...sides, height: 70, bottom: 48 }],
      xAxis: [{ ...time, axisLabel: { show: false } }, { ...time, gridIndex: 1 }],
      yAxis: [power, { type: "value", name: data.below, gridIndex: 1, scale: true, splitNumber: 2 }] };
  }
  function rounds(data) {
    const line = (name, values, style) => ({ name, type: "line", data: values, showSymbol: false, lineStyle: style, itemStyle: { color: style.color } });
    return { xAxis: { type: "category", data: data.rounds.map(String), boundaryGap: false }, yAxis: { type: "value", name: data.unit, scale: true },
      series: [line("value", data.value, styles.plan()), line("bound", data.bound, styles.called())] };
  }
  function days(data) {
    if (!data.days.length) return null;
    const bars = { name: "money", type: "bar", data: data.money, itemStyle: { color: colour("--chart-1") } };
    const first = { name: "forecast: first plan", type: "line", data: data.first, showSymbol: data.days.length === 1, lineStyle: styles.called(), itemStyle: { color: colour("--chart-2") } };
    return { xAxis: { type: "category", data: data.days }, yAxis: { type: "value", name: data.unit }, series: [bars, first] };
  }
  function drawAll(within = document, kept = new Set()) {
    for (const [figure, chart] of charts) if (!figure.isConnected) { chart.dispose(); charts.delete(figure); }
    for (const f of within.querySelectorAll("figure[data-chart]")) if (!kept.has(f)) draw(f);
  }
  const dataOf = (figure) => figure.querySelector("script").textContent;
  // Puts drawn figures in the place of new ones with the same data: a picture neither flickers nor loses its zoom.
  function keepDrawn(part, drawn) {
    const kept = new Set();
    for (const fresh of part.querySelectorAll("figure[data-chart][id]")) {
      const old = drawn.get(fresh.id);
      if (old && charts.has(old) && dataOf(old) === dataOf(fresh)) { fresh.replaceWith(old); kept.add(old); }
    }
    return kept;
  }

  // --- choosing congestion points ---------------------------------------------------------------------------------
  const chosen = new Set();
  function choose() {
    for (const box of document.querySelectorAll("[data-choose]")) box.checked = chosen.has(box.value);
    const count = document.querySelectorAll("[data-choose]:checked").length;
    for (const e of document.querySelectorAll("[data-count]")) e.textContent = count ? `(${count})` : "(all)";
  }
  document.addEventListener("change", (event) => {
    const box = event.target.closest("[data-choose]");
    if (box) { box.checked ? chosen.add(box.value) : chosen.delete(box.value); choose(); }
    if (event.target.closest("form[data-submit]") && event.target.value) event.target.form.requestSubmit();
  });

  // --- live updates: the page is fetched again, and the parts that changed are replaced -------------------------------
  let asking = false, again = false;
  function busy(part) { return part.querySelector("details.act[open]") || (part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")); }
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "manual" });
      if (answer.type === "opaqueredirect" || !answer.ok) { if (answer.type === "opaqueredirect") location.reload(); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const next = fresh.getElementById(part.id);
        if (!next) { if (part.matches("#alarm-count")) part.remove(); continue; }
        if (next.dataset.go) { location.assign(next.dataset.go); return; }
        if (busy(part)) { again = true; continue; }
        if (next.innerHTML === part.dataset.shown) continue;
        const open = [...part.querySelectorAll("details[open]")].map((d) => d.id).filter(Boolean);
        const focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        const shown = next.innerHTML;
        const drawn = new Map([...part.querySelectorAll("figure[data-chart][id]")].map((f) => [f.id, f]));
        part.replaceChildren(...next.childNodes);
        const kept = keepDrawn(part, drawn);
        part.dataset.shown = shown;
        for (const id of open) document.getElementById(id)?.setAttribute("open", "");
        if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
        part.classList.remove("changed"); void part.offsetWidth; part.classList.add("changed");
        drawAll(part, kept);
      }
      if (!document.getElementById("alarm-count") && fresh.getElementById("alarm-count")) document.querySelector('nav a[href="/alarms"]')?.append(" ", fresh.getElementById("alarm-count"));
      choose(); tick();
    } catch { /* the connection is lost; the event source shows this and reconnects */
    } finally {
      asking = false;
      if (again) { again = false; setTimeout(refresh, 1000); }
    }
  }
  function follow() {
    const sign = document.querySelector("[data-connection]");
    if (!sign || !document.querySelector("[data-live]")) { sign?.remove(); return; }
    const source = new EventSource("/events");
    let lost = false;
    source.addEventListener("open", () => { sign.textContent = "● live"; if (lost) refresh(); lost = false; });
    source.addEventListener("error", () => { sign.textContent = "○ not connected"; lost = true; });
    source.addEventListener("changed", refresh);
    addEventListener("pagehide", () => source.close());
  }

  // "/" puts the cursor into the search field.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches("input, select, textarea")) return;
    const field = document.querySelector("[data-slash]");
    if (field) { event.preventDefault(); field.focus(); field.select(); }
  });
  const go = document.querySelector("[data-go]");
  if (go) { location.replace(go.dataset.go); return; }
  for (const part of document.querySelectorAll("[data-live]")) part.dataset.shown = part.innerHTML;
  drawAll(); choose(); tick(); setInterval(tick, 1000); follow();
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawAll(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
})();
