/** ZMTP 3.0 on the wire (RFC 23), NULL mechanism: as much as a subscriber and a dealer need. */
import { PacelineError } from "../../server/contract/errors.ts";

export type SocketType = "PUB" | "XPUB" | "SUB" | "ROUTER" | "DEALER";

const MORE = 1;
const LONG = 2;
const COMMAND = 4;

export const GREETING_BYTES = 64;

/** Signature, version 3.0, mechanism NULL, no server; both sides send it at once. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write("NULL", 12, "latin1");
  return bytes;
}

/** Throws `engine_error` for what is no ZMTP 3 peer of the NULL mechanism. */
export function assertGreeting(bytes: Buffer): void {
  const mechanism = bytes.toString("latin1", 12, 32).replace(/\0+$/, "");
  if (
    bytes[0] === 0xff &&
    bytes[9] === 0x7f &&
    (bytes[10] as number) >= 3 &&
    mechanism === "NULL"
  ) {
    return;
  }
  throw broken("a greeting that is not ZMTP 3 with NULL");
}

/** The command that follows the greeting, on both sides. */
export function ready(type: SocketType): Buffer {
  return frame(
    Buffer.concat([text("READY"), property("Socket-Type", type), property("Identity", "")]),
    COMMAND,
  );
}

/** A whole message. */
export const message = (...parts: readonly Uint8Array[]): Buffer =>
  Buffer.concat(parts.map((part, at) => frame(part, at < parts.length - 1 ? MORE : 0)));

/** What its READY says it is; null: no READY, or one that does not say. */
export function socketTypeOf(command: Buffer): string | null {
  const head = text("READY");
  if (!command.subarray(0, head.length).equals(head)) return null;
  for (let at = head.length; at < command.length; ) {
    const name = command.toString("latin1", at + 1, at + 1 + (command[at] as number));
    const from = at + 1 + name.length + 4;
    if (from > command.length) return null;
    const end = from + command.readUInt32BE(from - 4);
    if (name === "Socket-Type") return command.toString("latin1", from, end);
    at = end;
  }
  return null;
}

/** Cuts what a peer sends, after its greeting, into messages and commands (its READY, pings). */
export class MessageCutter {
  readonly #messageBytes: number;
  readonly #take: (parts: readonly Buffer[]) => void;
  readonly #command: (body: Buffer) => void;
  #kept = Buffer.alloc(0);
  #parts: Buffer[] = [];

  constructor(
    messageBytes: number,
    take: (parts: readonly Buffer[]) => void,
    command: (body: Buffer) => void = () => {},
  ) {
    this.#messageBytes = messageBytes;
    this.#take = take;
    this.#command = command;
  }

  /** Throws `engine_error` beyond the limit, and what the takers throw. Parts are the taker's to keep. */
  push(bytes: Uint8Array): void {
    let rest = Buffer.concat([this.#kept, bytes]);
    for (let taken = this.#frame(rest); taken > 0; taken = this.#frame(rest))
      rest = rest.subarray(taken);
    this.#kept = Buffer.from(rest);
  }

  /** Bytes of the first frame; 0: it is not whole. */
  #frame(bytes: Buffer): number {
    const flags = bytes[0];
    if (flags === undefined) return 0;
    const head = (flags & LONG) === 0 ? 2 : 9;
    if (bytes.length < head) return 0;
    const size = head === 2 ? (bytes[1] as number) : Number(bytes.readBigUInt64BE(1));
    const before = this.#parts.reduce((sum, part) => sum + part.length, 0);
    if (before + size > this.#messageBytes)
      throw broken(`a message beyond ${this.#messageBytes} bytes`);
    if (bytes.length < head + size) return 0;
    const body = Buffer.from(bytes.subarray(head, head + size));
    if ((flags & COMMAND) !== 0) this.#command(body);
    else {
      this.#parts.push(body);
      if ((flags & MORE) === 0) {
        const parts = this.#parts;
        this.#parts = [];
        this.#take(parts);
      }
    }
    return head + size;
  }
}

function frame(body: Uint8Array, flags: number): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.of(flags, body.length), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

const text = (name: string): Buffer =>
  Buffer.concat([Buffer.of(name.length), Buffer.from(name, "latin1")]);

function property(name: string, value: string): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(value.length);
  return Buffer.concat([text(name), size, Buffer.from(value, "latin1")]);
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `the engine broke its stream of events: ${what}`);
