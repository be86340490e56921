/** A Rollout from a request's body: checked, with defaults in place and id and seed minted. */
import { PacelineError } from "../../contract/errors.ts";
import { DEFAULT_JOB, type JobSettings } from "../../contract/job.ts";
import type { Continuation, Hints, Rollout, Want } from "../../contract/rollout.ts";
import type { ExpertsWant } from "../../contract/routed-experts.ts";
import type { Encoding } from "../../contract/schema.ts";
import { createRolloutSchema, type WireRollout } from "../../contract/schema-rollout.ts";
import { sideWanted } from "../../contract/side-data.ts";
import { LIMITS } from "../../limits.ts";
import { rolloutBodyHash } from "./body-hash.ts";
import { assertFeatures } from "./features.ts";
import { check, invalid } from "./invalid.ts";
import { type Asked, withJob } from "./job-defaults.ts";
import { constraintFromWire, groupFromWire, sessionFromWire, spanFromWire } from "./refs.ts";
import { samplingFromWire } from "./sampling.ts";
import { equalBy, Shared } from "./shared.ts";

const SCHEMAS = {
  json: createRolloutSchema("json", LIMITS),
  b64: createRolloutSchema("b64", LIMITS),
} as const;

const HINTS = new Shared<Hints>(
  equalBy({ expectedNewTokens: true, nextTurn: true, latency: true }),
);

/** What a body may leave to the server. */
export interface Mint {
  /** A fresh rollout id. */
  id(): string;
  /** Unsigned, below 2^53. */
  seed(): number;
  /** Of the job that the body names. Absent: every job has the defaults. */
  job?(job: string): JobSettings;
}

/** What the call says beside the body: `job` and `policy` of a body without its own, and its trace context. */
export interface RolloutDefaults {
  readonly job?: string;
  readonly policy?: string;
  readonly traceparent?: string | null;
}

export interface DecodedRollout {
  readonly rollout: Rollout;
  /** How the caller wants number arrays back. */
  readonly encoding: Encoding;
  /** What was asked for, before the job's settings filled in what was not: the part that tells bodies apart. */
  readonly asked: Asked;
}

/**
 * Throws `invalid_argument` with `details.path`; `unsupported` for a required feature that this server
 * does not know and for media; `unimplemented` for delivery to a feed.
 */
export function decodeRollout(
  body: unknown,
  mint: Mint,
  defaults: RolloutDefaults = {},
): DecodedRollout {
  const encoding = encodingOf(body);
  const wire = check(SCHEMAS[encoding], body);
  assertServed(wire);
  assertSession(wire);
  const continueFrom = continuationFromWire(wire);
  const want = wantFromWire(wire);
  if (continueFrom !== null) assertNoRows(want);
  const sampling = samplingFromWire(wire, continueFrom, want);
  const asked: Asked = {
    id: wire.id ?? mint.id(),
    job: wire.job ?? defaults.job ?? "default",
    policy: wire.policy ?? defaults.policy ?? null,
    pool: wire.pool ?? null,
    promptTokenIds: wire.prompt_token_ids,
    sampling,
    seed: wire.sampling.seed ?? mint.seed(),
    continueFrom,
    group: groupFromWire(wire.group),
    session: sessionFromWire(wire.session),
    version: constraintFromWire(wire.version),
    onUpdate: wire.on_update ?? null,
    cacheReuse: wire.cache?.reuse ?? "version",
    resume: wire.resume ?? null,
    priority: wire.priority ?? 0,
    hints: hintsFromWire(wire.hints),
    want,
    timeoutMs: wire.timeout_ms ?? null,
    deliver: wire.deliver ?? "reply",
  };
  const seedGiven = (wire.sampling.seed ?? null) !== null;
  const bodyHash = rolloutBodyHash(asked, seedGiven);
  const settings = mint.job?.(asked.job) ?? DEFAULT_JOB;
  const { traceparent = null } = defaults;
  return { rollout: { ...withJob(asked, settings), bodyHash, traceparent }, encoding, asked };
}

