/**
 * Stop strings, matched by us over the decoded output, token by token, whatever the engine (I5): the output
 * ends with the token that completes one. Text is decoded in windows: a few tokens before what is new keep
 * the decoder's idea of spaces, and bytes at the end that are no character yet wait for the next token.
 * Special tokens count as they are written. Only output is looked at, never the prompt.
 */
import type { TextCodec } from "../text/tokenizer.ts";

export interface StopMatch {
  /** Tokens of the fed chunk up to the one that completes the string, that one included. */
  readonly tokens: number;
  readonly matched: string;
}

/** Bytes at the end of a text that may become a character with the next token. */
const INCOMPLETE = /\uFFFD+$/;

export class StopStrings {
  readonly #stops: readonly string[];
  readonly #decode: TextCodec["decodeAll"];
  readonly #minNewTokens: number;
  readonly #longest: number;
  #seen = 0;
  /** Tokens that are decoded together; the first `#read` of them are known as `#prefix`. */
  #window: number[] = [];
  #read = 0;
  #prefix = "";
  /** Text before the window's new part that a stop string could begin in. */
  #tail = "";

  /** A match counts only behind `minNewTokens` output tokens. */
  constructor(stops: readonly string[], decode: TextCodec["decodeAll"], minNewTokens: number) {
    this.#stops = stops;
    this.#decode = decode;
    this.#minNewTokens = minNewTokens;
    this.#longest = stops.reduce((most, { length }) => Math.max(most, length), 0);
  }

  /** Makes `output` what it has seen: nothing to do unless the rollout started over or goes on from tokens. */
  goOnFrom(output: Uint32Array): void {
    if (this.#seen === output.length) return;
    this.#seen = 0;
    this.#window = [];
    this.#read = 0;
    this.#prefix = "";
    this.#tail = "";
    for (let at = 0; at < output.length; at++) this.#token(output[at] as number, false);
  }

  /** The first match in what comes next, or null. Nothing is to be fed after a match. */
  feed(ids: Uint32Array): StopMatch | null {
    for (let at = 0; at < ids.length; at++) {
      const matched = this.#token(ids[at] as number, this.#seen >= this.#minNewTokens);
      if (matched !== null) return { tokens: at + 1, matched };
    }
    return null;
  }

  #token(id: number, counts: boolean): string | null {
    this.#seen += 1;
    this.#window.push(id);
    const text = this.#decode(this.#window);
    const whole = text.replace(INCOMPLETE, "");
    const fresh = whole.slice(this.#prefix.length);
    const matched = this.#find(fresh);
    if (matched !== null && counts) return matched;
    // A match that does not count must not be found again with the next token.
    if (fresh !== "" && (whole.length === text.length || matched !== null)) this.#commit(fresh);
    return null;
  }

  /** What ends first in `fresh`; of those that end together, the first of the list. */
  #find(fresh: string): string | null {
    if (fresh === "") return null;
    const text = this.#tail + fresh;
    let first: string | null = null;
    let end = Number.POSITIVE_INFINITY;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop, Math.max(0, this.#tail.length - stop.length + 1));
      if (at === -1 || at + stop.length >= end) continue;
      first = stop;
      end = at + stop.length;
    }
    return first;
  }

  #commit(fresh: string): void {
    const tail = this.#tail + fresh;
    this.#tail = this.#longest > 1 ? tail.slice(-(this.#longest - 1)) : "";
    this.#window = this.#window.slice(this.#read);
    this.#read = this.#window.length;
    this.#prefix = this.#decode(this.#window).replace(INCOMPLETE, "");
  }
}
