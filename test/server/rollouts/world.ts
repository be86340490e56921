import type { Engine, EngineEvent, EngineRequest } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { HeldVersion } from "../../../server/contract/policy.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import type { Evidence, WorkerRecord } from "../../../server/fleet/fleet.ts";
import type { LiveFleet } from "../../../server/fleet/live-fleet.ts";
import type { AdaptersPort } from "../../../server/placement/adapters-port.ts";
import type { PlacementReply, PlacementRequest } from "../../../server/placement/port.ts";
import type { Ledger } from "../../../server/policy/ledger.ts";
import type { JobsPort } from "../../../server/rollouts/jobs-port.ts";
import { createRollouts } from "../../../server/rollouts/rollouts.ts";
import { createSessionCaches } from "../../../server/rollouts/session-caches.ts";
import type { SideStore } from "../../../server/rollouts/side-store.ts";
import { policyTokenizer } from "../../../server/rollouts/text.ts";
import { createSessions } from "../../../server/sessions/sessions.ts";
import { createTokenizers } from "../../../server/text/tokenizer.ts";
import { STEP_1 } from "../../support/live-server.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

/** A part of side data of so many bytes lies in its Result. */
export const SIDE_INLINE_BYTES = 1024 ** 2;

export type Script = (request: EngineRequest, signal: AbortSignal) => AsyncIterable<EngineEvent>;

const HELD: HeldVersion = {
  policy: "default",
  version: 7,
  label: null,
  proof: "digest",
  load: 1,
  digest: "d",
};
const CAPABILITIES = {
  logprobModes: ["processed"],
  sampling: ["seed"],
  resume: { seeded: true, penalties: true },
  spans: "chunk",
  journal: "stream",
  sessionCache: false,
  pause: [],
  weights: { stage: true, proof: "digest" },
  promptLogprobs: false,
  maxTopLogprobs: 0,
  samplingMask: false,
} as const;

const noted = (): void => undefined;

