/**
 * Continuous batching by lengths: admission by KV, chunked prefill in the steps that decode, and the youngest gives way
 * where KV runs out. Time is the caller's: `plan` tells the longest run of equal steps from here, `advance` makes some of
 * them at once. A decoding sequence costs nothing per step: its output is the batch's count of steps less an offset.
 */
import { IndexedHeap } from "../../scheduler/heap.ts";
import type { AdapterSlots } from "./adapter-slots.ts";
import { KvBook } from "./kv-book.ts";
import type { Sequence } from "./sequence.ts";
import { type EngineShape, stepSeconds } from "./shape.ts";

export interface Phase {
  /** 0: it only waits for KV that is on its way. */
  readonly steps: number;
  /** Of each step, or of the wait. */
  readonly seconds: number;
}

const before = (a: Sequence, b: Sequence): boolean => {
  const [dueA, dueB] = [a.offset + a.stopAt, b.offset + b.stopAt];
  return dueA < dueB || (dueA === dueB && a.order < b.order);
};

/** Seconds: two times that differ by less are one. */
const ROUNDING = 1e-9;

export class Batch {
  readonly kv: KvBook;
  /** By priority, then arrival; who was put out keeps its place. */
  readonly waiting: Sequence[] = [];
  /** In order of admission. */
  readonly running: Sequence[] = [];
  /** In order of their loads' ends: one comes after the other. */
  readonly #loading: Sequence[] = [];
  readonly #prefilling: Sequence[] = [];
  readonly #decoding = new IndexedHeap<Sequence>(before);
  readonly #adapters: AdapterSlots | null;
  /** May change between phases: an engine that became slow. */
  shape: EngineShape;
  /** Decode steps made. */
  #made = 0;
  /** Who has begun to decode in what was made last. */
  begun: Sequence[] = [];
  decodedTokens = 0;
  prefilledTokens = 0;
  /** Of these, what had been computed before. */
  reprefilledTokens = 0;
  preemptions = 0;

  /** `adapters`: null where it has no bound of them, or none. */
  constructor(
    shape: EngineShape,
    kv: KvBook = new KvBook(shape.kvTokens),
    adapters: AdapterSlots | null = null,
  ) {
    this.shape = shape;
    this.kv = kv;
    this.#adapters = adapters;
  }

  get decoding(): number {
    return this.#decoding.size;
  }

  outputOf(sequence: Sequence): number {
    return sequence.state === "decoding" ? this.#made - sequence.offset : sequence.outputTokens;
  }

  /** Takes part from the next `plan` on. */
  add(sequence: Sequence): void {
    const at = this.waiting.findIndex(
      (other) =>
        other.priority > sequence.priority ||
        (other.priority === sequence.priority && other.order > sequence.order),
    );
    sequence.state = "waiting";
    this.waiting.splice(at === -1 ? this.waiting.length : at, 0, sequence);
  }

  /** `leaves`: see `KvBook.release`. */
  remove(sequence: Sequence, leaves?: readonly number[]): void {
    if (sequence.state === "waiting") this.waiting.splice(this.waiting.indexOf(sequence), 1);
    else this.#rest(sequence, leaves);
    sequence.state = "gone";
  }

  /** Back to the queue, its tokens kept. */
  putOut(sequence: Sequence): void {
    this.#rest(sequence);
    this.add(sequence);
  }

  /** Lets in what fits, then: steps until something changes. Null: nothing to do. `now` in seconds. */
  plan(now: number): Phase | null {
    this.#loaded(now);
    this.#makeRoom();
    this.#admit(now);
    const phase = this.#steps();
    const loading = this.#loading[0];
    if (loading === undefined) return phase;
    const left = Math.max(0, loading.readyAt - now);
    if (phase === null) return { steps: 0, seconds: left };
    const steps = Math.max(1, Math.ceil(left / phase.seconds));
    return { steps: Math.min(steps, phase.steps), seconds: phase.seconds };
  }

