/**
 * One kept-alive connection to an engine, a request at a time. Not undici's, because undici reads a socket
 * whenever it has a byte; here the taker of a reply says when the next read may be. All connections
 * read into one buffer: a reply's bytes are taken before the next read, whoever's that is.
 */
import { connect, type Socket } from "node:net";
import { PacelineError } from "../../../server/contract/errors.ts";
import { errorFromSocket } from "../errors.ts";
import { ReplyParser } from "./reply-parser.ts";

/** Takes one reply. Hears nothing more after `complete` or `failed`. */
export interface ReplyTaker {
  /**
   * Bytes of the body, good until this returns. Whether to read on; after false, `resume` does. What it
   * throws ends the reply: `failed` is told, the connection is cut.
   */
  body(status: number, bytes: Uint8Array): boolean;
  complete(status: number): void;
  failed(error: PacelineError): void;
}

/** Told when a connection may carry another request, and when it is gone. */
export interface ConnectionOwner {
  free(connection: Connection): void;
  gone(connection: Connection): void;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const READ_BYTES = 64 * 1024;
const buffer = new Uint8Array(READ_BYTES);

export class Connection {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  #parser = new ReplyParser();
  #taker: ReplyTaker | null = null;
  /** When its last reply ended, by `performance.now()`. */
  idleSince = 0;

  constructor(address: Address, connectMs: number, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#socket = connect({
      ...address,
      noDelay: true,
      onread: { buffer, callback: (length) => this.#read(length) },
    });
    const deadline = setTimeout(
      () => this.#socket.destroy(lost(`no connection within ${connectMs} ms`)),
      connectMs,
    );
    this.#socket.once("connect", () => clearTimeout(deadline));
    this.#socket.once("end", () => this.#end());
    this.#socket.once("error", (error) => this.fail(errorFromSocket(error)));
    this.#socket.once("close", () => {
      clearTimeout(deadline);
      owner.gone(this);
      this.fail(lost("closed by the engine"));
    });
  }

  get open(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  /** Sends a request, head and all, in one write. */
  send(request: string, taker: ReplyTaker): void {
    this.#taker = taker;
    this.#parser = new ReplyParser();
    this.#socket.write(request);
  }

  resume(): void {
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  /** Cuts the connection; the taker hears nothing more. */
  cut(): void {
    this.#taker = null;
    this.#socket.destroy();
  }

  fail(error: PacelineError): void {
    const taker = this.#taker;
    this.cut();
    taker?.failed(error);
  }

  /** Whether to read on. */
  #read(length: number): boolean {
    const taker = this.#taker;
    // Nobody asked for anything: whatever speaks there is out of step.
    if (taker === null) {
      this.cut();
      return false;
    }
    const parser = this.#parser;
    try {
      const bytes = parser.push(buffer.subarray(0, length));
      const readOn = bytes.length === 0 || taker.body(parser.status, bytes);
      if (parser.error !== null) throw parser.error;
      if (parser.complete) this.#complete(taker);
      return readOn || parser.complete;
    } catch (thrown) {
      this.fail(PacelineError.from(thrown));
      return false;
    }
  }

  #complete(taker: ReplyTaker): void {
    this.#taker = null;
    taker.complete(this.#parser.status);
    if (this.#parser.keepAlive) this.#owner.free(this);
    else this.#socket.destroy();
  }

  #end(): void {
    const taker = this.#taker;
    if (taker === null) return;
    try {
      if (this.#parser.end()) this.#complete(taker);
    } catch (thrown) {
      this.fail(PacelineError.from(thrown));
    }
  }
}

export function lost(what: string): PacelineError {
  return new PacelineError("engine_unreachable", `the engine's socket: ${what}`);
}