/** A fleet of one worker whose engine follows a script, and an owner that answers as told. */
export function world(
  scripts: Script[],
  options: {
    grant?: boolean;
    seeded?: boolean;
    proved?: number[];
    /** What the worker has at each chunk that tells no version; then 7. */
    holds?: number[];
    weights?: string;
    /** At first; default 8. */
    committed?: number;
    /** Of each grant. */
    segment?: number;
    jobs?: Partial<JobsPort>;
    /** Default: nothing goes by reference. */
    sideStore?: SideStore;
    /** Default: no policy is an adapter. */
    adapters?: AdaptersPort;
    /** What the fleet says of the worker besides; may change. */
    worker?: Partial<Pick<WorkerRecord, "state" | "load" | "rates">>;
  } = {},
) {
  const clock = new VirtualClock();
  const sent: PlacementRequest[] = [];
  const evidence: Evidence[] = [];
  const requests: EngineRequest[] = [];
  let receive: (reply: PlacementReply) => void = noted;
  const grant = (key: string, attempt: number): void =>
    receive({
      type: "grant",
      key,
      attempt,
      worker: "w-1",
      slot: 0,
      incarnation: "i1",
      version: 7,
      cacheNamespace: "default@7#1",
      logprobMode: "processed",
      segment: options.segment ?? null,
      epoch: 1,
    });
  const placement = {
    connect: (to: typeof receive) => {
      receive = to;
    },
    send: (request: PlacementRequest) => {
      sent.push(request);
      if (request.type === "offer" && options.grant !== false)
        grant(request.card.key, request.card.attempt);
    },
  };
  const engine: Pick<Engine, "generate"> = {
    generate: (request, signal) => {
      requests.push(request);
      const script = scripts.shift();
      if (!script) throw new PacelineError("engine_unreachable", "no script left");
      return script(request, signal);
    },
  };
  const worker = {
    id: "w-1",
    engine: "embedded",
    pool: "default",
    policies: [],
    state: "ready",
    description: {
      vocabSize: 300,
      dtype: "float32",
      capabilities: {
        ...CAPABILITIES,
        resume: { seeded: options.seeded !== false, penalties: true },
      },
    },
  } as unknown as WorkerRecord;
  const fleet = {
    engine: () => engine,
    find: () => ({ ...worker, ...options.worker }),
    vocabularyFor: () => worker.description.vocabSize,
    report: (_id: string, _incarnation: string, what: Evidence) => evidence.push(what),
    listen: () => noted,
  } as unknown as LiveFleet;
  let committed = options.committed ?? 8;
  let heard: (change: object) => void = noted;
  const ledger = {
    policy: (policy: string) => {
      if (policy !== "default") throw new PacelineError("not_found", `no policy ${policy}`);
      return { policy, base: null, committedVersion: committed };
    },
    listen: (told: typeof heard) => {
      heard = told;
      return noted;
    },
    versions: () => [{ version: 8, source: { path: options.weights ?? STEP_1 } }],
    holds: () => [{ ...HELD, version: options.holds?.shift() ?? 7 }],
    proved: (_w: string, _i: string, _p: string, version: number) =>
      (options.proved ?? [7, 8]).includes(version) ? { ...HELD, version } : null,
  } as unknown as Ledger;
  const wasted: [string, number][] = [];
  const fates: string[] = [];
  const kept: string[] = [];
  const observer = {
    accepted: noted,
    placed: noted,
    tokens: noted,
    attempt: noted,
    traceparent: () => null,
    moved: noted,
    wasted: (_rollout: Rollout, count: number, reason: string) => wasted.push([reason, count]),
    kept: (_rollout: Rollout, what: string) => kept.push(what),
    infeasible: (_rollout: Rollout, fate: string) => fates.push(fate),
    finished: noted,
    failed: noted,
  };
  const jobs = {
    ...{ enter: noted, refused: noted, admits: () => true, rests: noted, left: noted },
    ...options.jobs,
  };
  const log = { warn: noted };
  const caches = createSessionCaches(fleet, clock, log);
  const closed: string[] = [];
  const sessions = createSessions(clock, { ttlMs: 60_000 }, (key) => closed.push(key));
  const tokenizers = createTokenizers();
  const tokenizer = (policy: string) => policyTokenizer(policy, ledger, tokenizers);
  const rollouts = createRollouts(
    {
      ...{ clock, placement, fleet, ledger, jobs, sessions, caches, tokenizer, observer, log },
      sideStore: options.sideStore ?? null,
      adapters: options.adapters ?? { enter: () => null },
    },
    { stuckMs: 5000, detachMs: 1000, resultTtlMs: 60_000, sideInlineBytes: SIDE_INLINE_BYTES },
  );
  return {
    clock,
    sent,
    evidence,
    requests,
    wasted,
    fates,
    kept,
    rollouts,
    sessions,
    closed,
    grant,
    committed: () => committed,
    commit(version: number): void {
      committed = version;
      heard({ type: "policy", policy: { policy: "default", committedVersion: version } });
    },
    receive: (reply: PlacementReply) => receive(reply),
  };
}

export const tokens = (start: number, count: number, version = 7, mixed = false): EngineEvent => ({
  type: "tokens",
  chunk: {
    start,
    ids: Uint32Array.from({ length: count }, (_, i) => start + i),
    logprobs: new Float32Array(count).fill(-0.5),
    version,
    mixed,
  },
});
export const finished: EngineEvent = {
  type: "finished",
  reason: { type: "length", cause: "max_new", matched: null },
  cachedTokens: 0,
  versions: null,
};

/** Yields events, then throws, hangs until aborted, or ends. */
export const play = (events: EngineEvent[], then?: PacelineError | "hang"): Script =>
  async function* (_request, signal) {
    yield* events;
    if (then === "hang") {
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
      );
    } else if (then) throw then;
  };

export const unreachable = new PacelineError("engine_unreachable", "socket reset");
/** Submits one rollout to a world of these scripts, and sees it end. */
export const run = async (scripts: Script[], rollout: Partial<Rollout> = {}, options = {}) => {
  const w = world(scripts, options);
  const handle = w.rollouts.submit(sampleRollout(rollout));
  const outcome = await handle.result().catch((error: PacelineError) => error);
  return { ...w, handle, outcome };
};
