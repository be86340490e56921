/**
 * How even KV could have been at a moment, of a run of sessions whose turns ran when they did: dealt anew at each moment, the
 * largest context first, as if moving it cost nothing; and with one home a session for all of its turns, found by local search over
 * all times at once, as nobody can who does not know them. Neither minds what fits, so both flatter.
 */
import type { RolloutRun, Run } from "../../server/simulator/run.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import type { Numbers } from "./results.ts";

/** What the fullest worker held above the mean of all, at the mean of moments. */
export type Evenness = Numbers<"dealt" | "homes">;

/** What one session held at a moment, beside what all have in common. */
interface Hold {
  readonly moment: number;
  readonly tokens: number;
}

export function evenness(run: Run, workload: Workload, sharedTokens: number): Evenness {
  const times = run.timeline
    .filter(({ finished }) => finished < 0.9 * run.rollouts.length)
    .map(({ seconds }) => seconds);
  const sessions = holdsOf(run, workload, times, sharedTokens);
  const { workers } = run;
  const moments = times.map((): number[] => []);
  for (const holds of sessions)
    for (const { moment, tokens } of holds) moments[moment]?.push(tokens);
  const busy = moments.filter((tokens) => tokens.length > 0);
  const dealt = busy.map((tokens) => aboveMean(deal(tokens, workers), sharedTokens));
  return { dealt: mean(dealt), homes: bestHomes(sessions, times.length, workers, sharedTokens) };
}

function holdsOf(
  { rollouts }: Run,
  workload: Workload,
  times: readonly number[],
  sharedTokens: number,
): Hold[][] {
  const prompts = new Map(workload.rollouts.map(({ id, promptTokens }) => [id, promptTokens]));
  const sessions = Map.groupBy(rollouts, ({ id }) => id.slice(0, id.lastIndexOf(".")));
  const holdsAt = ({ id, segments }: RolloutRun): Hold[] =>
    segments.flatMap(({ startSeconds, endSeconds, from, to }) =>
      times.flatMap((at, moment) => {
        if (at < startSeconds || at >= endSeconds) return [];
        const made = ((to - from) * (at - startSeconds)) / (endSeconds - startSeconds);
        return [{ moment, tokens: (prompts.get(id) ?? 0) - sharedTokens + from + made }];
      }),
    );
  return [...sessions.values()].map((turns) => turns.flatMap(holdsAt));
}

/** The largest first, each to whoever has least. */
function deal(tokens: readonly number[], workers: number): number[] {
  const loads = new Array<number>(workers).fill(0);
  for (const each of tokens.toSorted((a, b) => b - a)) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least] = (loads[least] ?? 0) + each;
  }
  return loads;
}

/** Each session moves to the home that makes the mean imbalance least, until none does. */
function bestHomes(
  sessions: readonly (readonly Hold[])[],
  moments: number,
  workers: number,
  sharedTokens: number,
): number {
  const loads = Array.from({ length: moments }, () => new Array<number>(workers).fill(0));
  const add = (holds: readonly Hold[], worker: number, sign: number): void => {
    for (const { moment, tokens } of holds) {
      const at = loads[moment] as number[];
      at[worker] = (at[worker] ?? 0) + sign * tokens;
    }
  };
  const homes = sessions.map((_, i) => i % workers);
  for (const [i, holds] of sessions.entries()) add(holds, homes[i] as number, 1);
  /** Of the moments at which the session runs, if it lived there. */
  const cost = (holds: readonly Hold[], worker: number): number => {
    add(holds, worker, 1);
    const sum = holds.reduce(
      (all, { moment }) => all + aboveMean(loads[moment] ?? [], sharedTokens),
      0,
    );
    add(holds, worker, -1);
    return sum;
  };
  for (let moved = true; moved; ) {
    moved = false;
    for (const [i, holds] of sessions.entries()) {
      const home = homes[i] as number;
      add(holds, home, -1);
      let [best, least] = [home, cost(holds, home)];
      for (let worker = 0; worker < workers; worker++) {
        const value = cost(holds, worker);
        if (value < least - 1e-9) [best, least] = [worker, value];
      }
      add(holds, best, 1);
      homes[i] = best;
      moved ||= best !== home;
    }
  }
  return mean(
    loads.filter((all) => all.some((load) => load > 0)).map((all) => aboveMean(all, sharedTokens)),
  );
}

/** What the fullest holds above the mean, each that holds anything with what all have in common. */
function aboveMean(loads: readonly number[], sharedTokens: number): number {
  const held = loads.map((load) => (load > 0 ? load + sharedTokens : 0));
  const sum = held.reduce((all, load) => all + load, 0);
  return sum === 0 ? 0 : (Math.max(...held) * held.length) / sum - 1;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
