/**
 * A run as one SVG picture: workers × time, coloured by the share of their KV that is held; under it how many rollouts
 * run, wait and are finished; the bound and the tail as lines over both.
 */
import type { Run, TimelineSample } from "./run.ts";

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 16;
const TOP = 56;
const MAP_HEIGHT = 288;
const GAP = 28;
const CURVES_HEIGHT = 160;
const BOTTOM = 36;
const MOST_COLUMNS = 220;
const SHADES = [
  "#f4f4f0",
  "#dce9e4",
  "#b5d6cd",
  "#85bdb3",
  "#549f99",
  "#2c7d7f",
  "#135c66",
  "#0a3d4c",
];
const INK = "#222";
const CURVES = [
  ["running", "#135c66"],
  ["waiting", "#b5651d"],
  ["finished", "#888"],
] as const;

interface Frame {
  readonly seconds: number;
  readonly x: (seconds: number) => number;
}

export function plotRun(run: Run): string {
  const boundSeconds = run.bound.seconds > 0 ? run.bound.seconds : null;
  const seconds = Math.max(run.makespanSeconds, Number.EPSILON);
  const frame: Frame = {
    seconds,
    x: (at) => LEFT + (Math.min(at, seconds) / seconds) * (WIDTH - LEFT - RIGHT),
  };
  const height = TOP + MAP_HEIGHT + GAP + CURVES_HEIGHT + BOTTOM;
  const samples = run.timeline.filter((sample) => sample.seconds <= seconds);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="${INK}">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    title(run, boundSeconds),
    heatMap(run, samples, frame),
    curves(run, samples, frame),
    marks(run, frame, boundSeconds),
    axis(frame, height - BOTTOM + 16),
    "</svg>",
    "",
  ].join("\n");
}

function title(run: Run, boundSeconds: number | null): string {
  const ratio =
    boundSeconds === null ? "" : `, T/LB ${(run.makespanSeconds / boundSeconds).toFixed(3)}`;
  const head = `${run.workload}, ${run.scheduler}, seed ${run.seed}: ${run.makespanSeconds.toFixed(1)} s${ratio}`;
  const more = `${run.rollouts.length} rollouts on ${run.workers} workers, last tenth ${percent(run.tailShare)} of the time, ${run.preemptions} preemptions; colour: share of KV held, 0 to 100 %`;
  return `<text x="${LEFT}" y="22" font-size="15">${safe(head)}</text><text x="${LEFT}" y="42">${safe(more)}</text>`;
}

function heatMap(run: Run, samples: readonly TimelineSample[], { x }: Frame): string {
  const each = MAP_HEIGHT / run.rows.length;
  const stride = Math.max(1, Math.ceil(samples.length / MOST_COLUMNS));
  const columns = samples.filter((_, i) => i % stride === 0);
  const rects: string[] = [];
  for (const [row, { kvTokens }] of run.rows.entries()) {
    const shades = columns.map((sample) => shadeOf((sample.kvTokens[row] ?? 0) / kvTokens));
    for (let i = 0; i < shades.length; ) {
      let end = i + 1;
      while (end < shades.length && shades[end] === shades[i]) end++;
      const [left, right] = [
        x(columns[i]?.seconds ?? 0),
        x(columns[end]?.seconds ?? run.makespanSeconds),
      ];
      rects.push(
        `<rect x="${left.toFixed(1)}" y="${(TOP + row * each).toFixed(1)}" width="${(right - left + 0.2).toFixed(1)}" height="${each.toFixed(1)}" fill="${shades[i]}"/>`,
      );
      i = end;
    }
  }
  const label = `<text x="${LEFT - 8}" y="${TOP + 12}" text-anchor="end">workers</text>`;
  return `<g shape-rendering="crispEdges">${rects.join("")}</g>${label}`;
}

function shadeOf(share: number): string {
  const step = Math.min(SHADES.length - 1, Math.ceil(share * (SHADES.length - 1)));
  return SHADES[step] ?? INK;
}

function curves(run: Run, samples: readonly TimelineSample[], { x }: Frame): string {
  const top = TOP + MAP_HEIGHT + GAP;
  const most = Math.max(1, run.rollouts.length);
  const values = {
    running: (sample: TimelineSample) => sample.running.reduce((sum, n) => sum + n, 0),
    waiting: (sample: TimelineSample) => sample.waiting,
    finished: (sample: TimelineSample) => sample.finished,
  };
  const lines = CURVES.map(([name, colour], i) => {
    const points = samples.map((sample) => {
      const y = top + CURVES_HEIGHT * (1 - values[name](sample) / most);
      return `${x(sample.seconds).toFixed(1)},${y.toFixed(1)}`;
    });
    const label = `<text x="${LEFT - 8}" y="${top + 12 + 16 * i}" text-anchor="end" fill="${colour}">${name}</text>`;
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="1.5"/>${label}`;
  });
  return lines.join("");
}

function marks(run: Run, { x, seconds }: Frame, boundSeconds: number | null): string {
  const bottom = TOP + MAP_HEIGHT + GAP + CURVES_HEIGHT;
  const line = (at: number, text: string): string =>
    `<line x1="${x(at).toFixed(1)}" x2="${x(at).toFixed(1)}" y1="${TOP}" y2="${bottom}" stroke="#c03030" stroke-dasharray="4 3"/><text x="${(x(at) - 4).toFixed(1)}" y="${TOP + MAP_HEIGHT + 18}" text-anchor="end" fill="#c03030">${text}</text>`;
  const tail = line(seconds * (1 - run.tailShare), "9 of 10 finished");
  return boundSeconds === null ? tail : tail + line(boundSeconds, "bound");
}

function axis({ x, seconds }: Frame, y: number): string {
  const ticks = Array.from({ length: 6 }, (_, i) => (seconds * i) / 5);
  return ticks
    .map(
      (at) =>
        `<text x="${x(at).toFixed(1)}" y="${y}" text-anchor="middle">${at.toFixed(0)} s</text>`,
    )
    .join("");
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const safe = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
