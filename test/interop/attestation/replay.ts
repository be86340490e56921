/** Asks torch what the logprobs of tokens are under the weights that somebody claims to have made them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { LogprobMode } from "../../../server/contract/rollout.ts";

/** The output tokens up to `end`, made by `model`; `fresh`: with all of the context computed again. */
export interface Phase {
  readonly model: string;
  readonly end: number;
  readonly fresh?: boolean;
}

export interface Replayed {
  readonly prompt: readonly number[];
  readonly output: readonly number[];
  readonly phases: readonly Phase[];
  /** As on the engines' wires; absent: nothing but temperature 1. */
  readonly sampling?: Readonly<Record<string, number>>;
}

const SCRIPT = fileURLToPath(new URL("./replay.py", import.meta.url));

/** Logprobs of each rollout's output, by mode. `python`: one that has torch and transformers. */
export async function replay(
  python: string,
  rollouts: readonly Replayed[],
): Promise<readonly Readonly<Record<LogprobMode, readonly number[]>>[]> {
  const child = spawn(python, [SCRIPT], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
  });
  child.stdin.end(JSON.stringify({ rollouts }));
  const [answer, [code]] = await Promise.all([
    json(child.stdout).catch(() => null),
    once(child, "exit"),
  ]);
  if (code !== 0) throw new Error(`replay.py ended with ${code}`);
  return answer as Readonly<Record<LogprobMode, readonly number[]>>[];
}

export interface Distance {
  /** Per token, and where. */
  readonly largest: number;
  readonly at: number;
  /** Over the rollout. */
  readonly sum: number;
}

/** Infinite where one of them is. */
export function distance(told: readonly number[], claimed: readonly number[]): Distance {
  const each = told.map((value, at) => Math.abs(value - (claimed[at] ?? Number.NaN)));
  const largest = Math.max(...each);
  const sum = each.reduce((total, one) => total + one, 0);
  return { largest, at: each.indexOf(largest), sum };
}
