/**
 * One kept-alive connection to an engine, a request at a time. Not undici's, because undici reads a socket
 * whenever it has a byte; here the taker of a reply says when the next read may be. All connections
 * read into one buffer: a reply's bytes are taken before the next read, whoever's that is.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { PacelineError } from "../../server/contract/errors.ts";
import { errorFromSocket, lost } from "./errors.ts";
import { type ReplyHead, ReplyParser } from "./reply-parser.ts";

/** Takes one reply. Hears nothing more after `complete` or `failed`. */
export interface ReplyTaker {
  /**
   * Bytes of the body, good until this returns. Whether to read on; after false, `resume` does. What it
   * throws ends the reply: `failed` is told, the connection is cut.
   */
  body(head: ReplyHead, bytes: Uint8Array): boolean;
  complete(head: ReplyHead): void;
  failed(error: PacelineError): void;
}

/** Told when a connection may carry another request, and when it is gone. */
export interface ConnectionOwner {
  free(connection: Connection): void;
  gone(connection: Connection): void;
}

/** What a TLS connection trusts and shows; defaults are Node's. PEM. */
export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  /** Null: plain HTTP. */
  readonly tls: TlsOptions | null;
}

export interface ConnectionLimits {
  /** A connection, its TLS handshake with it, must stand by then, ms. */
  readonly connectMs: number;
  /** Most bytes of a reply's head. */
  readonly headBytes: number;
}

const READ_BYTES = 64 * 1024;
const buffer = new Uint8Array(READ_BYTES);

export class Connection {
  readonly #socket: Socket;
  readonly #owner: ConnectionOwner;
  readonly #headBytes: number;
  #parser: ReplyParser;
  #taker: ReplyTaker | null = null;
  #replies = 0;
  #heard = false;
  /** When its last reply ended, by `performance.now()`. */
  idleSince = 0;

  constructor(address: Address, limits: ConnectionLimits, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#headBytes = limits.headBytes;
    this.#parser = new ReplyParser(limits.headBytes);
    this.#socket = socketTo(address, (length) => this.#read(length));
    const deadline = setTimeout(
      () => this.#socket.destroy(lost(`no connection within ${limits.connectMs} ms`)),
      limits.connectMs,
    );
    const stands = address.tls === null ? "connect" : "secureConnect";
    this.#socket.once(stands, () => clearTimeout(deadline));
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

  /**
   * An earlier reply was whole and of the last one there is no byte: the engine may have closed the idle
   * connection while our request was on its way.
   */
  get stale(): boolean {
    return this.#replies > 0 && !this.#heard;
  }

  /** Sends a request, head and all, in one write. */
  send(request: string, taker: ReplyTaker): void {
    this.#taker = taker;
    this.#heard = false;
    this.#parser = new ReplyParser(this.#headBytes);
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
    this.#heard = true;
    const parser = this.#parser;
    try {
      const bytes = parser.push(buffer.subarray(0, length));
      const readOn = bytes.length === 0 || taker.body(parser, bytes);
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
    this.#replies += 1;
    taker.complete(this.#parser);
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

function socketTo({ host, port, tls }: Address, read: (length: number) => boolean): Socket {
  const options = { host, port, noDelay: true, onread: { buffer, callback: read } };
  if (tls === null) return connect(options);
  const socket = connectTls({ ...options, ...tls, servername: /[a-z]/i.test(host) ? host : "" });
  socket.setNoDelay(true);
  return socket;
}
