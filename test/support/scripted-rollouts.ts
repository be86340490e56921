/**
 * A RolloutService without a fleet: each rollout plays a script. For tests of fronts and clients, which
 * need a life to show and not one to live. Readers, joins and aborts behave as the real service's do; a
 * detached stream goes on for good.
 */
import { EventEmitter, once } from "node:events";
import { crc32 } from "node:zlib";
import { PacelineError } from "../../server/contract/errors.ts";
import { createResult, type Result } from "../../server/contract/result.ts";
import {
  type FinishCause,
  type FinishReason,
  type Rollout,
  rolloutKey,
  type Segment,
  type Span,
} from "../../server/contract/rollout.ts";
import type { ExpertsWant, RoutedExperts } from "../../server/contract/routed-experts.ts";
import type { IdRows, PromptLogprobs, SideData } from "../../server/contract/side-data.ts";
import type {
  Moment,
  RolloutEvent,
  RolloutHandle,
  RolloutService,
  RolloutState,
  RolloutTimeline,
} from "../../server/rollouts/service.ts";
import { placed, type SidePlace } from "../../server/rollouts/side-place.ts";
import { createScriptedSide, SCRIPTED_SIDE } from "./scripted-side.ts";

export type Step =
  | { readonly do: "tokens"; readonly count: number; readonly version: number }
  | { readonly do: "hold"; readonly reason: string }
  /** The worker is lost; the next one goes on from the tokens. */
  | { readonly do: "move" }
  /** Goes on when the promise resolves, or ends if the rollout is aborted before. */
  | { readonly do: "wait"; readonly until: Promise<unknown> }
  | { readonly do: "fail"; readonly error: PacelineError };

export type Script = (rollout: Rollout) => readonly Step[];

/** All tokens asked for, in two chunks, under version 7. */
export const playToEnd: Script = ({ sampling }) => {
  const half = Math.ceil(sampling.maxNewTokens / 2);
  return [
    { do: "tokens", count: half, version: 7 },
    { do: "tokens", count: sampling.maxNewTokens - half, version: 7 },
  ];
};

export interface ScriptedRollouts extends RolloutService {
  /** Every rollout that came through, in order, joins not counted. */
  readonly submitted: readonly Rollout[];
  /** The life under (job, id), to look at and to wait for. Throws `not_found`. */
  life(job: string, id: string): ScriptedLife;
  /** The same, once it has been submitted. */
  arrival(job: string, id: string): Promise<ScriptedLife>;
  /** As if its Result had expired. */
  forget(job: string, id: string): void;
}

/** Token and logprob at an output position: the same for everybody, and awkward in decimal. */
export const scriptedId = (position: number): number => (position * 7919 + 13) % 50_021;
export const scriptedLogprob = (position: number): number =>
  Math.fround(-((position * 31) % 101) / 7 - 1e-6);

function rowsOf(length: number, entries: (at: number) => number): IdRows {
  const offsets = new Uint32Array(length + 1);
  for (let at = 0; at < length; at++) offsets[at + 1] = (offsets[at] as number) + entries(at);
  return { offsets, ids: Uint32Array.from({ length: offsets[length] as number }, (_, i) => i * 7) };
}

/** `inlineBytes`: a part of side data of so many bytes lies in the Result; default: any. */
export function createScriptedRollouts(
  script: Script = playToEnd,
  inlineBytes = Number.POSITIVE_INFINITY,
): ScriptedRollouts {
  const side = createScriptedSide();
  const lives = new Map<string, ScriptedLife>();
  const submitted: Rollout[] = [];
  const arrivals = new EventEmitter().setMaxListeners(0);
  const find = (job: string, id: string): ScriptedLife => {
    const life = lives.get(rolloutKey(job, id));
    if (life === undefined) throw new PacelineError("not_found", `no rollout ${id} in job ${job}`);
    return life;
  };
  return {
    submitted,
    life: find,
    forget: (job, id) => void lives.delete(rolloutKey(job, id)),
    async arrival(job, id) {
      while (!lives.has(rolloutKey(job, id))) await once(arrivals, "arrival");
      return find(job, id);
    },
    submit(rollout) {
      const joined = lives.get(rolloutKey(rollout.job, rollout.id));
      if (joined !== undefined) {
        if (joined.rollout.bodyHash === rollout.bodyHash) return joined;
        throw new PacelineError("conflict", `${rollout.id} is another body's id`);
      }
      submitted.push(rollout);
      const life = new ScriptedLife(rollout, script(rollout), {
        ...{ job: rollout.job, store: side, inlineBytes, byRef: rollout.want.sideByRef },
      });
      lives.set(rolloutKey(rollout.job, rollout.id), life);
      arrivals.emit("arrival");
      return life;
    },
    get: find,
    side: side.open,
    async abortJob(job, cause) {
      const own = [...lives.values()].filter((life) => life.job === job && !life.ended);
      for (const life of own) life.abort(cause);
      return own.length;
    },
    async abort(job, id, cause) {
      const life = find(job, id);
      life.abort(cause);
      return life.result();
    },
    keep: (job, id) => find(job, id).keep(),
    async drain() {
      for (const life of lives.values()) life.abort("drain");
    },
  };
}

