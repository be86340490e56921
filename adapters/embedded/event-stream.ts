/**
 * One reply of the engine as an async iterable: undici's dispatch handler on one side, the consumer's
 * pull on the other, no stream object in between. When the consumer falls behind by
 * LIMITS.engineEventsUnread events the socket is left unread until it has caught up half way.
 */
import type { Dispatcher } from "undici";
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent } from "../engine.ts";
import { errorFromReply, errorFromSignal, errorFromSocket } from "./errors.ts";
import { type Expected, eventSink } from "./response.ts";
import { FrameReader } from "./wire/frame-reader.ts";

const DONE: IteratorResult<EngineEvent, undefined> = { value: undefined, done: true };

interface Waiter {
  resolve(result: IteratorResult<EngineEvent, undefined>): void;
  reject(error: PacelineError): void;
}

export class EventStream
  implements AsyncIterableIterator<EngineEvent, undefined>, Dispatcher.DispatchHandler
{
  readonly #reader: FrameReader;
  readonly #left: () => void;
  readonly #stop: () => void;
  #controller: Dispatcher.DispatchController | null = null;
  #queue: EngineEvent[] = [];
  #next = 0;
  #waiter: Waiter | null = null;
  #over = false;
  #error: PacelineError | null = null;
  #status = 0;
  /** Body of a reply that is not 200. */
  #refusal = "";

  /** `left` is called once if the reply is given up before its finish: by `signal`, or by the consumer. */
  constructor(request: Expected, signal: AbortSignal, left: () => void) {
    this.#reader = new FrameReader(eventSink(request, (event) => this.#emit(event)));
    this.#left = left;
    const cancel = (): void => this.#leave(errorFromSignal(signal, "the attempt"));
    this.#stop = () => signal.removeEventListener("abort", cancel);
    signal.addEventListener("abort", cancel, { once: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<EngineEvent, undefined>> {
    const value = this.#queue[this.#next];
    if (value !== undefined) {
      this.#next += 1;
      this.#unread();
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

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error("left before it was sent"));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    if (this.#status !== 200) {
      if (this.#refusal.length < LIMITS.engineControlBytes) this.#refusal += chunk.toString();
      return;
    }
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#fail(PacelineError.from(error));
      controller.abort(new Error("the engine broke its protocol"));
      return;
    }
    if (this.#queue.length - this.#next > LIMITS.engineEventsUnread) controller.pause();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    if (this.#status !== 200) {
      this.#fail(errorFromReply(this.#status, this.#refusal));
      return;
    }
    try {
      // Throws: a reply that was complete is over by now.
      this.#reader.end();
    } catch (error) {
      this.#fail(PacelineError.from(error));
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#over) this.#fail(errorFromSocket(error));
  }

  #emit(event: EngineEvent): void {
    if (event.type === "finished") this.#close();
    const waiter = this.#waiter;
    if (waiter === null) {
      this.#queue.push(event);
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
    this.#controller?.abort(new Error("the attempt was given up"));
    this.#left();
  }

  #close(): void {
    this.#over = true;
    this.#stop();
  }

  #unread(): void {
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    }
    const controller = this.#controller;
    if (
      controller?.paused === true &&
      this.#queue.length - this.#next < LIMITS.engineEventsUnread / 2
    ) {
      controller.resume();
    }
  }
}
