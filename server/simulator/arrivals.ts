/**
 * When rollouts come: first turns at their time, later ones a gap after the turn before. Who has arrived waits outside
 * while the scheduler has its fill, as a client that was refused does, or while staleness has no room for its group. Groups
 * come in as a whole: who arrives later than its siblings goes where they are.
 */
import type { Agenda } from "./agenda.ts";
import type { Journey } from "./journey.ts";

export interface ArrivalParts {
  readonly agenda: Agenda;
  /** Whether the group of this one, the next in line, may come in now. */
  readonly mayStart: (journey: Journey) => boolean;
  readonly offer: (journey: Journey) => void;
}

interface Line {
  readonly journeys: Journey[];
  in: boolean;
}

export class Arrivals {
  readonly #parts: ArrivalParts;
  readonly #outside: Line[] = [];
  readonly #lines = new Map<string, Line>();
  #next = 0;
  #expected = 0;

  constructor(parts: ArrivalParts) {
    this.#parts = parts;
  }

  /** Those whose time has not come. */
  get expected(): number {
    return this.#expected;
  }

  schedule(journeys: readonly Journey[]): void {
    const last = new Map<string, Journey>();
    for (const journey of journeys) {
      const { session, arrivalSeconds } = journey.rollout;
      const previous = session === null ? undefined : last.get(session.id);
      if (session !== null) last.set(session.id, journey);
      if (previous !== undefined) previous.next = journey;
      else this.#arrive(journey, arrivalSeconds);
    }
  }

  /** The turn after one that has ended. */
  follow(next: Journey): void {
    this.#arrive(next, this.#parts.agenda.now + (next.rollout.session?.gapSeconds ?? 0));
  }

  admit(): void {
    for (;;) {
      const line = this.#outside[this.#next];
      const first = line?.journeys[0];
      if (line === undefined || first === undefined || !this.#parts.mayStart(first)) return;
      this.#next++;
      line.in = true;
      for (const journey of line.journeys.splice(0)) this.#parts.offer(journey);
    }
  }

  #arrive(journey: Journey, at: number): void {
    const { agenda } = this.#parts;
    this.#expected++;
    agenda.once(at, () => {
      this.#expected--;
      journey.arrivedAt = agenda.now;
      this.#join(journey);
    });
  }

  #join(journey: Journey): void {
    const id = journey.rollout.group?.id ?? journey.rollout.id;
    const line = this.#lines.get(id);
    if (line === undefined) {
      const made = { journeys: [journey], in: false };
      this.#lines.set(id, made);
      this.#outside.push(made);
      this.admit();
    } else if (line.in) this.#parts.offer(journey);
    else line.journeys.push(journey);
  }
}
