/**
 * A trainer beside the fleet: takes a batch of whole groups, works, and publishes. Staleness is bounded as `server/jobs/staleness.ts`
 * bounds it, running + accepted ≤ (η + v + 1)·B, v being the version that the whole fleet holds. That alone bounds no
 * single rollout: a group that takes long would be overtaken until it is too old. So the oldest whole groups are taken first, and
 * none before the rest can still be taken in time, B a step: a group let in at v no later than at v + η.
 */
import type { Agenda } from "./agenda.ts";
import type { Journey } from "./journey.ts";
import type { TrainerRun } from "./run.ts";
import { TrainerSteps } from "./trainer-steps.ts";
import type { TrainerSpec } from "./workload.ts";

/** Who decides which groups come in, and takes what they made. */
export interface Consumer {
  /** A step is under way. */
  readonly busy: boolean;
  /** Whether its group may come in; counted where it may. */
  mayStart(journey: Journey): boolean;
  finished(journey: Journey): void;
  /** The whole fleet holds the version of so many steps. */
  holds(steps: number): void;
  written(): TrainerRun;
}

export interface TrainerParts {
  readonly agenda: Agenda;
  readonly spec: TrainerSpec;
  /** η: versions that a rollout may be behind when it is taken. */
  readonly staleness: number;
  /** A step is over: `steps` counts them. */
  readonly publish: (steps: number) => void;
}

/** A group that was let in, and which of its members have finished. */
interface Group {
  missing: number;
  readonly members: Journey[];
  /** Steps that had been done when it must be taken. */
  readonly due: number;
}

export class Trainer implements Consumer {
  readonly #parts: TrainerParts;
  readonly #groups = new Map<string, Group>();
  /** Not taken yet, in the order in which they were let in. */
  #line: Group[] = [];
  #admitted = 0;
  readonly #steps: TrainerSteps;
  #held = 0;

  constructor(parts: TrainerParts) {
    this.#parts = parts;
    this.#steps = new TrainerSteps(parts.agenda, parts.spec.stepSeconds);
  }

  get busy(): boolean {
    return this.#steps.busy;
  }

  mayStart({ rollout }: Journey): boolean {
    const { staleness, spec } = this.#parts;
    if (this.#admitted >= (staleness + this.#held + 1) * spec.batchGroups) return false;
    this.#admitted++;
    const due = this.#held + staleness;
    const group = { missing: rollout.group?.size ?? 1, members: [], due };
    this.#groups.set(rollout.group?.id ?? rollout.id, group);
    this.#line.push(group);
    return true;
  }

  finished(journey: Journey): void {
    const { rollout } = journey;
    const group = this.#groups.get(rollout.group?.id ?? rollout.id);
    if (group === undefined) return;
    group.members.push(journey);
    group.missing--;
    if (group.missing === 0) this.#take();
  }

  holds(steps: number): void {
    this.#held = Math.max(this.#held, steps);
  }

  written(): TrainerRun {
    return this.#steps.written(this.#parts.staleness);
  }

  #take(): void {
    const batch = this.#steps.busy ? null : this.#batch();
    if (batch === null) return;
    const members = batch.flatMap((group) => group.members.splice(0));
    this.#steps.begin(members, (steps) => {
      this.#parts.publish(steps);
      this.#take();
    });
  }

  /** The oldest whole groups, if there are enough and none of the others would be late for it. */
  #batch(): readonly Group[] | null {
    const { batchGroups } = this.#parts.spec;
    const whole = this.#line.filter(({ missing }) => missing === 0).slice(0, batchGroups);
    if (whole.length < batchGroups) return null;
    const taken = new Set(whole);
    const rest = this.#line.filter((group) => !taken.has(group));
    const next = this.#steps.done + 1;
    const late = rest.some(({ due }, place) => next + Math.floor(place / batchGroups) > due);
    if (late) return null;
    this.#line = rest;
    return whole;
  }
}
