/** A column of a table as an SVG picture: bars with their 95 % intervals. */
import type { Interval } from "./interval.ts";

export interface Bar {
  readonly name: string;
  readonly value: Interval;
}

const WIDTH = 720;
const LEFT = 240;
const RIGHT = 96;
const TOP = 40;
const EACH = 22;

/** `base`: where bars begin: 1 of ratios that are at least 1. */
export function barsOf(title: string, bars: readonly Bar[], base: number): string {
  const most = Math.max(...bars.map(({ value }) => value.mean + (value.half ?? 0)));
  const least = Math.min(base, ...bars.map(({ value }) => value.mean - (value.half ?? 0)));
  const span = most - least || 1;
  const x = (value: number): number => LEFT + ((value - least) / span) * (WIDTH - LEFT - RIGHT);
  const height = TOP + bars.length * EACH + 16;
  const rows = bars.map(({ name, value: { mean, half } }, i) => {
    const y = TOP + i * EACH;
    const middle = y + EACH / 2;
    const [from, to] = [Math.min(x(base), x(mean)), Math.max(x(base), x(mean))];
    const fill = name.startsWith("paceline") ? "#135c66" : "#85bdb3";
    const whisker =
      half === null
        ? ""
        : `<path d="M${x(mean - half).toFixed(1)} ${middle}H${x(mean + half).toFixed(1)}" stroke="#222"/>`;
    const digits = half === null ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${half.toFixed(3)}`;
    return [
      `<text x="${LEFT - 8}" y="${middle + 4}" text-anchor="end">${safe(name)}</text>`,
      `<rect x="${from.toFixed(1)}" y="${y + 4}" width="${(to - from).toFixed(1)}" height="${EACH - 8}" fill="${fill}"/>`,
      whisker,
      `<text x="${(x(mean + (half ?? 0)) + 6).toFixed(1)}" y="${middle + 4}" font-size="11">${digits}</text>`,
    ].join("");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="24" font-size="15">${safe(title)}</text>`,
    ...rows,
    "</svg>",
    "",
  ].join("\n");
}

const safe = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