const SCRIPTED_MOMENTS: readonly Moment[] = [
  {
    atMs: 1.5,
    event: "placed",
    outputTokens: 0,
    worker: "w-1",
    version: 7,
    attempt: 1,
    reason: null,
  },
  {
    atMs: 9,
    event: "held",
    outputTokens: 2,
    worker: null,
    version: null,
    attempt: null,
    reason: "no_eligible_worker",
  },
];

export class ScriptedLife implements RolloutHandle {
  readonly id: string;
  readonly job: string;
  readonly rollout: Rollout;
  /** Fires `change` after each event, each attach and each leave. */
  readonly changes = new EventEmitter().setMaxListeners(0);
  readers = 0;
  #kept = false;

  readonly #log: RolloutEvent[] = [];
  readonly #runs: { version: number; count: number; worker: number }[] = [];
  readonly #aborted = new AbortController();
  readonly #place: SidePlace;
  #cause: FinishCause | null = null;
  #worker = 1;
  #state: RolloutState = "running";

  constructor(rollout: Rollout, steps: readonly Step[], place: SidePlace) {
    this.#place = place;
    this.id = rollout.id;
    this.job = rollout.job;
    this.rollout = rollout;
    for (const { version, start, end } of rollout.continueFrom?.spans ?? []) {
      this.#runs.push({ version, count: end - start, worker: 1 });
    }
    this.#push({ type: "accepted", id: this.id });
    this.#push({ type: "placed", worker: "w-1", version: 7, attempt: 1 });
    void this.#play(steps);
  }

  get ended(): boolean {
    const last = this.#log.at(-1);
    return last?.type === "finished" || last?.type === "error";
  }

  /** Resolves when `holds()` does: now, or after some change. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.changes, "change");
  }

  get eventCount(): number {
    return this.#log.length;
  }

  progress() {
    const { id, job, ended } = this;
    const state: RolloutState = ended ? "finished" : this.#state;
    const outputTokens = this.#length();
    return { id, job, state, outputTokens, worker: `w-${this.#worker}`, attempts: this.#worker };
  }

  moments(): RolloutTimeline {
    return { acceptedAtMs: 1_700_000_000_000, moments: SCRIPTED_MOMENTS, dropped: 0 };
  }

  async result(): Promise<Result> {
    await this.until(() => this.ended);
    const last = this.#log.at(-1);
    if (last?.type === "finished") return last.result;
    throw last?.type === "error" ? last.error : new Error("a life ends in finished or error");
  }

  async *events(from: number, signal: AbortSignal) {
    for (let at = from; !this.ended || at < this.#log.length; ) {
      while (at >= this.#log.length) await once(this.changes, "change", { signal });
      const batch = this.#log.slice(at).map((event, index) => ({ seq: at + index, event }));
      at += batch.length;
      yield batch;
      if (this.ended && at >= this.#log.length) return;
    }
  }

  attach(kind: "unary" | "stream"): () => void {
    this.readers++;
    let attached = true;
    this.changes.emit("change");
    return () => {
      if (!attached) return;
      attached = false;
      this.readers--;
      if (this.readers === 0 && kind === "unary" && !this.#kept) this.abort("client");
      this.changes.emit("change");
    };
  }

  /** It goes on all the same. */
  keep(): boolean {
    this.#kept = true;
    return !this.ended;
  }

  abort(cause: FinishCause): void {
    if (this.ended) return;
    this.#cause ??= cause;
    this.#aborted.abort();
  }

  async #play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      // One turn of the loop between steps, so that readers and aborts come in between.
      await new Promise((resolve) => setImmediate(resolve));
      if (step.do === "wait") await Promise.race([step.until, this.#abort()]);
      if (this.#cause !== null) break;
      if (step.do === "fail") return this.#push({ type: "error", error: step.error });
      this.#take(step);
    }
    this.#push({ type: "finished", result: this.#finish() });
  }

  async #abort(): Promise<void> {
    const { signal } = this.#aborted;
    if (!signal.aborted) await once(signal, "abort");
  }

