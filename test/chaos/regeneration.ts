/** Tokens and logprobs of some Results made again, offline, under the versions that their spans name. */

import { PacelineError } from "../../server/contract/errors.ts";
import type { Result } from "../../server/contract/result.ts";
import { createReplayer, type Replay, type Replayer } from "../../server/engine/replay.ts";
import { samplingOf } from "../support/core-sampling.ts";
import { STEP_1 } from "../support/live-server.ts";
import type { Draw } from "./bodies.ts";
import type { Report } from "./checker.ts";
import { type Account, type Body, type Evidence, keyOf } from "./evidence.ts";

const TOLERANCE = 1e-5;

export interface Regenerated {
  readonly results: number;
  readonly tokens: number;
  /** Of those: over several versions, or from mixed KV. */
  readonly mixed: number;
}

/** `most` Results, half of them of those that lived through an update, chosen by `draw`. */
export function regenerate(
  { accounts, sources }: Pick<Evidence, "accounts" | "sources">,
  most: number,
  draw: Draw,
  report: Report,
): Regenerated {
  const replayer = createReplayer({ directory: STEP_1 });
  const candidates = [...new Map(accounts.flatMap(candidate)).values()];
  const updated = candidates.filter(({ result }) => isMixed(result));
  const plain = candidates.filter(({ result }) => !isMixed(result));
  const chosen = [...take(updated, Math.ceil(most / 2), draw)];
  chosen.push(...take(plain, most - chosen.length, draw));
  let tokens = 0;
  for (const { body, result } of chosen) {
    tokens += result.outputTokenIds.length;
    const unknown = result.spans.find(({ version }) => !sources.has(version));
    if (unknown !== undefined) {
      report("misversioned", `${keyOf(body)}: nobody knows version ${unknown.version}`);
      continue;
    }
    const replayed = replay(replayer, { body, result }, sources);
    if (replayed instanceof Error) {
      report("misversioned", `${keyOf(body)}: cannot be made again: ${replayed.message}`);
      continue;
    }
    const { logprobs, tokenIds } = replayed;
    const at = result.logprobs.findIndex(
      (logprob, i) =>
        tokenIds[i] !== result.outputTokenIds[i] ||
        !(Math.abs(logprob - (logprobs[i] as number)) <= TOLERANCE),
    );
    if (at < 0) continue;
    const story = JSON.stringify({ spans: result.spans, segments: result.segments });
    report(
      "misversioned",
      `${keyOf(body)}: token ${at} was ${result.outputTokenIds[at]} at ${result.logprobs[at]}, made again it is ${tokenIds[at]} at ${logprobs[at]}: ${story}`,
    );
  }
  const mixed = chosen.filter(({ result }) => isMixed(result)).length;
  return { results: chosen.length, tokens, mixed };
}

function replay(
  replayer: Replayer,
  { body, result }: Candidate,
  sources: ReadonlyMap<number, string>,
): Replay | Error {
  try {
    return replayer.replay({
      promptTokenIds: Uint32Array.from(body.prompt_token_ids),
      outputTokenIds: result.outputTokenIds,
      sampling: samplingOf(body),
      siblingIndex: body.group?.index ?? 0,
      logprobMode: result.logprobMode,
      runs: result.spans.map(({ version, start, end, kv }) => ({
        start,
        end,
        weights: sources.get(version) as string,
        rebuild: kv === "pure",
      })),
    });
  } catch (thrown) {
    return PacelineError.from(thrown);
  }
}

interface Candidate {
  readonly body: Body;
  readonly result: Result;
}

/** Not where the first tokens already attended to KV of an earlier turn: its versions are not in this Result. */
function candidate({ body, ending }: Account): [string, Candidate][] {
  if (ending?.type !== "result" || ending.result.outputTokenIds.length === 0) return [];
  const { result } = ending;
  const foreign = body.cache?.reuse === "session" && result.spans.some(({ kv }) => kv === "mixed");
  return foreign ? [] : [[keyOf(body), { body, result }]];
}

const isMixed = ({ spans }: Result): boolean =>
  spans.length > 1 || spans.some(({ kv }) => kv === "mixed");

function take<T>(from: readonly T[], most: number, draw: Draw): T[] {
  const left = [...from];
  const taken: T[] = [];
  while (taken.length < most && left.length > 0)
    taken.push(...left.splice(draw.below(left.length), 1));
  return taken;
}
