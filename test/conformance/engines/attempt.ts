/** One attempt on an engine, as the cases order and read it. */
import { once } from "node:events";
import type { Engine, EngineEvent, EngineFinish, EngineRequest } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { LogprobMode, Sampling } from "../../../server/contract/rollout.ts";
import type { ExpertsHead } from "../../../server/contract/routed-experts.ts";
import type { IdRows, PromptLogprobs, TopLogprobs } from "../../../server/contract/side-data.ts";
import { assertAligned, type TokenChunk } from "../../../server/contract/tokens.ts";

/** No case takes seconds; a hang is a failure, not a wait. */
let patienceMs = 20_000;

/** Of a real engine on a busy machine they take longer. */
export function patient(): void {
  patienceMs = 120_000;
}

export const deadline = (): AbortSignal => AbortSignal.timeout(patienceMs);

export type Wish = Partial<Omit<EngineRequest, "sampling">> & { sampling?: Partial<Sampling> };

let attempts = 0;

/** The mode that a case asks for where it does not care: `processed`, or what its engine has. */
const modes = new WeakMap<Engine, LogprobMode>();

export function speaks(engine: Engine, offered: readonly LogprobMode[]): void {
  modes.set(engine, offered.includes("processed") ? "processed" : (offered[0] ?? "processed"));
}

/** Thirty-two tokens at temperature 1 that no EOS cuts short, unless the wish says otherwise. */
export function requestOf(wish: Wish, engine?: Engine): EngineRequest {
  attempts += 1;
  return {
    requestId: `a-${String(attempts).padStart(8, "0")}`,
    traceparent: null,
    policy: "default",
    slot: 0,
    promptTokenIds: Uint32Array.of(49, 55, 43, 50, 53, 61),
    outputTokenIds: new Uint32Array(0),
    siblingIndex: 0,
    logprobMode: (engine && modes.get(engine)) ?? "processed",
    cacheNamespace: `case-${attempts}`,
    cacheCarried: false,
    priority: 0,
    badWords: [],
    side: null,
    watched: () => false,
    ...wish,
    sampling: {
      maxNewTokens: 32,
      minNewTokens: 0,
      temperature: 1,
      topP: 1,
      topK: 0,
      minP: 0,
      presencePenalty: 0,
      frequencyPenalty: 0,
      repetitionPenalty: 1,
      stopTokenIds: [],
      stop: [],
      ignoreEos: true,
      seed: 11,
      logitBias: new Map(),
      allowedTokenIds: [],
      badWords: [],
      structured: null,
      engine: {},
      ...wish.sampling,
    },
  };
}

export interface VersionSpan {
  readonly version: number;
  readonly start: number;
  readonly end: number;
}

export interface Outcome {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly chunks: readonly TokenChunk[];
  /** Versions of the output, told with its chunks or at the end; `null` where nobody tells. */
  readonly spans: readonly VersionSpan[] | null;
  /** How much of the prompt came from cached KV. */
  readonly cached: number;
  readonly started: number | null;
  readonly prompt: PromptLogprobs | null;
  /** Rows of side data by output token; empty where there are none. */
  readonly top: readonly (readonly [id: number, logprob: number][])[];
  readonly mask: readonly (readonly number[])[];
  /** Routed experts as they were told; null where they were not. */
  readonly experts: { readonly head: ExpertsHead; readonly bytes: Buffer } | null;
  readonly finish: EngineFinish | null;
  readonly error: PacelineError | null;
}

/** An attempt that goes on by itself while a case looks at how far it is. */
export class Attempt {
  readonly request: EngineRequest;
  readonly outcome: Promise<Outcome>;
  readonly #stop = new AbortController();
  readonly #progress = new EventTarget();
  readonly #events: EngineEvent[] = [];
  #ended = false;

