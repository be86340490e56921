/**
 * One reply of the engine as an async iterable: the socket's reads on one side, the consumer's pull on the
 * other, no stream object in between. The socket is left unread for as long as the pacing says, and
 * when the consumer falls behind by LIMITS.engineTokensUnread, until it has caught up half way.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent, EngineRequest } from "../engine.ts";
import type { ReadPacing } from "../read-pacing.ts";
import { errorFromReply, errorFromSignal } from "./errors.ts";
import type { Connection, ReplyTaker } from "./http/connection.ts";
import { type Expected, eventSink } from "./response.ts";
import { FrameReader } from "./wire/frame-reader.ts";

const DONE: IteratorResult<EngineEvent, undefined> = { value: undefined, done: true };

interface Waiter {
  resolve(result: IteratorResult<EngineEvent, undefined>): void;
  reject(error: PacelineError): void;
}

export interface EventStreamOptions {
  readonly request: Expected & Pick<EngineRequest, "sampling" | "watched">;
  readonly signal: AbortSignal;
  /** Null: every read as soon as there is something. */
  readonly pacing: ReadPacing | null;
  /** Called once if the reply is given up before its finish: by `signal`, or by the consumer. */
  readonly left: () => void;
}

export class EventStream implements AsyncIterableIterator<EngineEvent, undefined>, ReplyTaker {
  readonly #options: EventStreamOptions;
  readonly #reader: FrameReader;
  readonly #cancel: () => void;
  readonly #began = performance.now();
  #connection: Connection | null = null;
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

  constructor(options: EventStreamOptions) {
    this.#options = options;
    const { request } = options;
    const expected = request.sampling.maxNewTokens - request.outputTokenIds.length;
    this.#reader = new FrameReader(
      eventSink(request, (event) => this.#emit(event)),
      expected,
    );
    this.#cancel = () => this.#leave(errorFromSignal(options.signal, "the attempt"));
    options.signal.addEventListener("abort", this.#cancel, { once: true });
  }

  /** What its reads come from; told before the first of them. */
  reads(connection: Connection): this {
    this.#connection = connection;
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

  body(status: number, bytes: Uint8Array): boolean {
    if (status !== 200) {
      if (this.#refusal.length < LIMITS.engineControlBytes) this.#refusal += utf8(bytes);
      return true;
    }
    this.#reader.push(bytes);
    if (this.#over) return true;
    this.#behind = this.#unread > LIMITS.engineTokensUnread;
    return !this.#behind && this.#readOn();
  }

  complete(status: number): void {
    if (this.#over) return;
    if (status !== 200) {
      this.#fail(errorFromReply(status, this.#refusal));
      return;
    }
    try {
      // Throws: a reply that was complete is over by now.
      this.#reader.end();
    } catch (error) {
      this.#fail(PacelineError.from(error));
    }
  }

  failed(error: PacelineError): void {
    if (!this.#over) this.#fail(error);
  }

  /** Whether to read on at once; else the pacing will. */
  #readOn(): boolean {
    const { pacing, request } = this.#options;
    if (pacing === null || this.#connection === null || request.watched()) return true;
    const wait = pacing.wait(performance.now() - this.#began);
    if (wait > 0) pacing.after(wait, this);
    return wait === 0;
  }

  /** The pacing's turn. */
  resume(): void {
    if (!this.#over && !this.#behind) this.#connection?.resume();
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
    this.#connection?.cut();
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
    if (!this.#behind || this.#unread >= LIMITS.engineTokensUnread / 2) return;
    this.#behind = false;
    this.#connection?.resume();
  }
}

const tokensOf = (event: EngineEvent): number =>
  event.type === "tokens" ? event.chunk.ids.length : 0;

const utf8 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
