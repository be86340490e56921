/** Workers on the wire: what a registration asks for, what a server tells. */
import { PacelineError } from "../../contract/errors.ts";
import type { HeldVersion } from "../../contract/policy.ts";
import {
  createLeaseSchema,
  createRegistrationSchema,
  pause as pauseSchema,
  type WireWorker,
} from "../../contract/schema-fleet.ts";
import type { Capabilities } from "../../contract/worker.ts";
import type { Registration, WorkerRecord } from "../../fleet/fleet.ts";
import { LIMITS } from "../../limits.ts";
import { check } from "./invalid.ts";

const REGISTRATION = createRegistrationSchema(LIMITS);
const LEASE = createLeaseSchema(LIMITS);
const PAUSE = pauseSchema();

/** Body of `POST /v1/workers`. Throws `invalid_argument`. */
export function decodeRegistration(body: unknown): Registration {
  const { url, engine, id, pool, role, parallel, policies, api_key, admin_api_key } = check(
    REGISTRATION,
    body,
  );
  for (const [path, key] of Object.entries({ api_key, admin_api_key })) {
    if (key == null || engine === "sglang") continue;
    throw new PacelineError("unsupported", `${path}: ${engine} engines are shown no keys`, {
      details: { path },
    });
  }
  return {
    url,
    engine,
    ...(id == null ? {} : { id }),
    ...(pool == null ? {} : { pool }),
    ...(role == null ? {} : { role }),
    ...(parallel == null ? {} : { parallel: present(parallel) }),
    ...(policies == null ? {} : { policies }),
    ...(api_key == null ? {} : { apiKey: api_key }),
    ...(admin_api_key == null ? {} : { adminApiKey: admin_api_key }),
  };
}

/** The incarnation that a body of `POST /v1/workers/{id}/lease` renews. Throws `invalid_argument`, `unsupported`. */
export function decodeLease(body: unknown): string {
  const { incarnation, versions } = check(LEASE, body);
  if (versions != null && versions.length > 0) {
    throw new PacelineError(
      "unsupported",
      "versions: this release proves what a worker holds itself",
      { details: { path: "versions" } },
    );
  }
  return incarnation;
}

/** Body of a pause; none at all is `keep`. Throws `invalid_argument`. */
export const decodePause = (body: unknown): "keep" | "retract" | "abort" =>
  check(PAUSE, body ?? {}).mode ?? "keep";

export function encodeWorker(record: WorkerRecord, held: readonly HeldVersion[]): WireWorker {
  const { description, load } = record;
  return {
    id: record.id,
    url: record.url,
    engine: record.engine,
    engine_version: description.engineVersion,
    pool: record.pool,
    role: record.role,
    parallel: record.parallel,
    policies: [...record.policies],
    state: record.state,
    reason: record.reason,
    incarnation: description.incarnation,
    model: description.model,
    dtype: description.dtype,
    max_model_len: description.maxModelLen,
    vocab_size: description.vocabSize,
    slots: description.slots.map(({ index, kvTokens, maxRunning }) => ({
      index,
      kv_tokens: kvTokens,
      max_running: maxRunning,
    })),
    capabilities: encodeCapabilities(description.capabilities),
    versions: held.map(({ base, ...version }) => ({
      ...version,
      ...(base === undefined ? {} : { base_version: base.version }),
    })),
    load:
      load === null
        ? null
        : {
            running: load.running,
            waiting: load.waiting,
            kv_used_tokens: load.kvUsedTokens,
            kv_total_tokens: load.kvTotalTokens,
            output_tokens: load.outputTokens,
            prefill_tokens: load.prefillTokens,
          },
    rates: {
      step: record.rates.step,
      prefill_tokens_per_second: record.rates.prefillTokensPerSecond,
    },
    lease_ms: record.leaseMs,
  };
}

const encodeCapabilities = (can: Capabilities): WireWorker["capabilities"] => ({
  logprob_modes: [...can.logprobModes],
  sampling: [...can.sampling],
  resume: can.resume,
  spans: can.spans,
  journal: can.journal,
  pause: [...can.pause],
  sleep: can.sleep,
  weights: { ...can.weights, checksum: can.weights.checksum ?? false },
  prompt_logprobs: can.promptLogprobs,
  max_top_logprobs: can.maxTopLogprobs,
  sampling_mask: can.samplingMask,
  routed_experts: can.routedExperts ?? false,
  session_cache: can.sessionCache,
});

function present<K extends string>(
  fields: Readonly<Partial<Record<K, number | null | undefined>>>,
): Partial<Record<K, number>> {
  const out: Partial<Record<K, number>> = {};
  for (const key in fields) {
    const value = fields[key];
    if (value != null) out[key] = value;
  }
  return out;
}
