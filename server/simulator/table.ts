/** A run in a few lines for a terminal. */
import type { Run } from "./run.ts";

export function tableOf(run: Run): string {
  const rows: readonly (readonly [name: string, value: string])[] = [
    ["workload", `${run.workload}, ${run.rollouts.length} rollouts on ${run.workers} workers`],
    ["scheduler", `${run.scheduler}, seed ${run.seed}`],
    ["finished", finished(run)],
    ["makespan", `${run.makespanSeconds.toFixed(1)} s, bound ${run.bound.seconds.toFixed(1)} s`],
    ["T/LB", `${ratio(run)} at ρ ${run.bound.rho.toFixed(2)}`],
    ["last tenth", `${percent(run.tailShare)} of it`],
    ["output", `${run.outputTokens} tokens, ${rate(run)} tokens/s`],
    ["prefilled", `${run.prefilledTokens} tokens, of them again ${run.reprefilledTokens}`],
    ["preemptions", String(run.preemptions)],
    ["attempts", attempts(run)],
    ["peak KV", `${percent(run.peakKvShare)} of a worker`],
    ...others(run),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

/** Of what not every workload has. */
function others({ lost, adapterLoads, trainer }: Run): (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = [];
  if (lost > 0) rows.push(["lost", `${lost} attempts with their workers`]);
  if (adapterLoads > 0) rows.push(["adapters", `${adapterLoads} loads`]);
  if (trainer !== null) {
    const { stepEnds, trainedTokens, idleSeconds, lags, late } = trainer;
    const seconds = stepEnds.at(-1) ?? 0;
    const rate = seconds === 0 ? 0 : trainedTokens / seconds;
    rows.push([
      "trainer",
      `${stepEnds.length} steps, ${rate.toFixed(0)} tokens/s, idle ${idleSeconds.toFixed(1)} s`,
    ]);
    rows.push([
      "staleness",
      `${lags.join(" / ")} rollouts by versions behind, ${late} beyond the bound`,
    ]);
  }
  return rows;
}

/** The bound is that of all rollouts, so it says nothing where some were dropped. */
const ratio = ({ makespanSeconds, bound, dropped }: Run): string =>
  bound.seconds === 0 || dropped > 0 ? "none" : (makespanSeconds / bound.seconds).toFixed(3);

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
