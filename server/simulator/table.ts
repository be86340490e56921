/** A run in a few lines for a terminal. */
import type { Run } from "./run.ts";

export function tableOf(run: Run): string {
  const rows: readonly (readonly [name: string, value: string])[] = [
    ["workload", `${run.workload}, ${run.rollouts.length} rollouts on ${run.workers} workers`],
    ["scheduler", `${run.scheduler}, seed ${run.seed}`],
    ["finished", finished(run)],
    ["makespan", `${run.makespanSeconds.toFixed(1)} s`],
    ["last tenth", `${percent(run.tailShare)} of it`],
    ["output", `${run.outputTokens} tokens, ${rate(run)} tokens/s`],
    ["prefilled", `${run.prefilledTokens} tokens, of them again ${run.reprefilledTokens}`],
    ["preemptions", String(run.preemptions)],
    ["attempts", attempts(run)],
    ["peak KV", `${percent(run.peakKvShare)} of a worker`],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

function finished({ finished: whole, unfinished, truncated }: Run): string {
  const less = unfinished > 0 ? `, ${unfinished} never` : "";
  return `${whole}${less}${truncated > 0 ? `, ${truncated} of them short for want of KV` : ""}`;
}

const rate = ({ outputTokens, makespanSeconds }: Run): string =>
  makespanSeconds === 0 ? "0" : (outputTokens / makespanSeconds).toFixed(0);

function attempts({ rollouts }: Run): string {
  const made = rollouts.reduce((sum, { segments }) => sum + segments.length, 0);
  return `${(made / Math.max(1, rollouts.length)).toFixed(2)} a rollout`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
