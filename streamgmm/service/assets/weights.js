// The components' weights over time, each in its colour.

import { STEPS, style, timeLabels, timeTicks } from "./axes.js";
import { colour, ofComponent, whenColoursChange } from "./colours.js";
import { byId } from "./dom.js";
import { percent } from "./words.js";

const uPlot = globalThis.uPlot;
const HEIGHT = 150;

export function startWeights() {
  const box = byId("weights");
  let plot = null;
  let drawn = "";

  function show({ time, components, series }) {
    const data = [time, ...series];
    if (plot === null || components.join() !== drawn) {
      drawn = components.join();
      plot?.destroy();
      plot = new uPlot(options(components), data, box);
    } else plot.setData(data);
  }

  function options(components) {
    const axis = { ...style(11), ticks: { show: false } };
    return {
      width: Math.max(box.clientWidth, 160),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      padding: [6, 8, 0, 0],
      scales: { y: { range: (_, __, most) => [0, Math.min(1, Math.max(0.1, most * 1.1))] } },
      axes: [
        {
          ...axis,
          size: 26,
          space: 60,
          incrs: STEPS,
          splits: timeTicks,
          values: (_, ticks) => timeLabels(ticks, 86400),
        },
        { ...axis, size: 44, space: 28, values: (_, splits) => splits.map((one) => percent(one)) },
      ],
      series: [
        {},
        ...components.map((number) => ({
          stroke: () => colour(ofComponent(number)),
          width: 1.6,
          points: { show: false },
        })),
      ],
    };
  }

  new ResizeObserver(() => plot?.setSize({ width: Math.max(box.clientWidth, 160), height: HEIGHT })).observe(
    box,
  );
  whenColoursChange(() => plot?.redraw(false));
  return { show };
}
