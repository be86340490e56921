/**
 * Who is in the fleet and whether it lives: registration, leases, probes, states, telemetry. Knows no
 * versions: births and deaths are told to whoever listens.
 */
import type { Engine, EngineTelemetry } from "../../adapters/engine.ts";
import type { EngineDescription, EngineKind, WorkerState } from "../contract/worker.ts";
import type { Asking } from "./vocabularies.ts";

export interface Registration {
  readonly url: string;
  readonly engine: EngineKind;
  /** Minted from the engine kind and a counter when absent. */
  readonly id?: string;
  readonly pool?: string;
  readonly role?: "full" | "prefill" | "decode";
  readonly parallel?: Readonly<Partial<Record<"tp" | "pp" | "dp" | "ep", number>>>;
  /** Policies that this worker may serve; default: every `full` policy that its model fits. */
  readonly policies?: readonly string[];
  /** What the engine asks its callers for (`EngineKeys`). Absent: as the last registration, else the configuration has it. */
  readonly apiKey?: string;
  readonly adminApiKey?: string;
}

/** Decode step time `a + s·batch` and prefill rate, fitted from telemetry. */
export interface Rates {
  readonly step: {
    readonly a: number;
    readonly s: number;
    /** Standard error of a usual step's time, as a share of it. */
    readonly error?: number;
  } | null;
  readonly prefillTokensPerSecond: number | null;
}

export interface WorkerRecord {
  readonly id: string;
  readonly url: string;
  readonly engine: EngineKind;
  readonly pool: string;
  readonly role: "full" | "prefill" | "decode";
  readonly parallel: Readonly<Partial<Record<"tp" | "pp" | "dp" | "ep", number>>>;
  readonly policies: readonly string[];
  readonly state: WorkerState;
  /** Why it is not `ready`, in words. */
  readonly reason: string | null;
  readonly description: EngineDescription;
  readonly load: EngineTelemetry | null;
  readonly rates: Rates;
  /** Milliseconds left of its lease. */
  readonly leaseMs: number;
}

export type FleetChange =
  /** A first registration, a new incarnation, or any change of state or description. */
  | { readonly type: "worker"; readonly worker: WorkerRecord }
  | { readonly type: "telemetry"; readonly worker: WorkerRecord }
  /** This incarnation is gone for good: lost, restarted or removed. */
  | {
      readonly type: "lost";
      readonly worker: string;
      readonly incarnation: string;
      readonly reason: string;
    };

/** What an attempt saw of its worker. */
export type Evidence =
  | "socket_lost"
  | "engine_error"
  | "misaligned"
  | "misversioned"
  | "stuck"
  | "ok";

export interface Fleet {
  /** Probes first. Throws `engine_unreachable`, `engine_error`, `conflict` (id in use by another url), `overloaded`. */
  register(registration: Registration): Promise<WorkerRecord>;
  /** Throws `not_found`, or `lease_lost` for an incarnation that is not the current one. */
  renew(id: string, incarnation: string): WorkerRecord;
  remove(id: string, reason: string): Promise<void>;
  /** Throws `not_found`. */
  get(id: string): WorkerRecord;
  list(): readonly WorkerRecord[];
  /** The largest vocabulary of the workers that may serve it, in whatever state; null while none is known. */
  vocabularyFor(asking: Asking): number | null;
  /** The engine of exactly this incarnation, or null when it is gone. */
  engine(id: string, incarnation: string): Engine | null;
  /** Passive evidence from traffic; may start a probe, may lose the worker at once (`socket_lost` with a failed probe). */
  report(id: string, incarnation: string, evidence: Evidence): void;
  /** Sets a state that others own (`updating`, `draining`, `poisoned`, `ready` to lift them). */
  mark(
    id: string,
    incarnation: string,
    state: "updating" | "draining" | "poisoned" | "ready",
    reason: string | null,
  ): void;
  /** Whole-engine pause as the engine has it; the worker is `paused` until `resume`. */
  pause(id: string, mode: "keep" | "retract" | "abort"): Promise<WorkerRecord>;
  resume(id: string): Promise<WorkerRecord>;
  flush(id: string): Promise<WorkerRecord>;
  /** The engine gives its memory back; empty it first (`PlacementOwner.whileEmpty`). `asleep` until `wake`. */
  sleep(id: string): Promise<WorkerRecord>;
  wake(id: string): Promise<WorkerRecord>;
  listen(listener: (change: FleetChange) => void): () => void;
  close(): Promise<void>;
}
