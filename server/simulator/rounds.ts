/**
 * A trainer that waits for its batch: a round of groups is asked for, ends, is trained on and published, and only then the
 * next is asked for. More groups, or more siblings, may be asked for than are needed; what becomes of those that have not
 * ended by then changes the workload, and with it what is learnt from:
 *
 * - `resume`: they keep what they have made and go on, first of all, in the next round, under newer weights (APRIL, 2509.18521).
 * - `long-round`: they begin anew in a round of their own, once as many wait as make a batch, in which nothing is asked for
 *   beyond what is needed (tail batching of RollPacker, 2509.21009). Their finished siblings begin anew with them, so that
 *   all that is trained on is of the latest version.
 */
import type { Agenda } from "./agenda.ts";
import type { Journey } from "./journey.ts";
import type { TrainerRun } from "./run.ts";
import type { Consumer } from "./trainer.ts";
import { TrainerSteps } from "./trainer-steps.ts";
import type { RoundsSpec, TrainerSpec } from "./workload.ts";

/** What a round does to rollouts that are in the fleet, or were. */
export interface RoundsFleet {
  readonly journeys: readonly Journey[];
  /** Ends what it does; what it has made is kept. */
  withdraw(journey: Journey): void;
  /** One that was withdrawn goes on. */
  goOn(journey: Journey): void;
  /** One that was withdrawn, or has finished, forgets what it made. */
  forget(journey: Journey): void;
  /** One that was withdrawn never comes back. */
  drop(journey: Journey): void;
}

export interface RoundsParts {
  readonly agenda: Agenda;
  readonly spec: TrainerSpec;
  readonly rounds: RoundsSpec;
  readonly fleet: () => RoundsFleet;
  readonly publish: (steps: number) => void;
}

interface Group {
  /** Those that may still count, by index. */
  members: readonly Journey[];
  readonly finished: Journey[];
}

export class Rounds implements Consumer {
  readonly #parts: RoundsParts;
  readonly #steps: TrainerSteps;
  readonly #groups = new Map<string, Group>();
  /** Of the round under way. */
  #open: Group[] = [];
  #whole: Group[] = [];
  /** What earlier rounds left. */
  #left: Group[] = [];
  /** New groups that this round may still ask for, and that no round has asked for. */
  #room: number;
  #fresh = 0;

  constructor(parts: RoundsParts) {
    this.#parts = parts;
    this.#steps = new TrainerSteps(parts.agenda, parts.spec.stepSeconds);
    this.#room = this.#issued;
  }

  get busy(): boolean {
    return this.#steps.busy;
  }

  mayStart(journey: Journey): boolean {
    if (this.#groups.size === 0) this.#gather();
    if (this.#room === 0) return false;
    this.#room--;
    this.#fresh--;
    this.#open.push(this.#groupOf(journey));
    return true;
  }

  finished(journey: Journey): void {
    const group = this.#groupOf(journey);
    if (!this.#open.includes(group) || this.#whole.includes(group)) return;
    group.finished.push(journey);
    if (group.finished.length < this.#needOf(group)) return;
    this.#whole.push(group);
    const fleet = this.#parts.fleet();
    for (const sibling of unfinished(group)) {
      fleet.withdraw(sibling);
      fleet.drop(sibling);
    }
    this.#end();
  }

  /** The fleet holds what was learnt last: the next round begins. */
  holds(): void {
    if (this.#steps.busy || this.#open.length > 0) return;
    const { leftover } = this.#parts.rounds;
    const { batchGroups } = this.#parts.spec;
    const ready = this.#left.length >= batchGroups || this.#fresh === 0;
    const long = leftover === "long-round" && ready && this.#left.length > 0;
    const most = long ? batchGroups : leftover === "resume" ? this.#issued : 0;
    const again = this.#left.splice(0, most);
    this.#room = long ? 0 : Math.max(0, this.#issued - again.length);
    this.#open.push(...again);
    for (const group of again) this.#goOn(group, long);
  }

  written(): TrainerRun {
    return this.#steps.written(this.#parts.rounds.leftover === "resume" ? Infinity : 0);
  }

  get #issued(): number {
    const { rounds, spec } = this.#parts;
    return Math.ceil(rounds.issue * spec.batchGroups);
  }

  #gather(): void {
    for (const journey of this.#parts.fleet().journeys) {
      const key = keyOf(journey);
      const group = this.#groups.get(key);
      if (group === undefined) this.#groups.set(key, { members: [journey], finished: [] });
      else group.members = [...group.members, journey];
    }
    this.#fresh = this.#groups.size;
  }

  #groupOf(journey: Journey): Group {
    const group = this.#groups.get(keyOf(journey));
    if (group === undefined) throw new Error(`no group of ${journey.key}`);
    return group;
  }

  #needOf({ members }: Group): number {
    return Math.min(this.#parts.rounds.need ?? members.length, members.length);
  }

  /** Once enough are whole. */
  #end(): void {
    const { rounds, spec, fleet, publish } = this.#parts;
    const most = this.#fresh > 0 && this.#room > 0 ? Infinity : this.#open.length;
    if (this.#whole.length < Math.min(spec.batchGroups, most)) return;
    const batch = this.#whole;
    const left = this.#open.filter((group) => !batch.includes(group));
    this.#whole = [];
    this.#open = [];
    this.#left.push(...left);
    for (const group of left) {
      for (const member of unfinished(group)) fleet().withdraw(member);
      if (rounds.leftover !== "long-round") continue;
      for (const member of group.members) fleet().forget(member);
      group.finished.length = 0;
    }
    this.#steps.begin(
      batch.flatMap(({ finished }) => finished),
      publish,
    );
  }

  #goOn(group: Group, long: boolean): void {
    const fleet = this.#parts.fleet();
    const kept = long ? group.members.slice(0, this.#needOf(group)) : group.members;
    for (const member of group.members) if (!kept.includes(member)) fleet.drop(member);
    group.members = kept;
    for (const member of unfinished(group)) fleet.goOn(member);
  }
}

const keyOf = ({ rollout }: Journey): string => rollout.group?.id ?? rollout.id;

const unfinished = ({ members }: Group): Journey[] =>
  members.filter(({ finishedAt }) => finishedAt === null);
