/**
 * Many rollouts from one body. Paths of what is wrong are written with slashes from the body's root,
 * `rollouts/3/sampling/top_p`, whatever part of the server found it.
 */
import { setImmediate as turn } from "node:timers/promises";
import { PacelineError } from "../../contract/errors.ts";
import type { Need } from "../../contract/need.ts";
import { type Rollout, rolloutKey } from "../../contract/rollout.ts";
import type { Encoding } from "../../contract/schema.ts";
import {
  createDefaultsSchema,
  createManySchema,
  type WireManySummary,
  type WireNeed,
  type WireNeedSummary,
} from "../../contract/schema-many.ts";
import { LIMITS } from "../../limits.ts";
import type { Ending, ManySummary } from "../../rollouts/bulk.ts";
import { memberKey, type NeedSummary, wantsOf } from "../../rollouts/need.ts";
import { check } from "./invalid.ts";
import { encodeResult } from "./result.ts";
import { decodeRollout, type Mint } from "./rollout.ts";

const SCHEMA = createManySchema(LIMITS);
const DEFAULTS = {
  json: createDefaultsSchema("json", LIMITS),
  b64: createDefaultsSchema("b64", LIMITS),
} as const;

/** Fields of which a rollout's own parts are laid over the default's; all others are taken whole. */
const MERGED: ReadonlySet<string> = new Set(["sampling", "want", "hints", "cache"]);

/** Rollouts checked between two turns of the loop, so that a large body holds up nobody else's stream. */
const SLICE = 128;

type Fields = Readonly<Record<string, unknown>>;

export interface DecodedMany {
  readonly rollouts: readonly Rollout[];
  readonly need: Need | null;
  /** How each one's arrays go back. */
  readonly encodings: readonly Encoding[];
}

/** Throws as `decodeRollout` does for the first one that is wrong, and for two of one id. */
export async function decodeMany(
  body: unknown,
  mint: Mint,
  traceparent: string | null,
): Promise<DecodedMany> {
  const { rollouts: given, defaults: common, need: wanted } = at("", () => check(SCHEMA, body));
  const defaults = common ?? {};
  at("defaults", () => check(DEFAULTS[defaults["encoding"] === "b64" ? "b64" : "json"], defaults));
  const rollouts: Rollout[] = [];
  const encodings: Encoding[] = [];
  const places = new Map<string, number>();
  for (const [index, own] of given.entries()) {
    if (index % SLICE === SLICE - 1) await turn();
    const { rollout, encoding } = at(`rollouts/${index}`, () =>
      decodeRollout(withDefaults(own, defaults), mint, { traceparent }),
    );
    const key = rolloutKey(rollout.job, rollout.id);
    const first = places.get(key);
    if (first !== undefined) {
      const path = `rollouts/${index}/id`;
      throw new PacelineError("invalid_argument", `${path}: rollouts/${first} has it too`, {
        details: { path },
      });
    }
    places.set(key, index);
    rollouts.push(rollout);
    encodings.push(encoding);
  }
  const need = wanted == null ? null : needFromWire(wanted);
  if (need !== null) assertReachable(need, rollouts);
  return { rollouts, need, encodings };
}

export const needFromWire = ({ groups, members, partial }: WireNeed): Need => ({
  groups,
  members: members ?? null,
  partial: partial ?? "return",
});

/** Throws where more groups are needed than can become whole. */
function assertReachable(need: Need, rollouts: readonly Rollout[]): void {
  const groups = Map.groupBy(rollouts, memberKey);
  const whole = [...groups.values()].filter(
    ([first, ...others]) => first !== undefined && others.length + 1 >= wantsOf(first, need),
  );
  if (whole.length >= need.groups) return;
  const path = "need/groups";
  throw new PacelineError(
    "invalid_argument",
    `${path}: ${need.groups}, and ${whole.length} of the groups here can become whole`,
    { details: { path } },
  );
}

/** `null` is the same as absent, here too. */
function withDefaults(own: Fields, defaults: Fields): Fields {
  const merged: Record<string, unknown> = { ...own };
  for (const [name, value] of Object.entries(defaults)) {
    const given = own[name] ?? null;
    if (given === null) merged[name] = value;
    else if (MERGED.has(name) && isFields(given) && isFields(value)) {
      merged[name] = withDefaults(given, value);
    }
  }
  return merged;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function at<T>(prefix: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw rooted(prefix, thrown);
  }
}

/** The same error with its `details.path` below `prefix`. */
export function rooted(prefix: string, thrown: unknown): unknown {
  if (!(thrown instanceof PacelineError)) return thrown;
  const { path: inner = "" } = thrown.details;
  const below = String(inner)
    .replace(/\[(\d+)\]/g, "/$1")
    .replaceAll(".", "/");
  const path = prefix === "" || below === "" ? prefix + below : `${prefix}/${below}`;
  return new PacelineError(thrown.code, `${prefix === "" ? "" : `${prefix}: `}${thrown.message}`, {
    details: { ...thrown.details, path },
    ...(thrown.retryAfterMs === undefined ? {} : { retryAfterMs: thrown.retryAfterMs }),
    cause: thrown,
  });
}

/** A rollout's line: its Result, what it ended in, or what is kept of it. */
export function encodeEnding(ending: Ending, encoding: Encoding): string {
  if ("result" in ending) return encodeResult(ending.result, encoding);
  if ("keptTokens" in ending) {
    const { id, job, keptTokens } = ending;
    return JSON.stringify({ id, job, kept_tokens: keptTokens });
  }
  return encodeRolloutError(ending.id, ending.job, ending.error);
}

export const encodeRolloutError = (id: string, job: string, error: PacelineError): string =>
  JSON.stringify({ id, job, error: error.toBody() });

export const summaryToWire = (summary: ManySummary): WireManySummary => ({
  rollouts: summary.rollouts,
  finished: summary.finished,
  failed: summary.failed,
  output_tokens: summary.outputTokens,
  makespan_ms: summary.makespanMs,
  lower_bound_ms: summary.lowerBoundMs,
  ratio: summary.ratio,
  bound_error: summary.boundError,
  rho: summary.rho,
  tail_share: summary.tailShare,
  // Without a need the summary has no such field.
  ...(summary.need && { need: needToWire(summary.need) }),
});

export const needToWire = ({ offPolicyShare, ...summary }: NeedSummary): WireNeedSummary => ({
  ...summary,
  off_policy_share: offPolicyShare,
});