  #take(step: Step): void {
    if (step.do === "hold") {
      this.#state = "held";
      this.#push({ type: "held", reason: step.reason });
    } else if (step.do === "move") {
      const from = `w-${this.#worker++}`;
      const to = `w-${this.#worker}`;
      const keptTokens = this.#length();
      this.#push({ type: "moved", from, to, reason: "lost", resume: "prefill", keptTokens });
    } else if (step.do === "tokens" && step.count > 0) {
      this.#state = "running";
      const start = this.#length();
      const ids = Uint32Array.from({ length: step.count }, (_, i) => scriptedId(start + i));
      const logprobs = Float32Array.from({ length: step.count }, (_, i) =>
        scriptedLogprob(start + i),
      );
      this.#runs.push({ version: step.version, count: step.count, worker: this.#worker });
      const chunk = { start, ids, logprobs, version: step.version, mixed: false };
      this.#push({ type: "tokens", chunk });
    }
  }

  #push(event: RolloutEvent): void {
    this.#log.push(event);
    this.changes.emit("change");
  }

  #length(): number {
    return this.#runs.reduce((sum, run) => sum + run.count, 0);
  }

  #finish(): Result {
    const { rollout } = this;
    const length = this.#length();
    const { spans, segments } = this.#cover();
    const reason: FinishReason =
      this.#cause !== null
        ? { type: "abort", cause: this.#cause, matched: null }
        : length < rollout.sampling.maxNewTokens
          ? { type: "stop", cause: "stop_string", matched: "\n\u2028" }
          : { type: "length", cause: "max_new", matched: null };
    return createResult({
      id: this.id,
      job: this.job,
      policy: rollout.policy,
      group: rollout.group,
      session: rollout.session,
      outputTokenIds: Uint32Array.from({ length }, (_, i) => scriptedId(i)),
      logprobs: Float32Array.from({ length }, (_, i) => scriptedLogprob(i)),
      logprobMode: rollout.want.logprobModes[0] ?? "processed",
      finishReason: reason,
      spans,
      segments,
      routing: {
        worker: `w-${this.#worker}`,
        queueMs: 0.25,
        prefillMs: 3.1,
        decodeMs: 20.5,
        cachedTokens: 0,
        attempts: this.#worker,
        moves: this.#worker - 1,
      },
      usage: {
        promptTokens: rollout.promptTokenIds.length,
        outputTokens: length,
        wastedTokens: 0,
      },
      stale: null,
      side: this.#side(),
    });
  }

  #side(): SideData | null {
    const { promptLogprobs, topLogprobs, samplingMask, routedExperts } = this.rollout.want;
    const rows = promptLogprobs !== null || topLogprobs > 0 || samplingMask;
    if (!rows && routedExperts === null) return null;
    const length = this.#length();
    const top = rowsOf(length, (at) => 1 + (at % topLogprobs));
    const mask = rowsOf(length, (at) => 1 + (at % 5));
    const told = {
      prompt: promptLogprobs === null ? null : this.#prompt(promptLogprobs.start),
      top:
        topLogprobs === 0
          ? null
          : { ...top, logprobs: Float32Array.from(top.ids, (_, at) => scriptedLogprob(at)) },
      mask: samplingMask ? mask : null,
    };
    return {
      ...placed(told, this.#place),
      experts: routedExperts && this.#experts(routedExperts),
    };
  }

  #experts({ start }: ExpertsWant): RoutedExperts {
    const rows = this.rollout.promptTokenIds.length + this.#length() - 1 - start;
    const data = Uint8Array.from({ length: rows * 4 }, (_, at) => at);
    const held = this.rollout.want.sideByRef ? { ref: SCRIPTED_SIDE.ref } : { data };
    const shape = [rows, 2, 2];
    return {
      ...{ dtype: "uint8", firstPosition: start, shape, source: "sampled", held },
      ...{ bytes: data.length, crc32: crc32(data) },
    };
  }

  #prompt(start: number): PromptLogprobs {
    const logprobs = Float32Array.from(this.rollout.promptTokenIds.subarray(start), (_, i) =>
      scriptedLogprob(start + i),
    );
    if (start === 0) logprobs[0] = Number.NaN;
    return { start, logprobs, version: 7 };
  }

  #cover(): { spans: Span[]; segments: Segment[] } {
    const spans: Span[] = [];
    const segments: Segment[] = [];
    let start = 0;
    for (const { version, count, worker } of this.#runs) {
      const end = start + count;
      const label = version % 2 === 1 ? { run: "a", step: version } : null;
      spans.push({ version, label, baseVersion: null, start, end, kv: "pure", attested: "engine" });
      segments.push({
        worker: `w-${worker}`,
        slot: 0,
        incarnation: `inc-${worker}`,
        attempt: worker,
        start,
        end,
        resume: worker === 1 ? "none" : "prefill",
        logprobMode: "processed",
        numerics: { dtype: "float32" },
      });
      start = end;
    }
    return { spans, segments };
  }
}
