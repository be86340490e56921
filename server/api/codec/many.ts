/**
 * Many rollouts from one body. Paths of what is wrong are written with slashes from the body's root,
 * `rollouts/3/sampling/top_p`, whatever part of the server found it.
 */
import { setImmediate as turn } from "node:timers/promises";
import { PacelineError } from "../../contract/errors.ts";
import { type Rollout, rolloutKey } from "../../contract/rollout.ts";
import type { Encoding } from "../../contract/schema.ts";
import {
  createDefaultsSchema,
  createManySchema,
  type WireManySummary,
} from "../../contract/schema-many.ts";
import { LIMITS } from "../../limits.ts";
import type { Ending } from "../../rollouts/bulk.ts";
import type { Summary } from "../../rollouts/summary.ts";
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
  /** How each one's arrays go back. */
  readonly encodings: readonly Encoding[];
}

/** Throws as `decodeRollout` does for the first one that is wrong, and for two of one id. */
export async function decodeMany(
  body: unknown,
  mint: Mint,
  traceparent: string | null,
): Promise<DecodedMany> {
  const { rollouts: given, defaults: common } = at("", () => check(SCHEMA, body));
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
  return { rollouts, encodings };
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

/** A rollout's line: its Result, or what it ended in. */
export function encodeEnding(ending: Ending, encoding: Encoding): string {
  if ("result" in ending) return encodeResult(ending.result, encoding);
  return encodeRolloutError(ending.id, ending.job, ending.error);
}

export const encodeRolloutError = (id: string, job: string, error: PacelineError): string =>
  JSON.stringify({ id, job, error: error.toBody() });

export const summaryToWire = (summary: Summary): WireManySummary => ({
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
});
