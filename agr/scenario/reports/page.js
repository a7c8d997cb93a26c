"use strict";
// Draws the report from the data element. No network, no state beyond the selections.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const charts = {};
let theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
let chosen = { run: 0, period: null, step: null, point: null };

const eur = (v) => (v === null || v === undefined ? "" : v.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
const signed = (v) => (v > 0 ? "+" : "") + eur(v);
const number = (v) => (v === null || v === undefined ? "–" : v.toLocaleString("en", { maximumFractionDigits: 1 }));
const ink = () => getComputedStyle(document.documentElement);
const css = (name) => ink().getPropertyValue(name).trim();
const color = (kind) => data.looks[kind][theme === "dark" ? 2 : 1];
const short = (address) => address.split(":").pop();
const run = () => data.runs[chosen.run];
const steps = () => run().steps.filter((s) => s.period === chosen.period);
const step = () => steps().find((s) => s.step === chosen.step);
const before = () => steps()[steps().indexOf(step()) - 1];
const labels = () => run().labels[chosen.period];

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function table(target, head, rows) {
  const made = element("table"), top = element("tr");
  head.forEach(([text, kind]) => top.append(element("th", text, kind)));
  made.append(top);
  rows.forEach((cells) => {
    const row = element("tr");
    cells.forEach((cell, i) => {
      const [text, name] = Array.isArray(cell) ? cell : [cell, ""];
      row.append(element("td", text, `${head[i][1] || ""} ${name}`.trim()));
    });
    made.append(row);
  });
  target.replaceChildren(made);
}

const look = () => ({ text: css("--text"), quiet: css("--quiet"), line: css("--line"), card: css("--card") });

function draw(id, option) {
  charts[id] = charts[id] || echarts.init($(id), null, { renderer: "canvas" });
  charts[id].setOption(framed(look(), { tooltip: tip(look(), { trigger: "axis", order: "seriesAsc", valueFormatter: number }), ...option }), true);
}

const day = (extra) => onTime(labels(), 8, extra);

function waterfall(id, parts, first, last) {
  // Invisible bars carry the visible ones; the running sum may cross zero, so each bar is drawn from low to high.
  const names = [], low = [], high = [], tint = [], value = [];
  let level = 0;
  const add = (name, from, to, shown, whole) => {
    names.push(name); low.push(Math.min(from, to)); high.push(Math.max(from, to)); value.push(shown);
    tint.push(whole ? css("--quiet") : shown >= 0 ? css("--good") : css("--bad"));
  };
  if (first) { add(first[0], 0, first[1], first[1], true); level = first[1]; }
  parts.forEach(([name, amount]) => { add(name, level, level + amount, amount, false); level += amount; });
  add(last[0], 0, last[1], last[1], true);
  draw(id, {
    legend: { show: false },
    tooltip: tip(look(), { trigger: "item",
      formatter: (p) => `${echarts.format.encodeHTML(names[p.dataIndex])}<br><b>${signed(value[p.dataIndex])} EUR</b>` }),
    grid: { left: 72, right: 20, top: 24, bottom: 52 },
    xAxis: { type: "category", data: names, axisLabel: { interval: 0, width: Math.max(48, $(id).clientWidth / names.length - 12), overflow: "break", hideOverlap: false } },
    yAxis: { type: "value", name: "EUR" },
    series: [{
      type: "custom", data: names.map((_, i) => [i, low[i], high[i]]), encode: { x: 0, y: [1, 2] },
      renderItem: (params, api) => {
        const i = api.value(0), a = api.coord([i, low[i]]), b = api.coord([i, high[i]]), w = api.size([1, 0])[0] * 0.62;
        return { type: "group", children: [
          { type: "rect", shape: { x: a[0] - w / 2, y: b[1], width: w, height: Math.max(a[1] - b[1], 1) }, style: { fill: tint[i] } },
          { type: "text", style: { text: signed(value[i]), x: a[0], y: b[1] - 5, align: "center", verticalAlign: "bottom", fill: css("--text"), fontSize: 11 } },
        ] };
      },
    }],
  });
}

const worthSaying = (terms) => Object.entries(terms).filter(([, v]) => Math.abs(v) >= 0.005).sort((a, b) => b[1] - a[1]);

function drawValue() {
  const s = step(), parts = worthSaying(s.terms_eur);
  waterfall("waterfall", [["unmanaged, avoided", -s.no_flexibility_eur], ...parts], ["no flexibility", s.no_flexibility_eur], ["this plan", s.objective_eur]);
}

function drawPrograms() {
  const s = step(), kinds = Object.keys(s.classes);
  // A class may both consume and produce, so there is one stack above zero and one below.
  const areas = kinds.flatMap((kind) => [1, -1].map((sign) => ({
    values: s.classes[kind].map((v) => (sign * v > 0 ? v : 0)), kind, sign,
  }))).filter((a) => a.values.some((v) => Math.abs(v) > 1e-6));
  const named = areas.map((a) => ({
    ...stairs(data.looks[a.kind][0], a.values, { stack: a.sign > 0 ? "up" : "down", lineStyle: { width: 0 }, itemStyle: { color: color(a.kind) },
      areaStyle: { color: color(a.kind), opacity: 0.85 } }),
  }));
  draw("programs", {
    xAxis: day(), dataZoom: zoom,
    yAxis: [{ type: "value", name: "kW" }, { type: "value", name: "EUR/MWh", grid: false, splitLine: { show: false } }],
    series: [...named,
      stairs("portfolio", s.positions.total_kw, { itemStyle: { color: css("--text") }, lineStyle: { width: 2, color: css("--text") } }),
      stairs("unmanaged", s.unmanaged, { itemStyle: { color: css("--quiet") }, lineStyle: { width: 1.5, type: "dashed", color: css("--quiet") } }),
      stairs("day-ahead price", s.prices.day_ahead_eur_per_mwh, { yAxisIndex: 1, itemStyle: { color: "#d95f02" }, lineStyle: { width: 2, color: "#d95f02" } }),
    ],
  });
}

function drawPrognosis() {
  const at = step().at[chosen.point], old = before() && before().at[chosen.point];
  $("pointname").textContent = `${chosen.point} (${at.dso})`;
  const text = css("--text"), bad = css("--bad"), series = [];
  if (at.reserved_kw && at.reserved_kw.some((v) => v)) {
    const edge = (side) => at.power_kw.map((p, i) => (at.reserved_kw[i] ? side(p, p + at.reserved_kw[i]) : null));
    series.push(...band("reserved band", edge(Math.min), edge(Math.max), "#8e5bbf", 0.28));
  }
  if (old) series.push(stairs("plan before", old.power_kw, { itemStyle: { color: css("--quiet") }, lineStyle: { width: 1.5, color: css("--quiet"), type: "dashed" } }));
  series.push(stairs("D-Prognosis", at.power_kw, { itemStyle: { color: text }, lineStyle: { width: 2.5, color: text } }));
  if (at.called_kw) series.push(stairs("when called", at.called_kw, { itemStyle: { color: "#8e5bbf" }, lineStyle: { width: 2, color: "#8e5bbf", type: "dotted" } }));
  if (at.import_limit_kw) series.push(stairs("import limit", at.import_limit_kw, { itemStyle: { color: bad }, lineStyle: { width: 2, color: bad } }));
  if (at.export_limit_kw) series.push(stairs("export limit", at.export_limit_kw, { itemStyle: { color: bad }, lineStyle: { width: 2, color: bad } }));
  draw("prognosis", { xAxis: day(), yAxis: { type: "value", name: "kW" }, dataZoom: zoom, series });
}

function drawShadow() {
  const s = step(), names = run().points, cells = [];
  let most = 1;
  names.forEach((name, y) => (s.at[name] ? s.at[name].worth : []).forEach((v, x) => { cells.push([x, y, v]); most = Math.max(most, v || 0); }));
  $("shadow").style.height = `${Math.max(220, 110 + names.length * 22)}px`;
  $("pointsnote").textContent = names.length < run().all_points ? `Shown: ${names.length} of ${run().all_points}, the ones with the most binding limits or changes.` : "";
  if (charts.shadow) charts.shadow.resize();
  const ramp = theme === "dark" ? ["#1e2329", "#5b3a8c", "#c2497f", "#ff9a5a", "#fff3b0"] : ["#f5f6f8", "#f6c977", "#e8743b", "#b32d5e", "#4a1766"];
  draw("shadow", {
    legend: { show: false }, grid: { left: 90, right: 20, top: 10, bottom: 70 },
    tooltip: tip(look(), {
      formatter: (p) => `${echarts.format.encodeHTML(names[p.value[1]])}<br>${labels()[p.value[0]]}: <b>${eur(p.value[2])} EUR/MWh</b>` }),
    xAxis: { type: "category", data: labels(), axisLabel: { interval: (i) => i % 8 === 0 } },
    yAxis: { type: "category", data: names.map(short), inverse: true },
    visualMap: { min: 0, max: most, calculable: false, orient: "horizontal", left: "center", bottom: 0, itemHeight: 220, inRange: { color: ramp },
      textStyle: { color: css("--quiet") }, text: [`${number(most)} EUR/MWh`, "0"], formatter: number },
    series: [{ type: "heatmap", data: cells, progressive: 0, itemStyle: { borderColor: css("--back"), borderWidth: 0.5 } }],
  });
  charts.shadow.off("click");
  charts.shadow.on("click", (p) => { chosen.point = names[p.value[1]]; $("point").value = chosen.point; drawPrognosis(); $("prognosis").scrollIntoView({ behavior: "smooth", block: "center" }); });
}

function drawEnergy() {
  const s = step();
  draw("energy", { xAxis: day(), yAxis: { type: "value", name: "kWh" }, dataZoom: zoom,
    series: Object.entries(s.energy).map(([kind, values]) => ({ name: data.looks[kind][0], type: "line", data: values, symbol: "none", stack: "e",
      lineStyle: { width: 1.5 }, itemStyle: { color: color(kind) }, areaStyle: { color: color(kind), opacity: 0.5 } })) });
}

function drawReplan() {
  const s = step(), old = before();
  $("replan").hidden = !old;
  if (!old) return;
  $("replanreason").textContent = `${old.step} → ${s.step}: ${s.reason}. Worth ${signed(s.objective_eur - old.objective_eur)} EUR; ${s.changed_isps} ISPs changed.`;
  const names = new Set([...Object.keys(s.terms_eur), ...Object.keys(old.terms_eur)]), gains = {};
  names.forEach((n) => { gains[n] = (s.terms_eur[n] || 0) - (old.terms_eur[n] || 0); });
  waterfall("gains", worthSaying(gains), null, ["change", s.objective_eur - old.objective_eur]);
  $("moved").hidden = $("changed").hidden = !s.changes.length;
  if (!s.changes.length) return;
  if (charts.moved) charts.moved.resize();
  const earned = labels().map(() => 0);
  s.changes.forEach((c) => { earned[c.isp - 1] += c.earned_eur; });
  draw("moved", {
    xAxis: day({ boundaryGap: true }), dataZoom: zoom, yAxis: [{ type: "value", name: "kW" }, { type: "value", name: "EUR", splitLine: { show: false } }],
    series: [
      { name: "EUR per ISP", type: "bar", yAxisIndex: 1, data: earned.map((v) => ({ value: Math.round(v * 1000) / 1000, itemStyle: { color: css(v >= 0 ? "--good" : "--bad"), opacity: 0.7 } })), itemStyle: { color: css("--good") } },
      stairs("before", old.positions.total_kw, { itemStyle: { color: css("--quiet") }, lineStyle: { width: 1.5, type: "dashed", color: css("--quiet") } }),
      stairs("after", s.positions.total_kw, { itemStyle: { color: css("--text") }, lineStyle: { width: 2, color: css("--text") } }),
    ],
  });
  const more = s.changed_isps - s.changes.length;
  table($("changed"), [["congestion point"], ["ISP", "n"], ["from"], ["before kW", "n"], ["after kW", "n"], ["earned EUR", "n"], ["because of"]],
    [...s.changes.map((c) => [short(c.congestion_point), String(c.isp), labels()[c.isp - 1], number(c.before_kw), number(c.after_kw),
      [signed(c.earned_eur), c.earned_eur >= 0 ? "good" : "bad"], c.because]), ...(more > 0 ? [[`… and ${more} more that earn less`, "", "", "", "", "", ""]] : [])]);
}

function drawComparison() {
  const c = data.comparison;
  $("comparison").hidden = !c;
  if (!c) return;
  const letter = Object.fromEntries(c.runs.map((name, i) => [name, String.fromCharCode(65 + (i % 26)) + (i < 26 ? "" : Math.floor(i / 26))]));
  $("comparedruns").replaceChildren(...c.runs.map((name) => { const line = element("div"); line.append(element("b", letter[name]), name); return line; }));
  const terms = Object.keys(c.value_eur[c.runs[0]]), tints = theme === "dark" ? ["#9ba5b1", "#6ea3ff", "#48c9a0", "#f2c14e", "#ef7f8d", "#b98be6"] : ["#5b6470", "#2f6fde", "#1b9e77", "#e0a100", "#d1495b", "#8e5bbf"];
  draw("compared", { tooltip: tip(look(), { trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: (v) => `${eur(v)} EUR` }),
    grid: { left: 130, right: 20, top: 40, bottom: 24 },
    xAxis: { type: "value", name: "" }, yAxis: { type: "category", data: terms, inverse: true, axisLabel: { interval: 0 } },
    series: c.runs.map((name, i) => ({ name: letter[name], type: "bar", data: terms.map((t) => c.value_eur[name][t]), itemStyle: { color: tints[i % tints.length] } })) });
  const base = c.runs[0], others = c.runs.slice(1);
  const rows = (values, unit) => Object.keys(values[base]).map((key) => [key + unit, eur(values[base][key]), ...others.flatMap((o) => {
    const d = values[o][key] - values[base][key];
    return [eur(values[o][key]), [Math.abs(d) < 0.005 ? "" : signed(d), d >= 0 ? "good" : "bad"]];
  })]);
  const plain = (list) => list.map((row) => row.map((cell) => (Array.isArray(cell) ? cell[0] : cell)));
  const peaks = Object.fromEntries(c.runs.map((r) => [r, Object.fromEntries(c.peaks_kw.map((p) => [`${short(p.congestion_point)} ${p.peak} peak`, p[r]]))]));
  table($("comparedtable"), [[""], [letter[base], "n"], ...others.flatMap((o) => [[letter[o], "n"], [`${letter[o]} − ${letter[base]}`, "n"]])],
    [...rows(c.value_eur, " EUR"), ...plain(rows(c.positions, "")), ...plain(rows(peaks, " kW")),
      ...c.changed.map((x) => [`${short(x.congestion_point)}: ISPs that differ in ${letter[x.run]}`, String(x.isps), `${number(x.largest_kw)} kW at most`, `${number(x.moved_kwh)} kWh`].concat(others.slice(1).flatMap(() => ["", ""])).slice(0, 2 + 2 * others.length))]);
}

function drawFigures() {
  const r = run(), s = step();
  $("question").textContent = r.question;
  $("changes").textContent = r.changes.length ? `Changed: ${r.changes.join("; ")}` : "";
  const cards = [["value of this plan", `${eur(s.objective_eur)} EUR`], ["value of flexibility", `${eur(s.flexibility_eur)} EUR`],
    ["proven within", s.gap_eur === null ? "no bound" : `${eur(s.gap_eur)} EUR`], ["no flexibility", `${eur(s.no_flexibility_eur)} EUR`],
    ["resources", r.resources.toLocaleString("en")], ["audit", s.audit.length ? `${s.audit.length} faults` : "passed"]];
  if (r.periods.length > 1) cards.unshift([`all ${r.periods.length} days`, `${eur(r.totals.objective_eur)} EUR`]);
  $("figures").replaceChildren(...cards.map(([name, value]) => { const c = element("div", undefined, "card"); c.append(element("b", value), element("span", name)); return c; }));
  const notes = r.warnings.map((text) => element("div", text));
  if (notes.length) { const d = element("details", undefined, "warning"); d.append(element("summary", `${notes.length} notes`), ...notes); $("warnings").replaceChildren(d); } else $("warnings").replaceChildren();
  $("sold").hidden = !r.sold.length;
  table($("soldtable"), [["Period"], ["congestion point"], ["DSO"], ["asked", "n"], ["offered", "n"], ["for EUR", "n"], ["ordered", "n"], ["for EUR", "n"], ["price consists of"], ["why not, or not more"]],
    r.sold.map((o) => [o.period, o.congestion_point, o.dso, o.asked_mwh.toFixed(3), o.offered_mwh.toFixed(3), o.offered_eur === null ? "–" : eur(o.offered_eur), o.ordered_mwh.toFixed(3), eur(o.ordered_eur),
      Object.entries(o.costs_eur).map(([k, v]) => `${k} ${signed(v)}`).join(", "), [o.note, ...o.limits].filter(Boolean).join("; ")]));
  $("losses").hidden = !r.losses.length;
  const lost = ["planned_eur", "earned_eur", "foresight_eur", "price_error_eur", "load_session_error_eur", "gates_eur", "gap_eur"];
  table($("lossestable"), [["Period"], ["planned first", "n"], ["earned", "n"], ["perfect foresight", "n"], ["prices", "n"], ["loads, sessions", "n"], ["gates", "n"], ["gap", "n"]],
    r.losses.map((o) => [o.period, ...lost.map((k) => (o[k] === null ? "–" : eur(o[k])))]));
  const about = r.about;
  table($("about"), [["what"], ["value", "code"]], [["solver", s.solver], ["how it ended", s.termination], ["seed", String(r.seed)],
    ...Object.entries(about.versions).map(([k, v]) => [`version of ${k}`, v]), ["solving", JSON.stringify(about.solving)],
    ...Object.entries(about.inputs_sha256).map(([k, v]) => [`SHA-256 of ${k}`, v])]);
  $("solverlog").textContent = s.solver_log.join("\n");
}

function options(id, values, current, text) {
  $(id).replaceChildren(...values.map((v) => { const o = element("option", text ? text(v) : v); o.value = v; return o; }));
  $(id).value = current;
  $(id).parentElement.hidden = values.length < 2;
}

function redraw() {
  document.documentElement.dataset.theme = theme;
  const days = run().periods;
  if (!days.includes(chosen.period)) chosen.period = days[days.length - 1];
  const names = steps().map((s) => s.step);
  if (!names.includes(chosen.step)) chosen.step = names[names.length - 1];
  const points = run().points.filter((p) => step().at[p]);
  if (!points.includes(chosen.point)) {
    const worth = (p) => Math.max(...step().at[p].worth) + (step().at[p].reserved_kw || []).reduce((a, v) => a + Math.abs(v), 0);
    chosen.point = [...points].sort((a, b) => worth(b) - worth(a))[0];
  }
  options("run", data.runs.map((_, i) => String(i)), String(chosen.run), (i) => data.runs[i].name);
  options("period", days, chosen.period);
  options("step", names, chosen.step);
  options("point", points, chosen.point);
  document.querySelectorAll(".ofpoints").forEach((part) => { part.hidden = !chosen.point; });
  drawFigures(); drawComparison(); drawValue(); drawPrograms(); drawEnergy(); drawReplan();
  if (chosen.point) { drawPrognosis(); drawShadow(); }
  document.body.dataset.drawn = "yes";
}

for (const id of ["run", "period", "step", "point"]) $(id).addEventListener("change", () => { chosen[id] = id === "run" ? Number($(id).value) : $(id).value; redraw(); });
$("theme").addEventListener("click", () => { theme = theme === "dark" ? "light" : "dark"; redraw(); });
addEventListener("resize", () => Object.values(charts).forEach((c) => c.resize()));
redraw();
