/**
 * What comes in from one attempt of a rollout: tokens go to its output, to its readers and into the counts, up to a stop
 * string of ours. Where an engine tells versions only at the end, tokens that a later one may have made wait for that.
 */
import type { HeldVersion } from "../contract/policy.ts";
import type { FinishReason, Span } from "../contract/rollout.ts";
import { firstRows, type SideChunk } from "../contract/side-data.ts";
import type { TokenChunk } from "../contract/tokens.ts";
import type { VersionRun } from "./attempt.ts";
import type { LifeContext } from "./life-context.ts";
import type { Stay } from "./output.ts";
import type { Traveller } from "./traveller.ts";

export class Intake {
  readonly #context: LifeContext;
  readonly #traveller: Traveller;
  /** Tokens whose version nobody can tell yet. */
  #unknown = 0;

  readonly #stay: Stay;

  constructor(traveller: Traveller, context: LifeContext, stay: Stay) {
    this.#traveller = traveller;
    this.#context = context;
    this.#stay = stay;
  }

  /** A reason where a stop string ends the rollout within the chunk. Throws what `Output.append` throws. */
  take(
    chunk: TokenChunk,
    held: HeldVersion,
    attested: Span["attested"],
    side?: SideChunk,
  ): FinishReason | null {
    const match = this.#traveller.text.stops?.feed(chunk.ids) ?? null;
    if (match === null) {
      this.#append(chunk, held, attested, side);
      return null;
    }
    const { tokens, matched } = match;
    const ids = chunk.ids.subarray(0, tokens);
    const kept = { ...chunk, ids, logprobs: chunk.logprobs.subarray(0, tokens) };
    this.#append(kept, held, attested, side && firstRows(side, tokens));
    this.#wasted(chunk.ids.length - tokens, "stop_string");
    return { type: "stop", cause: "stop_string", matched };
  }

  /** The engine tells at the end which versions made what. Throws what `Output.attest` throws. */
  attest(runs: readonly VersionRun[], placed: HeldVersion): void {
    const { output } = this.#traveller;
    output.attest(runs, placed, this.#stay);
    const counted = output.length - this.#unknown;
    for (const { held, start, end } of runs) {
      const fresh = end - Math.max(start, counted);
      if (fresh > 0) this.#count(fresh, held.version);
    }
    this.#unknown = 0;
  }

  /** The attempt ended as it should. */
  finished(): void {
    if (this.#unknown > 0) this.#count(this.#unknown, null);
    this.#unknown = 0;
  }

  /** The attempt was lost, and with it the word on what nobody else can tell the version of. */
  lost(): void {
    this.#unknown = 0;
    const { outputTokens, output } = this.#traveller;
    this.#wasted(outputTokens === 0 ? 0 : output.dropUnattested(), "unattested");
  }

  /** Some of what the attempt told was not so, and nobody can say which. */
  distrusted(): void {
    this.#unknown = 0;
    this.#wasted(this.#traveller.output.dropAttempt(this.#stay), "doubtful");
  }

  /** The rollout starts over. */
  clear(reason: string): void {
    this.#wasted(this.#traveller.output.clear(), reason);
  }

  #append(
    chunk: TokenChunk,
    held: HeldVersion,
    attested: Span["attested"],
    side?: SideChunk,
  ): void {
    this.#traveller.output.append(chunk, held, this.#stay, attested, side);
    this.#traveller.timeline.firstToken(this.#context.clock.now());
    const known = chunk.version !== null || attested === "none";
    this.#traveller.emit({
      type: "tokens",
      chunk: known ? chunk : { ...chunk, version: held.version },
    });
    if (attested === "none") this.#unknown += chunk.ids.length;
    else this.#count(chunk.ids.length, held.version);
  }

  #count(tokens: number, version: number | null): void {
    const { rollout } = this.#traveller;
    const committed = this.#context.ledger.committed(rollout.policy);
    const lag = committed === null || version === null ? null : committed - version;
    this.#context.observer.tokens(rollout, tokens, lag);
  }

  #wasted(tokens: number, reason: string): void {
    if (tokens === 0) return;
    this.#traveller.timeline.wasted(tokens);
    this.#context.observer.wasted(this.#traveller.rollout, tokens, reason);
  }
}
