/** A trainer's steps, one after the other: what was taken for each, how old it was, and how long none could be taken. */
import type { Agenda } from "./agenda.ts";
import type { Journey } from "./journey.ts";
import type { TrainerRun } from "./run.ts";

export class TrainerSteps {
  readonly #agenda: Agenda;
  readonly #stepSeconds: number;
  readonly #ends: number[] = [];
  readonly #lags: number[] = [];
  #busy = false;
  #idleSince = 0;
  #idleSeconds = 0;
  #tokens = 0;
  #offPolicyTokens = 0;

  constructor(agenda: Agenda, stepSeconds: number) {
    this.#agenda = agenda;
    this.#stepSeconds = stepSeconds;
  }

  get busy(): boolean {
    return this.#busy;
  }

  /** Steps that are over. */
  get done(): number {
    return this.#ends.length;
  }

  /** Works on `batch`, then calls `over` with the steps that are done. */
  begin(batch: Iterable<Journey>, over: (steps: number) => void): void {
    const agenda = this.#agenda;
    this.#busy = true;
    this.#idleSeconds += agenda.now - this.#idleSince;
    for (const journey of batch) this.#train(journey);
    agenda.once(agenda.now + this.#stepSeconds, () => {
      this.#busy = false;
      this.#idleSince = agenda.now;
      this.#ends.push(agenda.now);
      over(this.#ends.length);
    });
  }

  /** `staleness`: versions beyond which a rollout is late. */
  written(staleness: number): TrainerRun {
    const lags = Array.from(this.#lags, (count) => count ?? 0);
    return {
      stepEnds: this.#ends,
      trainedTokens: this.#tokens,
      offPolicyTokens: this.#offPolicyTokens,
      idleSeconds: this.#idleSeconds,
      lags,
      late: lags.slice(staleness + 1).reduce((sum, count) => sum + count, 0),
    };
  }

  #train({ outputTokens, firstVersion, segments }: Journey): void {
    this.#tokens += outputTokens;
    // The fleet's versions count from 1.
    const version = this.#ends.length + 1;
    for (const { from, to, version: under } of segments) {
      if (under < version) this.#offPolicyTokens += Math.max(0, to - from);
    }
    const lag = version - (firstVersion ?? version);
    this.#lags[lag] = (this.#lags[lag] ?? 0) + 1;
  }
}
