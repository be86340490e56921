/** One reply of a fake, in one piece or as server-sent events, struck by a fault of its bytes. */
import type { ServerResponse } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { NAN } from "./fake-output.ts";
import type { Fault } from "./fault.ts";

/** JSON with what no JSON library writes: digits beyond 2^53 (`RawNumber`) and NaN. */
export function encodeJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, given: unknown) =>
    typeof given === "object" && given !== null && "rawJSON" in given
      ? rawJson(String(given.rawJSON))
      : given,
  );
  return text.replaceAll(`"${NAN}"`, "NaN");
}

/** ES2026, not yet in TypeScript's library. */
const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON.bind(JSON);

export class FakeReply {
  readonly #response: ServerResponse;
  readonly #fault: Fault | null;
  readonly #exit: () => void;
  /** Written in order: dribbling takes turns of the event loop. */
  #writing: Promise<void> = Promise.resolve();
  #struck = false;
  #mute = false;
  #dribbles = false;

  constructor(response: ServerResponse, fault: Fault | null, exit: () => void) {
    this.#response = response;
    this.#fault = fault;
    this.#exit = exit;
  }

  /** Nobody reads any more, or nothing more will be sent. */
  get over(): boolean {
    return this.#mute || this.#response.destroyed;
  }

  /** Runs `then` once the reply is out. */
  last(then: () => void): void {
    this.#response.once("finish", then);
  }

  text(status: number, text: string, type = "text/plain; charset=utf-8"): void {
    const length = Buffer.byteLength(text);
    this.#response.writeHead(status, { "content-type": type, "content-length": length }).end(text);
  }

  json(status: number, body: unknown): void {
    const text = encodeJson(this.#told(body));
    if (status !== 200 || !this.#strikesBytes()) {
      this.text(status, text, "application/json");
      return;
    }
    // No length: a body that ends early must look whole.
    this.#response.writeHead(status, { "content-type": "application/json" });
    this.#strike(text);
    if (!this.#mute) this.#end();
  }

  /** `made`: output tokens so far. `final`: it tells the finish. */
  event(body: unknown, made: number, final: boolean): void {
    if (this.over) return;
    this.#open();
    const text = `data: ${encodeJson(this.#told(body))}\n\n`;
    if (final && this.#fault?.kind === "unfinished") {
      this.#mute = true;
      this.#response.end();
    } else if (!this.#struck && this.#strikesBytes() && made > (this.#fault?.afterTokens ?? 0)) {
      this.#strike(text);
    } else this.#write(text);
  }

  /** The terminator of a stream of events. */
  done(): void {
    if (this.over) return;
    this.#open();
    this.#write("data: [DONE]\n\n");
    this.#end();
  }

  #told(body: unknown): unknown {
    return this.#fault?.kind === "unknown_fields" ? withUnknown(body) : body;
  }

  #open(): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  }

  #strikesBytes(): boolean {
    switch (this.#fault?.kind) {
      case "die":
      case "truncate":
      case "malformed":
      case "stall":
      case "dribble":
      case "exit":
      case "unfinished":
        return true;
      default:
        return false;
    }
  }

  #strike(text: string): void {
    this.#struck = true;
    const half = text.slice(0, text.length >> 1);
    switch (this.#fault?.kind) {
      case "die":
        this.#mute = true;
        this.#response.write(half, () => this.#response.socket?.resetAndDestroy());
        break;
      case "truncate":
        this.#mute = true;
        this.#response.end(half);
        break;
      case "stall":
        this.#mute = true;
        this.#response.write(half);
        break;
      case "exit":
        this.#mute = true;
        this.#response.write(half, () => this.#exit());
        break;
      case "malformed":
        this.#write(text.replace(":[", ":[,"));
        break;
      case "dribble":
        this.#dribbles = true;
        this.#write(text);
        break;
      default:
        // `unfinished` in one piece is a body without an end.
        this.#mute = this.#fault?.kind === "unfinished" && !text.startsWith("data:");
        if (this.#mute) this.#response.end(half);
        else this.#write(text);
    }
  }

  #write(text: string): void {
    if (!this.#dribbles) {
      this.#response.write(text);
      return;
    }
    this.#writing = this.#writing.then(async () => {
      for (const byte of Buffer.from(text)) {
        if (this.#response.destroyed) return;
        this.#response.write(Uint8Array.of(byte));
        await turn();
      }
    });
  }

  #end(): void {
    this.#writing = this.#writing.then(() => void this.#response.end());
  }
}

const UNKNOWN = { deep: [1e300, -0, [], {}, ']}\\"\u2028 ü'], token_ids: [7], logprob: null };

function withUnknown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withUnknown);
  if (typeof value !== "object" || value === null || "rawJSON" in value) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, withUnknown(inner)]);
  return { unknown_before: UNKNOWN, ...Object.fromEntries(entries), unknown_after: UNKNOWN };
}
