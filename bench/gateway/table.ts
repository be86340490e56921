/** Markdown, one row at a time, so that a long run shows what it has. */
import { readFileSync } from "node:fs";

export type Cell = string | number;

export interface Table {
  row(...cells: readonly Cell[]): void;
}

export function table(title: string, columns: readonly string[]): Table {
  console.log(
    `\n### ${title}\n\n| ${columns.join(" | ")} |\n|${columns.map(() => "---:|").join("")}`,
  );
  return { row: (...cells) => console.log(`| ${cells.join(" | ")} |`) };
}

/** Under which circumstances the figures came about. */
export function machine(): string {
  const cpu = /model name\s*: (.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "unknown";
  const load = readFileSync("/proc/loadavg", "utf8").split(" ")[0];
  return `${navigator.hardwareConcurrency} cores of ${cpu}, Node ${process.version}, load ${load} at the start`;
}