  /** `limit`: when it has failed; a real engine takes longer than ours. */
  constructor(engine: Engine, wish: Wish, limit = deadline()) {
    this.request = requestOf(wish, engine);
    const signal = AbortSignal.any([this.#stop.signal, limit]);
    this.outcome = this.#follow(engine, signal);
  }

  abort(): void {
    this.#stop.abort();
  }

  /** Resolves when `tokens` output tokens have come (more than one event may be read by then). */
  async reached(tokens: number): Promise<void> {
    while (tokensOf(this.#events) < tokens) {
      if (this.#ended) throw new Error(`ended before ${tokens} tokens`);
      await once(this.#progress, "event");
    }
  }

  get tokens(): number {
    return tokensOf(this.#events);
  }

  async #follow(engine: Engine, signal: AbortSignal): Promise<Outcome> {
    let error: PacelineError | null = null;
    try {
      for await (const event of engine.generate(this.request, signal)) {
        // As the server does with each chunk before it keeps it.
        if (event.type === "tokens") assertAligned(event.chunk.ids, event.chunk.logprobs);
        this.#events.push(event);
        this.#progress.dispatchEvent(new Event("event"));
      }
    } catch (thrown) {
      error = PacelineError.from(thrown);
    }
    this.#ended = true;
    this.#progress.dispatchEvent(new Event("event"));
    return outcomeOf(this.#events, error);
  }
}

export async function run(engine: Engine, wish: Wish): Promise<Outcome> {
  return new Attempt(engine, wish).outcome;
}

const idRows = ({ offsets, ids }: IdRows): number[][] =>
  Array.from(offsets.subarray(1), (end, row) => [...ids.subarray(offsets[row], end)]);

const topRows = (top: TopLogprobs): [number, number][][] =>
  idRows(top).map((ids, row) =>
    ids.map((id, at) => [id, top.logprobs[(top.offsets[row] as number) + at] as number]),
  );

const tokensOf = (events: readonly EngineEvent[]): number =>
  events.reduce((sum, event) => sum + (event.type === "tokens" ? event.chunk.ids.length : 0), 0);

function spansOf(chunks: readonly TokenChunk[]): VersionSpan[] | null {
  const spans: VersionSpan[] = [];
  for (const { version, start, ids } of chunks) {
    if (version === null) return null;
    const last = spans.at(-1);
    const end = start + ids.length;
    if (last?.version === version) spans[spans.length - 1] = { ...last, end };
    else spans.push({ version, start, end });
  }
  return spans;
}

function expertsOf(events: readonly EngineEvent[]): Outcome["experts"] {
  const head = events.find((event) => event.type === "experts_head")?.head;
  const pieces = events.flatMap((event) => (event.type === "experts" ? [event.bytes] : []));
  return head === undefined ? null : { head, bytes: Buffer.concat(pieces) };
}

function outcomeOf(events: readonly EngineEvent[], error: PacelineError | null): Outcome {
  const chunks = events.flatMap((event) => (event.type === "tokens" ? [event.chunk] : []));
  const sides = events.flatMap((event) =>
    event.type === "tokens" && event.side !== undefined ? [event.side] : [],
  );
  const started = events.find((event) => event.type === "started");
  const finish = events.find((event) => event.type === "finished");
  return {
    spans: finish?.versions ?? spansOf(chunks),
    cached: finish?.cachedTokens ?? started?.cachedTokens ?? 0,
    ids: chunks.flatMap((chunk) => [...chunk.ids]),
    logprobs: chunks.flatMap((chunk) => [...chunk.logprobs]),
    chunks,
    started: started?.cachedTokens ?? null,
    prompt: events.find((event) => event.type === "prompt")?.prompt ?? null,
    top: sides.flatMap(({ top }) => (top === null ? [] : topRows(top))),
    mask: sides.flatMap(({ mask }) => (mask === null ? [] : idRows(mask))),
    experts: expertsOf(events),
    finish: finish ?? null,
    error,
  };
}