  #steps(): Phase | null {
    const decoding = this.#decoding.size;
    const head = this.#prefilling[0];
    if (head === undefined) {
      if (decoding === 0) return null;
      return { steps: this.#decodeSteps(), seconds: stepSeconds(this.shape, decoding, 0) };
    }
    this.kv.lookAgain(head);
    const { prefillChunk } = this.shape;
    const whole = Math.floor((head.missing - 1) / prefillChunk);
    if (whole > 0) {
      const steps = Math.min(whole, decoding === 0 ? whole : this.#decodeSteps());
      return { steps, seconds: stepSeconds(this.shape, decoding, prefillChunk) };
    }
    const { tokens, done } = this.#lastChunk();
    return { steps: 1, seconds: stepSeconds(this.shape, decoding + done, tokens) };
  }

  /** Makes `steps` of those planned; answers who has come to its `stopAt`. */
  advance(steps: number): Sequence[] {
    const head = this.#prefilling[0];
    this.begun = [];
    if (head !== undefined) this.#prefill(steps);
    const decoding = this.#decoding.size;
    this.#made += steps;
    this.decodedTokens += decoding * steps;
    if (decoding > 0) this.kv.grow(decoding * steps);
    const due: Sequence[] = [];
    for (let next = this.#decoding.peek(); next !== null; next = this.#decoding.peek()) {
      if (next.offset + next.stopAt > this.#made) break;
      this.#decoding.remove(next);
      due.push(next);
    }
    return due;
  }

  /** What was due goes on to a later `stopAt`. */
  goOn(sequence: Sequence, stopAt: number): void {
    sequence.stopAt = stopAt;
    this.#decoding.push(sequence);
  }

  #decodeSteps(): number {
    const first = this.#decoding.peek();
    if (first === null) return 1;
    const due = first.offset + first.stopAt - this.#made;
    if (this.running.length === 1) return due;
    const room = this.shape.kvTokens - this.kv.held - this.running.length;
    return Math.max(1, Math.min(due, 1 + Math.floor(room / this.#decoding.size)));
  }

  /** Each that runs needs room for one more token, or the youngest gives way. */
  #makeRoom(): void {
    while (this.running.length > 1 && this.kv.held + this.running.length > this.shape.kvTokens) {
      const youngest = this.running.reduce((young, each) =>
        each.order > young.order ? each : young,
      );
      this.preemptions++;
      this.putOut(youngest);
    }
  }

  #loaded(now: number): void {
    for (let head = this.#loading[0]; head !== undefined; head = this.#loading[0]) {
      if (head.readyAt > now + ROUNDING) return;
      this.#loading.shift();
      head.state = "prefilling";
      this.#prefilling.push(head);
    }
  }

  #admit(now: number): void {
    const { maxRunning, kvTokens } = this.shape;
    for (let i = 0; i < this.waiting.length && this.running.length < maxRunning; ) {
      const next = this.waiting[i] as Sequence;
      // Room for one more token of everybody, or the next step would put it out again.
      const growth = this.running.length + 1;
      if (this.kv.held + this.kv.need(next) + growth > kvTokens) return;
      const seconds = this.#useAdapter(next.adapter);
      // All its slots are in use: who needs another adapter may pass it.
      if (seconds === null) i++;
      else this.#start(next, seconds, now);
    }
  }

  #useAdapter(adapter: string | null): number | null {
    return adapter === null || this.#adapters === null ? 0 : this.#adapters.use(adapter);
  }

  #start(next: Sequence, adapterSeconds: number, now: number): void {
    this.waiting.splice(this.waiting.indexOf(next), 1);
    const seconds = this.kv.take(next) + adapterSeconds;
    this.running.push(next);
    if (seconds > 0) {
      next.state = "loading";
      next.readyAt = Math.max(now, this.#loading.at(-1)?.readyAt ?? 0) + seconds;
      this.#loading.push(next);
    } else {
      next.state = "prefilling";
      this.#prefilling.push(next);
    }
  }

  #lastChunk(): { readonly tokens: number; readonly done: number } {
    let left = this.shape.prefillChunk;
    let done = 0;
    for (const { missing } of this.#prefilling) {
      if (missing > left) return { tokens: this.shape.prefillChunk, done };
      left -= missing;
      done++;
    }
    return { tokens: this.shape.prefillChunk - left, done };
  }

  #prefill(steps: number): void {
    let left = this.shape.prefillChunk * steps;
    for (let head = this.#prefilling[0]; head !== undefined && left > 0; ) {
      const chunk = Math.min(head.missing, left);
      left -= chunk;
      this.prefilledTokens += chunk;
      this.reprefilledTokens += Math.max(0, Math.min(chunk, head.known - head.computed));
      head.computed += chunk;
      if (head.missing > 0) return;
      this.#prefilling.shift();
      this.kv.share(head);
      head.offset = this.#made - head.outputTokens;
      head.state = "decoding";
      this.#decoding.push(head);
      this.begun.push(head);
      head = this.#prefilling[0];
    }
  }

  /** Out of the batch, its output and its KV settled. */
  #rest(sequence: Sequence, leaves?: readonly number[]): void {
    const { state } = sequence;
    if (state === "prefilling" || state === "loading") {
      const list = state === "loading" ? this.#loading : this.#prefilling;
      list.splice(list.indexOf(sequence), 1);
    } else {
      sequence.outputTokens = this.outputOf(sequence);
      if (sequence.heapIndex >= 0) this.#decoding.remove(sequence);
      // The last token's KV is made by the step that follows it.
      sequence.computed = Math.max(0, sequence.contextTokens - 1);
    }
    this.running.splice(this.running.indexOf(sequence), 1);
    if (sequence.adapter !== null) this.#adapters?.release(sequence.adapter);
    this.kv.release(sequence, leaves);
    sequence.known = Math.max(sequence.known, sequence.computed);
    sequence.computed = 0;
    sequence.state = "waiting";
  }
}
