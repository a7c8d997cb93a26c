// The page works without this file; it adds charts, countdowns and live updates. No dependencies but uPlot.
"use strict";
(() => {
  const skew = document.body.dataset.now ? Number(document.body.dataset.now) * 1000 - Date.now() : 0;
  const now = () => Date.now() + skew; // the daemon's clock, which may be a demo's
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
    plan: () => ({ stroke: colour("--chart-1"), width: 2.5 }),
    sent: (i) => ({ stroke: colour("--chart-3"), width: 1.2, dash: [[], [6, 3], [2, 3], [8, 3, 2, 3]][i % 4] }),
    called: () => ({ stroke: colour("--chart-2"), width: 1.6, dash: [5, 3] }),
    limit: () => ({ stroke: colour("--bad"), width: 1.2, dash: [2, 4] }),
    price: (i) => ({ stroke: colour(["--chart-3", "--chart-2", "--chart-4"][i % 3]), width: 1.5, dash: [[], [6, 3], [2, 3]][i % 3] }),
  };
  const charts = new Map();
  function axes(unit) {
    const look = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    return [look, { ...look, size: 62, label: unit, labelSize: 18 }];
  }
  function draw(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    charts.get(figure)?.destroy();
    const size = { width: Math.max(figure.clientWidth - 26, 240), height: figure.clientWidth < 600 ? 240 : 300 };
    const chart = figure.dataset.chart === "rounds" ? rounds(data, size, figure) : programs(data, size, figure);
    if (chart) charts.set(figure, chart);
  }
  function programs(data, size, figure) {
    const shown = data.series.filter((s) => s.values);
    if (!shown.length) { figure.querySelector("figcaption").append(" · nothing yet"); return null; }
    const step = data.starts.length > 1 ? data.starts[1] - data.starts[0] : 900;
    // A step needs its end: the last value, and the last before each gap, is drawn until its ISP is over.
    const last = (values) => [...values, null].map((v, i) => v ?? (i ? values[i - 1] : null));
    const x = [...data.starts, data.starts.at(-1) + step];
    const stepped = uPlot.paths.stepped({ align: 1 });
    const counts = {};
    const series = [{ value: (_u, v) => (v == null ? "" : clock(v, data.zone)), label: "from" }];
    const columns = [x];
    for (const s of shown) {
      counts[s.kind] = (counts[s.kind] ?? -1) + 1;
      const digits = data.unit === "kW" ? 3 : 2;
      series.push({ label: s.label, paths: stepped, points: { show: false }, value: (_u, v) => (v == null ? "–" : v.toFixed(digits)), ...styles[s.kind](counts[s.kind]) });
      columns.push(last(s.values));
    }
    const bands = [];
    if (data.band) {
      for (const side of ["high", "low"]) {
        series.push({ label: side === "high" ? "callable from" : "to", paths: stepped, points: { show: false }, stroke: colour("--chart-2"), width: 0.5, value: (_u, v) => (v == null ? "–" : v.toFixed(3)) });
        columns.push(last(data.band[side]));
      }
      bands.push({ series: [series.length - 2, series.length - 1], fill: colour("--band"), dir: -1 });
    }
    return new uPlot({ ...size, series, bands, axes: withClock(axes(data.unit), data.zone), tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), data.zone),
      cursor: { drag: { x: true, y: false } }, hooks: { draw: [(u) => line(u, now() / 1000)] } }, columns, figure);
  }
  function clock(t, zone) { return new Date(t * 1000).toLocaleTimeString("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }); }
  function withClock([x, y], zone) { return [{ ...x, values: (_u, ts) => ts.map((t) => clock(t, zone)) }, y]; }
  function line(u, at) {
    const left = u.valToPos(at, "x", true);
    if (!(left > u.bbox.left && left < u.bbox.left + u.bbox.width)) return;
    u.ctx.save(); u.ctx.strokeStyle = colour("--bad"); u.ctx.beginPath(); u.ctx.moveTo(left, u.bbox.top); u.ctx.lineTo(left, u.bbox.top + u.bbox.height); u.ctx.stroke(); u.ctx.restore();
  }
  function rounds(data, size, figure) {
    const value = (_u, v) => (v == null ? "–" : v.toFixed(2));
    return new uPlot({ ...size, height: 220, scales: { x: { time: false } }, axes: axes(data.unit),
      series: [{ label: "round" }, { label: "value", value, ...styles.plan() }, { label: "bound", value, ...styles.called() }] },
      [data.rounds, data.value, data.bound], figure);
  }
  function drawAll(within = document) { for (const f of within.querySelectorAll("figure[data-chart]")) draw(f); }

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

  // --- live updates: the page is asked for again and what changed is put in place ------------------------------------
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
        part.replaceChildren(...next.childNodes);
        part.dataset.shown = shown;
        for (const id of open) document.getElementById(id)?.setAttribute("open", "");
        if (focused) part.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
        part.classList.remove("changed"); void part.offsetWidth; part.classList.add("changed");
        drawAll(part);
      }
      if (!document.getElementById("alarm-count") && fresh.getElementById("alarm-count")) document.querySelector('nav a[href="/alarms"]')?.append(" ", fresh.getElementById("alarm-count"));
      choose(); tick();
    } catch { /* the connection is gone; the event source says so and comes back */
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
  document.querySelector("nav[aria-label=Main] [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  const go = document.querySelector("[data-go]");
  if (go) { location.replace(go.dataset.go); return; }
  for (const part of document.querySelectorAll("[data-live]")) part.dataset.shown = part.innerHTML;
  drawAll(); choose(); tick(); setInterval(tick, 1000); follow();
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawAll(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
})();
