/**
 * When rollouts come: first turns at their time, later ones a gap after the turn before. Who has arrived waits outside
 * while the scheduler has its fill, as a client that was refused does, or while staleness has no room for its group. Groups
 * come in as a whole: who arrives later than its siblings goes where they are.
 */
import { type Agenda, Appointment } from "./agenda.ts";
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
  /** First turns, by their time. */
  #coming: Journey[] = [];
  readonly #arrival = new Appointment(() => this.#arrived());
  #next = 0;
  #come = 0;
  #following = 0;

  constructor(parts: ArrivalParts) {
    this.#parts = parts;
  }

  /** Those whose time has not come. */
  get expected(): number {
    return this.#coming.length - this.#come + this.#following;
  }

  schedule(journeys: readonly Journey[]): void {
    const last = new Map<string, Journey>();
    for (const journey of journeys) {
      const { session } = journey.rollout;
      const previous = session === null ? undefined : last.get(session.id);
      if (session !== null) last.set(session.id, journey);
      if (previous !== undefined) previous.next = journey;
      else this.#coming.push(journey);
    }
    this.#coming.sort((a, b) => a.rollout.arrivalSeconds - b.rollout.arrivalSeconds);
    this.#await();
  }

  /** The turn after one that has ended. */
  follow(next: Journey): void {
    const { agenda } = this.#parts;
    this.#following++;
    agenda.once(agenda.now + (next.rollout.session?.gapSeconds ?? 0), () => {
      this.#following--;
      this.#join(next);
    });
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

  #await(): void {
    const next = this.#coming[this.#come];
    if (next !== undefined) this.#parts.agenda.set(this.#arrival, next.rollout.arrivalSeconds);
  }

  #arrived(): void {
    for (let next = this.#coming[this.#come]; next !== undefined; next = this.#coming[this.#come]) {
      if (next.rollout.arrivalSeconds > this.#parts.agenda.now) break;
      this.#come++;
      this.#join(next);
    }
    this.#await();
  }

  #join(journey: Journey): void {
    journey.arrivedAt = this.#parts.agenda.now;
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
