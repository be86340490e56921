/**
 * One reply of an engine as an async iterable: the socket's reads on one side, the consumer's pull on the
 * other, no stream object in between. The socket is left unread for as long as the pacing says, and
 * when the consumer falls behind by `tokensUnread`, until it has caught up half way.
 */

import { errorFromSignal } from "../../server/contract/abort.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineEvent, EngineRequest } from "../engine.ts";
import type { ReadPacing } from "../read-pacing.ts";
import type { ReplyTaker } from "./connection.ts";
import type { Exchange } from "./connections.ts";
import type { ReplyHead } from "./reply-parser.ts";

const DONE: IteratorResult<EngineEvent, undefined> = { value: undefined, done: true };

interface Waiter {
  resolve(result: IteratorResult<EngineEvent, undefined>): void;
  reject(error: PacelineError): void;
}

/** From the bytes of a reply to events. What it throws ends the stream and cuts the connection. */
export interface ReplyDecoder {
  /** The next bytes of a 2xx's body, good until this returns. */
  push(bytes: Uint8Array): void;
  /** Amid one value of many bytes: the socket is read as fast as it gives them. Default: never. */
  readonly bulk?: boolean;
  /** The body is whole. Emits `finished` or throws; told only if it has not been emitted before. */
  end(): void;
}

export interface EventStreamLimits {
  /** Tokens that wait for their consumer before the socket is left unread. */
  readonly tokensUnread: number;
  /** Bytes kept of the body of a refusal. */
  readonly refusalBytes: number;
}

export interface EventStreamOptions {
  readonly request: Pick<EngineRequest, "watched">;
  readonly signal: AbortSignal;
  readonly limits: EventStreamLimits;
  /** From a status that is not 2xx and its body to an error. */
  readonly refused: (status: number, text: string) => PacelineError;
  /** Null: every read as soon as there is something. */
  readonly pacing: ReadPacing | null;
  /** Told of what broke the connection off; default nobody. */
  readonly lost?: (error: PacelineError) => void;
  /** Called once if the reply is given up before its finish: by `signal`, or by the consumer. */
  readonly left: () => void;
}

export class EventStream implements AsyncIterableIterator<EngineEvent, undefined>, ReplyTaker {
  readonly #options: EventStreamOptions;
  readonly #decoder: ReplyDecoder;
  readonly #cancel: () => void;
  readonly #began = performance.now();
  #exchange: Exchange | null = null;
  #queue: EngineEvent[] = [];
  #next = 0;
  /** Tokens in the queue. */
  #unread = 0;
  #waiter: Waiter | null = null;
  /** The consumer is behind: the socket stays unread until it has caught up. */
  #behind = false;
  #over = false;
  #error: PacelineError | null = null;
  /** Body of a reply that is not 200. */
  #refusal = "";

  /** `decoder` makes what calls `emit` with each event; `finished` is the last. */
  constructor(
    options: EventStreamOptions,
    decoder: (emit: (event: EngineEvent) => void) => ReplyDecoder,
  ) {
    this.#options = options;
    this.#decoder = decoder((event) => this.#emit(event));
    this.#cancel = () => this.#leave(errorFromSignal(options.signal, "the attempt"));
    options.signal.addEventListener("abort", this.#cancel, { once: true });
  }

  /** What its reads come from; told before the first of them. */
  reads(exchange: Exchange): this {
    this.#exchange = exchange;
    return this;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<EngineEvent, undefined>> {
    const value = this.#queue[this.#next];
    if (value !== undefined) {
      this.#next += 1;
      this.#pulled(tokensOf(value));
      return Promise.resolve({ value, done: false });
    }
    if (this.#error !== null) {
      const error = this.#error;
      this.#error = null;
      return Promise.reject(error);
    }
    if (this.#over) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** The consumer has had enough. */
  return(): Promise<IteratorResult<EngineEvent, undefined>> {
    this.#leave(null);
    return Promise.resolve(DONE);
  }

  body({ status }: ReplyHead, bytes: Uint8Array): boolean {
    if (!isSuccess(status)) {
      if (this.#refusal.length < this.#options.limits.refusalBytes) this.#refusal += utf8(bytes);
      return true;
    }
    this.#decoder.push(bytes);
    if (this.#over) return true;
    this.#behind = this.#unread > this.#options.limits.tokensUnread;
    return !this.#behind && this.#readOn();
  }

  complete({ status }: ReplyHead): void {
    if (this.#over) return;
    if (!isSuccess(status)) {
      this.#fail(this.#options.refused(status, this.#refusal));
      return;
    }
    try {
      this.#decoder.end();
    } catch (error) {
      this.#fail(PacelineError.from(error));
      return;
    }
    if (!this.#over) {
      this.#fail(new PacelineError("engine_error", "the engine's reply ended without a finish"));
    }
  }

  failed(error: PacelineError): void {
    if (this.#over) return;
    this.#options.lost?.(error);
    this.#fail(error);
  }

  /** Whether to read on at once; else the pacing will. */
  #readOn(): boolean {
    const { pacing, request } = this.#options;
    if (pacing === null || this.#exchange === null || request.watched()) return true;
    if (this.#decoder.bulk === true) return true;
    const wait = pacing.wait(performance.now() - this.#began);
    if (wait > 0) pacing.after(wait, this);
    return wait === 0;
  }

  /** The pacing's turn. */
  resume(): void {
    if (!this.#over && !this.#behind) this.#exchange?.resume();
  }

  #emit(event: EngineEvent): void {
    if (event.type === "finished") this.#close();
    const waiter = this.#waiter;
    if (waiter === null) {
      this.#queue.push(event);
      this.#unread += tokensOf(event);
    } else {
      this.#waiter = null;
      waiter.resolve({ value: event, done: false });
    }
  }

  /** Events that came before are still handed out. */
  #fail(error: PacelineError): void {
    this.#close();
    const waiter = this.#waiter;
    if (waiter === null) {
      this.#error = error;
    } else {
      this.#waiter = null;
      waiter.reject(error);
    }
  }

  /** `error` null: the consumer asked and expects none. */
  #leave(error: PacelineError | null): void {
    if (this.#over) return;
    this.#queue = [];
    this.#next = 0;
    if (error === null) this.#close();
    else this.#fail(error);
    this.#exchange?.cut();
    this.#options.left();
  }

  #close(): void {
    this.#over = true;
    this.#options.signal.removeEventListener("abort", this.#cancel);
  }

  #pulled(tokens: number): void {
    this.#unread -= tokens;
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    }
    if (!this.#behind || this.#unread >= this.#options.limits.tokensUnread / 2) return;
    this.#behind = false;
    this.#exchange?.resume();
  }
}

/** Bulk counts as the tokens that would take as much memory. */
function tokensOf(event: EngineEvent): number {
  if (event.type === "tokens") return event.chunk.ids.length;
  return event.type === "experts" ? event.bytes.length / TOKEN_BYTES : 0;
}

const TOKEN_BYTES = 8;

const utf8 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

const isSuccess = (status: number): boolean => status >= 200 && status < 300;