function encodingOf(body: unknown): Encoding {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("", "the body must be a JSON object");
  }
  return "encoding" in body && body.encoding === "b64" ? "b64" : "json";
}

function assertServed(wire: WireRollout): void {
  assertFeatures(wire.required_features ?? []);
  if ((wire.media ?? []).length > 0) {
    throw new PacelineError("unsupported", "media: no engine here takes media", {
      details: { path: "media" },
    });
  }
  if (wire.deliver === "feed") {
    throw new PacelineError("unimplemented", "deliver: this release has no feeds", {
      details: { path: "deliver" },
    });
  }
}

function assertSession({ session, cache }: WireRollout): void {
  if (cache?.reuse === "session" && (session ?? null) === null) {
    throw invalid("cache.reuse", "`session` needs a session");
  }
}

function continuationFromWire(wire: WireRollout): Continuation | null {
  const given = wire.continue ?? null;
  if (given === null || given.output_token_ids.length === 0) return null;
  const { output_token_ids: ids, logprobs } = given;
  if (logprobs.length !== ids.length) {
    throw invalid("continue.logprobs", `${logprobs.length} of them for ${ids.length} tokens`);
  }
  const positive = logprobs.findIndex((value) => value > 1e-3 || value <= -9999);
  if (positive !== -1) {
    throw invalid(`continue.logprobs[${positive}]`, "must be above -9999 and at most 0");
  }
  let at = 0;
  for (const [index, { start, end }] of given.spans.entries()) {
    if (start !== at || end <= start) {
      throw invalid(`continue.spans[${index}]`, `must start at ${at} and hold a token`);
    }
    at = end;
  }
  if (at !== ids.length) throw invalid("continue.spans", `cover ${at} of ${ids.length} tokens`);
  return { outputTokenIds: ids, logprobs, spans: given.spans.map(spanFromWire) };
}

/** Rows are made with their tokens: those of tokens that somebody else made cannot be had. */
function assertNoRows({ topLogprobs, samplingMask }: Want): void {
  const path = topLogprobs > 0 ? "want.top_logprobs" : samplingMask ? "want.sampling_mask" : null;
  if (path === null) return;
  throw invalid(path, "has no rows for the tokens of `continue`: they were made elsewhere");
}

const EXPERTS = new Shared<ExpertsWant>(equalBy({ start: true }));

const hintsFromWire = (hints: WireRollout["hints"]): Hints =>
  HINTS.of({
    expectedNewTokens: hints?.expected_new_tokens ?? null,
    nextTurn: hints?.next_turn ?? false,
    latency: hints?.latency ?? "throughput",
  });

function expertsFromWire(want: WireRollout["want"], promptTokens: number): Want["routedExperts"] {
  const start = want?.routed_experts_start ?? 0;
  if (start > promptTokens) {
    throw invalid("want.routed_experts_start", `${start} of a prompt of ${promptTokens} tokens`);
  }
  if (want?.routed_experts !== true) {
    if (start > 0) throw invalid("want.routed_experts_start", "needs want.routed_experts");
    return null;
  }
  return EXPERTS.of({ start });
}

function wantFromWire({ want, prompt_token_ids: prompt }: WireRollout): Want {
  const start = want?.prompt_logprobs?.start ?? 0;
  if (start >= prompt.length) {
    throw invalid("want.prompt_logprobs.start", `${start} of a prompt of ${prompt.length} tokens`);
  }
  const wanted: Want = {
    logprobModes: want?.logprob_modes ?? [],
    promptLogprobs: want?.prompt_logprobs ?? null,
    topLogprobs: want?.top_logprobs ?? 0,
    routedExperts: expertsFromWire(want, prompt.length),
    samplingMask: want?.sampling_mask ?? false,
    sideByRef: want?.side_by_ref ?? false,
  };
  if (wanted.sideByRef && sideWanted(wanted) === null) {
    throw invalid("want.side_by_ref", "needs side data that is wanted");
  }
  return wanted;
}
