/** A closed loop of callers, and what the bodies and figures are made of. */
import { VOCABULARY } from "./fleet.ts";

export const PROMPT_TOKENS = 1_000;

/**
 * Rollouts before anything is counted: a server that runs for days has its code compiled, and V8 still compiles its
 * for so many (CPU a rollout fell to 0.6 of what it was after 400).
 */
export const WARM_ROLLOUTS = 20_000;
const TURN = 1_000;

/** `count` of them, so many bodies at once as memory has room for. */
export async function inTurns(
  count: number,
  run: (count: number) => Promise<unknown>,
): Promise<void> {
  for (let left = count; left > 0; left -= TURN) await run(Math.min(TURN, left));
}

/** Runs `work` `count` times, `lanes` at once; the times in ms, sorted. */
export async function inLanes(
  count: number,
  lanes: number,
  work: (at: number) => Promise<void>,
): Promise<readonly number[]> {
  const times: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      const began = performance.now();
      await work(at);
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
  return times.sort((a, b) => a - b);
}

export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

export const median = (numbers: readonly number[]): number =>
  quantile(
    [...numbers].sort((a, b) => a - b),
    0.5,
  );

/** Distinct prompts, so that no cache of V8 or of the engine flatters anyone. Base64 of u32[]. */
export function prompts(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) =>
    Buffer.from(
      Uint32Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7919 + at * 104_729) % VOCABULARY)
        .buffer,
    ).toString("base64"),
  );
}

export const idsOf = (prompt: string): number[] => [
  ...new Uint32Array(Uint8Array.from(Buffer.from(prompt, "base64")).buffer),
];

let minted = 0;
/** An id that nobody has used: a joined rollout would cost nothing. */
export const freshId = (): string => `b-${process.pid}-${minted++}`;
