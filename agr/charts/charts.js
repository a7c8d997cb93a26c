"use strict";
// Shared by the charts of the operators' page and of reports; drawn by ECharts.
// `look`: the colours {text, quiet, line, card}.

const stairs = (name, values, more) => ({ name, type: "line", step: "end", data: values, symbol: "none", emphasis: { disabled: true }, ...more, lineStyle: { width: 2, ...(more || {}).lineStyle } });

// ECharts stacks positive and negative values separately; "all" puts the band on its floor for either sign.
const FLOOR = "floor of the band";
const band = (name, low, high, color, opacity, stack = "band") => {
  const quiet = { stack, stackStrategy: "all", lineStyle: { width: 0 } };
  const height = high.map((v, i) => (v === null ? null : v - low[i]));
  return [stairs(FLOOR, low, { ...quiet, itemStyle: { opacity: 0 }, tooltip: { show: false } }),
    stairs(name, height, { ...quiet, itemStyle: { color }, areaStyle: { color, opacity } })];
};

const onTime = (labels, every, extra) => ({ type: "category", data: labels, boundaryGap: false, axisLabel: { interval: (i) => i % every === 0 }, ...extra });

const zoom = [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: "ctrl" }, { type: "slider", height: 16, bottom: 4, showDetail: false, brushSelect: false }];

const tip = (look, more) => ({ confine: true, backgroundColor: look.card, borderColor: look.line, textStyle: { color: look.text }, ...more });

function framed(look, option) {
  const text = { color: look.text };
  const axis = (a) => ({
    axisLine: { show: a.type === "category", lineStyle: { color: look.line } }, axisTick: { show: false }, nameTextStyle: { color: look.quiet },
    splitLine: { show: a.type === "value" && a.grid !== false, lineStyle: { color: look.line } }, ...a,
    axisLabel: { color: look.quiet, hideOverlap: true, ...a.axisLabel },
  });
  const all = (a) => (Array.isArray(a) ? a.map(axis) : a && axis(a));
  const named = new Map((option.series || []).filter((s) => s.name !== FLOOR).map((s) => [s.name, s]));
  // A band lies over those before it, so each is darker: so is its patch in the legend.
  const bands = [...named.values()].filter((s) => s.stackStrategy).map((s) => s.name);
  const key = (s) => (s.stackStrategy ? { name: s.name, icon: "rect", itemStyle: { opacity: Math.min(1.6 * s.areaStyle.opacity * (bands.indexOf(s.name) + 1), 1) } } : s.name);
  return {
    backgroundColor: "transparent", textStyle: text, animation: false,
    tooltip: tip(look, { trigger: "axis", order: "seriesAsc" }),
    legend: { top: 0, type: "scroll", textStyle: text, pageTextStyle: text, itemWidth: 26, itemHeight: 10, data: [...named.values()].map(key) },
    grid: { left: 64, right: 64, top: 48, bottom: 44 },
    ...option, xAxis: all(option.xAxis), yAxis: all(option.yAxis),
  };
}
