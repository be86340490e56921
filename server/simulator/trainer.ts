/**
 * A trainer beside the fleet: takes a batch of whole groups whenever it is ready, works, and publishes. Staleness is bounded
 * as `server/jobs` bounds it: groups admitted so far ≤ (η + version + 1)·batch.
 */
import type { Agenda } from "./agenda.ts";
import type { Journey } from "./journey.ts";
import type { TrainerRun } from "./run.ts";
import type { TrainerSpec } from "./workload.ts";

export interface TrainerParts {
  readonly agenda: Agenda;
  readonly spec: TrainerSpec;
  /** η: versions that a rollout may be behind when it is taken. */
  readonly staleness: number;
  /** A step is over: `version` counts steps. */
  readonly publish: (version: number) => void;
}

export class Trainer {
  readonly #parts: TrainerParts;
  /** Of each group that was admitted: its members that are missing. */
  readonly #missing = new Map<string, number>();
  readonly #members = new Map<string, Journey[]>();
  readonly #ready: string[] = [];
  #admitted = 0;
  #version = 0;
  #busy = false;
  #idleSince = 0;
  #idleSeconds = 0;
  #tokens = 0;
  #taken = 0;
  #doneAt = 0;
  readonly #lags: number[] = [];

  constructor(parts: TrainerParts) {
    this.#parts = parts;
  }

  /** Whether its group may come in; counted where it may. */
  mayStart({ rollout }: Journey): boolean {
    const id = rollout.group?.id ?? rollout.id;
    const { staleness, spec } = this.#parts;
    if (this.#admitted >= (staleness + this.#version + 1) * spec.batchGroups) return false;
    this.#admitted++;
    this.#missing.set(id, rollout.group?.size ?? 1);
    this.#members.set(id, []);
    return true;
  }

  finished(journey: Journey): void {
    const id = journey.rollout.group?.id ?? journey.rollout.id;
    const missing = (this.#missing.get(id) ?? 1) - 1;
    this.#missing.set(id, missing);
    this.#members.get(id)?.push(journey);
    if (missing > 0) return;
    this.#ready.push(id);
    this.#take();
  }

  written(): TrainerRun {
    const late = this.#lags.slice(this.#parts.staleness + 1).reduce((sum, n) => sum + n, 0);
    return {
      steps: this.#version,
      trainedTokens: this.#tokens,
      seconds: this.#doneAt,
      idleSeconds: this.#idleSeconds,
      lags: Array.from(this.#lags, (count) => count ?? 0),
      late,
    };
  }

  #take(): void {
    const { spec, agenda, publish } = this.#parts;
    if (this.#busy || this.#ready.length - this.#taken < spec.batchGroups) return;
    this.#busy = true;
    this.#idleSeconds += agenda.now - this.#idleSince;
    for (let i = 0; i < spec.batchGroups; i++) {
      const id = this.#ready[this.#taken++] as string;
      for (const member of this.#members.get(id) ?? []) this.#train(member);
      this.#members.delete(id);
    }
    agenda.once(agenda.now + spec.stepSeconds, () => {
      this.#busy = false;
      this.#idleSince = agenda.now;
      this.#doneAt = agenda.now;
      publish(++this.#version);
      this.#take();
    });
  }

  #train({ outputTokens, firstVersion }: Journey): void {
    this.#tokens += outputTokens;
    // The fleet's versions count from 1.
    const lag = this.#version + 1 - (firstVersion ?? this.#version + 1);
    this.#lags[lag] = (this.#lags[lag] ?? 0) + 1;
  }
}
