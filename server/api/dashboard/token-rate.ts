/** Tokens per second from the engines' counters, which start anew with each incarnation. */

/** Samples that a rate is taken over: telemetry arrives about as often as samples are taken. */
const WINDOW = 4;

interface Sample {
  /** Clock time, ms. */
  readonly at: number;
  /** Tokens counted since this meter began. */
  readonly tokens: number;
}

export class TokenRate {
  #counter: { incarnation: string; tokens: number } | null = null;
  #tokens = 0;
  readonly #samples: Sample[] = [];

  /** `counter`: the engine's cumulative count. What was made before the first look is not counted. */
  sample(at: number, incarnation: string, counter: number): void {
    const last = this.#counter;
    // A counter of a new incarnation began at 0 after our last look.
    const before = last === null ? counter : last.incarnation === incarnation ? last.tokens : 0;
    this.#tokens += Math.max(0, counter - before);
    this.#counter = { incarnation, tokens: counter };
    this.#samples.push({ at, tokens: this.#tokens });
    if (this.#samples.length > WINDOW) this.#samples.shift();
  }

  get perSecond(): number {
    const first = this.#samples[0];
    const last = this.#samples[this.#samples.length - 1];
    if (first === undefined || last === undefined || last.at <= first.at) return 0;
    return ((last.tokens - first.tokens) * 1000) / (last.at - first.at);
  }
}
