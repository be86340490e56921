/**
 * B3: what knowing lengths from the epoch before is worth, and what believing wrong ones costs. Two epochs of the same prompts,
 * the second once the first is over; its groups' lengths are those of the first, dealt anew by noisy ranks: with noise 0 each prompt
 * is as long again, with endless noise any. So the work and the bound are the same at every error. Resuming means recompute,
 * for elsewhere nothing is predicted.
 */
import type { Random } from "../../server/contract/clock.ts";
import { seededRandom } from "../../server/seeded-random.ts";
import { type SchedulerName, schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { SimulatedRollout, Workload } from "../../server/simulator/workload.ts";
import { workloadBound } from "../../server/simulator/workload-bound.ts";
import { standardNormal } from "../../server/simulator/workloads/lengths.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import type { Bar } from "./bars.ts";
import { shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
import type { Budget } from "./run.ts";

const SCHEDULERS: readonly SchedulerName[] = ["pull-fcfs", "paceline", "longest-first"];
/** Share of the variance of log length that siblings have in common. */
const WITHIN = [0.65, 0.9] as const;
/** Of the log length of a prompt, standard deviations; the last leaves nothing of the order. */
const NOISE = [0, 0.25, 0.5, 1, Number.POSITIVE_INFINITY] as const;
/** In the quick set three will do. */
const QUICK_NOISE = [0, 0.5, Number.POSITIVE_INFINITY] as const;
/** Of the first epoch's bound: it is long over. */
const APART = 20;

export function b3({ seeds, quick, results, plot }: Budget): void {
  console.log("\n## B3: lengths foretold by the epoch before");
  const errors = quick ? QUICK_NOISE : NOISE;
  const scale = quick ? { groups: 100, workers: 8 } : { groups: 400, workers: 32 };
  const names = ["noise", "σ of the error", ...SCHEDULERS, "paceline ÷ pull-fcfs"];
  const bars: Bar[] = [];
  for (const within of WITHIN) {
    console.log(
      `\n### moonlight, resume recompute, ρ_g = ${within}, ${seeds.length} seeds, T/LB\n`,
    );
    console.log(`| ${names.join(" | ")} |\n|${"---|".repeat(names.length)}`);
    for (const noise of errors) {
      const epochs = seeds.map((seed) =>
        twoEpochs(presetWorkload("moonlight", seed, { ...scale, within }), noise, seed),
      );
      const ratios = SCHEDULERS.map((name) =>
        epochs.map((each) => {
          const { seed } = each;
          const key = `two epochs, ρ_g ${within}, noise ${noise}, ${name}, seed ${seed}`;
          return results.sample(key, () => ({ ratio: secondRatio(each, name) })).ratio;
        }),
      );
      const [pull = [], ours = []] = ratios;
      const value = intervalOf(ours.map((ratio, i) => ratio / (pull[i] ?? Number.NaN)));
      bars.push({ name: `paceline, ρ_g ${within}, noise ${noise}`, value });
      const cells = [
        String(noise),
        shown(intervalOf(epochs.map(({ error }) => error)), 2),
        ...ratios.map((each) => shown(intervalOf(each), 3)),
        shown(value, 3),
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
  plot("B3: paceline, × pull FCFS", bars, 1);
}

interface Epochs {
  readonly seed: number;
  readonly workload: Workload;
  readonly secondAt: number;
  readonly boundSeconds: number;
  /** Root mean square of what the log of a length is off its prompt's mean in the first epoch. */
  readonly error: number;
}

function twoEpochs(first: Workload, noise: number, seed: number): Epochs {
  const boundSeconds = workloadBound(first).seconds;
  const secondAt = APART * boundSeconds;
  const groups = groupsOf(first.rollouts);
  const dealt = dealtAnew(groups.map(meanLog), noise, seededRandom(seed));
  let squares = 0;
  const second = groups.flatMap((members, g) => {
    const lengths = groups[dealt[g] as number] as readonly SimulatedRollout[];
    return members.map((rollout, i): SimulatedRollout => {
      const { id, group } = rollout;
      const { outputTokens } = lengths[i] as SimulatedRollout;
      squares += (Math.log(outputTokens) - meanLog(members)) ** 2;
      const again = group === null ? null : { ...group, id: `${group.id}'` };
      return { ...rollout, id: `${id}'`, group: again, outputTokens, arrivalSeconds: secondAt };
    });
  });
  const error = Math.sqrt(squares / second.length);
  const workload = { ...first, rollouts: [...first.rollouts, ...second] };
  return { seed, workload, secondAt, boundSeconds, error };
}

/** Of each group, whose lengths it gets: that of its rank once every value has its noise. */
function dealtAnew(values: readonly number[], noise: number, random: Random): number[] {
  const ranked = (of: readonly number[]): number[] =>
    of.map((_, i) => i).sort((a, b) => (of[a] as number) - (of[b] as number));
  const finite = Number.isFinite(noise);
  const noisy = values.map((value) =>
    finite ? value + noise * standardNormal(random) : standardNormal(random),
  );
  const from = ranked(values);
  const dealt: number[] = [];
  for (const [rank, group] of ranked(noisy).entries()) dealt[group] = from[rank] as number;
  return dealt;
}

function groupsOf(rollouts: readonly SimulatedRollout[]): readonly SimulatedRollout[][] {
  const groups = Map.groupBy(rollouts, ({ group, id }) => group?.id ?? id);
  return [...groups.values()];
}

const meanLog = (members: readonly SimulatedRollout[]): number =>
  members.reduce((sum, { outputTokens }) => sum + Math.log(outputTokens), 0) / members.length;

function secondRatio(
  { seed, workload, secondAt, boundSeconds }: Epochs,
  name: SchedulerName,
): number {
  const run = simulate(workload, { seed, scheduler: schedulerNamed(name) });
  const late = run.rollouts.some(
    ({ arrivalSeconds, finishSeconds }) =>
      finishSeconds === null || (arrivalSeconds < secondAt && finishSeconds > secondAt),
  );
  if (late || run.unfinished > 0) throw new Error(`${name}: the epochs are not apart`);
  return (run.makespanSeconds - secondAt) / boundSeconds;
}
