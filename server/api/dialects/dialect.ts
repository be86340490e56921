/**
 * A dialect is another system's HTTP surface, translated to the contract and back: never a second engine. It is
 * mounted for one job, on a port of its own or under `/jobs/{job}` of the main front; what it loads, aborts and
 * tells of versions is that job's. Auth, limits and listeners are the main front's (`mount.ts`).
 */
import type { Clock } from "../../contract/clock.ts";
import type { PacelineError } from "../../contract/errors.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { WorkerControl } from "../../placement/worker-control.ts";
import type { Ledger } from "../../policy/ledger.ts";
import type { RolloutService } from "../../rollouts/service.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { TextCodec } from "../../text/tokenizer.ts";
import type { Publisher } from "../../weights/publisher.ts";
import type { Access, Scope } from "../auth/access.ts";
import type { Mint } from "../codec/rollout.ts";
import type { Handler } from "../http/request.ts";
import type { Streams } from "../http/streams.ts";

export interface Dialect {
  readonly name: DialectName;
  /** Called once a mount; state that a mount keeps (live request ids, …) lives in what it closes over. */
  routes(context: DialectContext): readonly DialectRoute[];
  /** Any error, also of auth, of a body that is not JSON and of an unknown path, in the dialect's own shape. */
  error(error: PacelineError): DialectError;
}

export const DIALECT_NAMES = ["sglang", "vllm", "openai"] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** As vLLM sends them (`npy`), or as prime-rl's build of it does (`object`: `{data, shape, start, dtype}`). */
export type ExpertsShown = "npy" | "object";

export interface DialectError {
  readonly status: number;
  /** JSON text. */
  readonly body: string;
}

export interface DialectRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With `{name}` for parameters, from the mount's root: `/workers/{id}`. */
  readonly path: string;
  readonly scope: Scope;
  /**
   * What a token that is bound to jobs may do: `job`: call it, if it is bound to the mount's; `fleet`: call it;
   * `all`: nothing, since every job would see or suffer it (weights, pauses, workers).
   */
  readonly touches: "job" | Exclude<Access["jobs"], "named" | "filtered">;
  readonly handler: Handler;
}

export interface DialectContext {
  readonly job: string;
  /** The job's, as its settings are now. */
  policy(): string;
  readonly rollouts: RolloutService;
  readonly sessions: Pick<Sessions, "finish" | "next">;
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly publisher: Publisher;
  readonly jobs: Pick<Jobs, "get" | "list" | "settings">;
  readonly control: WorkerControl;
  readonly routedExperts: ExpertsShown | null;
  /** For `decodeRollout(body, mint, {job, policy})`, which is how a dialect makes a rollout. */
  readonly mint: Mint;
  /** Of the job's policy; null where none lies beside its weights. */
  tokenizer(): TextCodec | null;
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
  /** Replies that stay open; `rollout` streams end with their rollout. */
  readonly streams: Streams;
  readonly clock: Clock;
  /** Told of an error that is answered inside a reply; thrown ones are told by the mount. */
  readonly failed: (error: PacelineError) => void;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** Where a dialect is mounted. */
export interface Mount {
  readonly name: DialectName;
  readonly job: string;
  /** Null: under `/jobs/{job}` of the main port; 0 takes a free one. */
  readonly port: number | null;
  /** vLLM's answers have them, where they are made, as an engine started with `--enable-return-routed-experts`; default: none. */
  readonly routedExperts?: ExpertsShown | null;
}
