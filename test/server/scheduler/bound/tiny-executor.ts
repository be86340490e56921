/**
 * Every schedule of a tiny instance of the bound's model, step by step: at each moment a free slot takes any set of ready
 * rollouts that its KV holds, or waits. Moves, cuts and cached blocks cost nothing, so no system can do better.
 */
import type { BoundRollout } from "../../../../server/scheduler/bound/charges.ts";
import type { BoundSlot } from "../../../../server/scheduler/bound/rates.ts";
import { PREFIX_BLOCK_TOKENS } from "../../../../server/scheduler/card.ts";

interface State {
  /** Tokens made of each rollout; 0: not prefilled. */
  readonly made: readonly number[];
  /** When each rollout's step is over. */
  readonly ready: readonly number[];
  /** When each slot's step is over. */
  readonly free: readonly number[];
  /** When each prompt block that anybody has begun is computed. */
  readonly computed: ReadonlyMap<number, number>;
}

export interface Executor {
  readonly start: State;
  over(state: State): boolean;
  /** What the slot that is free first may do. */
  moves(state: State): State[];
  /** It takes of `order` what is ready and fits; else it waits. */
  greedy(state: State, order: readonly number[]): State;
  /** It does nothing until the next end; null where nothing will end. */
  wait(state: State): State | null;
  makespan(state: State): number;
}

export function createExecutor(
  rollouts: readonly BoundRollout[],
  slots: readonly BoundSlot[],
): Executor {
  const over = ({ made }: State): boolean =>
    rollouts.every(({ outputTokens }, i) => (made[i] ?? 0) >= outputTokens);
  const ready = (state: State): number[] => {
    const now = Math.min(...state.free);
    return rollouts.flatMap(({ outputTokens }, i) =>
      (state.made[i] ?? 0) < outputTokens && (state.ready[i] ?? 0) <= now ? [i] : [],
    );
  };
  const wait = (state: State): State | null => {
    const { free } = state;
    const now = Math.min(...free);
    const later = Math.min(...[...free, ...state.ready].filter((time) => time > now));
    return Number.isFinite(later) ? { ...state, free: free.with(free.indexOf(now), later) } : null;
  };
  /** It takes part no more, unless it is the last. */
  const leave = (state: State): State | null => {
    const at = state.free.indexOf(Math.min(...state.free));
    const free = state.free.with(at, Number.POSITIVE_INFINITY);
    return free.some(Number.isFinite) ? { ...state, free } : null;
  };
  return {
    start: {
      made: rollouts.map(() => 0),
      ready: rollouts.map(({ arrivalSeconds = 0 }) => arrivalSeconds),
      free: slots.map(() => 0),
      computed: new Map(),
    },
    over,
    makespan: ({ ready }) => Math.max(0, ...ready),
    moves(state) {
      const open = ready(state);
      const moves: State[] = [];
      const now = Math.min(...state.free);
      const idle = state.free.flatMap((time, i) => (time === now ? [i] : []));
      for (let set = 1; set < 2 ** open.length; set++) {
        const members = open.filter((_, bit) => (set >> bit) & 1);
        for (const at of idle) {
          const next = step(rollouts, slots, state, at, members);
          if (next !== null) moves.push(next);
        }
      }
      const later = wait(state) ?? leave(state);
      return later === null ? moves : [...moves, later];
    },
    greedy(state, order) {
      const open = new Set(ready(state));
      let best: State | null = null;
      const members: number[] = [];
      const at = state.free.indexOf(Math.min(...state.free));
      for (const i of order) {
        const next = open.has(i) ? step(rollouts, slots, state, at, [...members, i]) : null;
        if (next === null) continue;
        members.push(i);
        best = next;
      }
      const chosen = best ?? wait(state) ?? leave(state);
      if (chosen === null) throw new Error("nothing fits and nothing runs");
      return chosen;
    },
    wait,
  };
}

function step(
  rollouts: readonly BoundRollout[],
  slots: readonly BoundSlot[],
  { made, ready, free, computed }: State,
  at: number,
  members: readonly number[],
): State | null {
  const slot = slots[at];
  if (slot === undefined || members.length > slot.maxRunning) return null;
  const blocks = new Set<number>();
  const now = free[at] ?? 0;
  const fresh = new Set<number>();
  let held = 0;
  let decoding = 0;
  let prefilled = 0;
  for (const i of members) {
    const rollout = rollouts[i];
    if (rollout === undefined) return null;
    const { prefix, promptTokens } = rollout;
    held += promptTokens - prefix.length * PREFIX_BLOCK_TOKENS + (made[i] ?? 0);
    for (const block of prefix) blocks.add(block);
    if ((made[i] ?? 0) > 0) {
      decoding++;
      continue;
    }
    prefilled += promptTokens - prefix.length * PREFIX_BLOCK_TOKENS;
    for (const block of prefix) {
      if (!((computed.get(block) ?? Number.POSITIVE_INFINITY) <= now)) fresh.add(block);
    }
  }
  if (held + blocks.size * PREFIX_BLOCK_TOKENS > slot.kvTokens) return null;
  prefilled += fresh.size * PREFIX_BLOCK_TOKENS;
  const { a, s } = slot.step;
  const decode = decoding > 0 ? a + s * decoding : 0;
  const rate = slot.prefillTokensPerSecond ?? Number.POSITIVE_INFINITY;
  const end = now + Math.max(decode, prefilled / rate);
  const known = new Map(computed);
  for (const block of fresh) known.set(block, Math.min(end, known.get(block) ?? end));
  const inStep = new Set(members);
  return {
    made: made.map((tokens, i) => (inStep.has(i) ? tokens + 1 : tokens)),
    ready: ready.map((time, i) => (inStep.has(i) ? end : time)),
    free: free.with(at, end),
    computed: known,
  };
}

/** Least makespan of all schedules. */
export function optimum(executor: Executor): number {
  /** What is left of the makespan after the moment at which the first slot is free. */
  const left = new Map<string, number>();
  const least = (state: State): number => {
    if (executor.over(state)) return executor.makespan(state);
    const now = Math.min(...state.free);
    const key = JSON.stringify([
      state.made,
      state.ready.map((time) => Math.max(0, time - now)),
      state.free.map((time) => time - now),
      [...state.computed].map(([block, time]) => [block, Math.max(0, time - now)]).sort(),
    ]);
    const known = left.get(key);
    if (known !== undefined) return now + known;
    const best = Math.min(...executor.moves(state).map(least));
    left.set(key, best - now);
    return best;
  };
  return least(executor.start);
}
