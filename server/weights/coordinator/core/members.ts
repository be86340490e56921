/** The members of one publication: who is in which phase, and until when. Costs no more with many members. */
import type { MemberEntry, MemberPhase, MemberRef, MemberView } from "./events.ts";

export interface Member {
  readonly ref: MemberRef;
  readonly required: boolean;
  readonly phase: MemberPhase;
  readonly reason: string | null;
}

interface Slot extends Member {
  phase: MemberPhase;
  reason: string | null;
  /** Clock time, ms; null where the publication's own deadline bounds the phase. */
  deadline: number | null;
}

const PHASES = [
  "announced",
  "staging",
  "staged",
  "gating",
  "gated",
  "swapping",
  "swapped",
  "claimed",
  "verifying",
  "verified",
  "installing",
  "abandoned",
  "restoring",
  "installed",
  "unfit",
  "failed",
  "poisoned",
  "gone",
] as const satisfies readonly MemberPhase[];

/** In these a member is timed by itself. */
const TIMED = ["gating", "swapping", "verifying", "installing", "restoring"] as const;
const OVER: ReadonlySet<MemberPhase> = new Set(PHASES.slice(PHASES.indexOf("installed")));

export const isOver = (phase: MemberPhase): boolean => OVER.has(phase);

export interface Members {
  add(entries: readonly MemberEntry[]): void;
  /** Of exactly this incarnation, in one of `phases` (none = any): whatever else reports is stale. */
  find(ref: MemberRef, ...phases: readonly MemberPhase[]): Member | null;
  count(...phases: readonly MemberPhase[]): number;
  in(...phases: readonly MemberPhase[]): Member[];
  /** The first `room` of those in `phase`. */
  next(phase: MemberPhase, room: number): Member[];
  /** As `next`, in the order in which the members were named: which ones is no matter of who was quickest. */
  first(phase: MemberPhase, room: number): Member[];
  move(member: Member, phase: MemberPhase, reason?: string | null, deadline?: number | null): void;
  due(now: number): Member[];
  firstDeadline(): number | null;
  views(): readonly MemberView[];
  /** Those that moved since the last call. */
  moved(): readonly MemberView[];
}

export function createMembers(): Members {
  const members = new Map<string, Slot>();
  const byPhase = new Map<MemberPhase, Set<Slot>>(PHASES.map((phase) => [phase, new Set()]));
  const touched = new Set<Slot>();
  const of = (phase: MemberPhase): Set<Slot> => byPhase.get(phase) ?? new Set();
  const timed = (): Slot[] => TIMED.flatMap((phase) => [...of(phase)]);
  const view = ({ ref, phase, reason }: Slot): MemberView => ({ ...ref, phase, reason });

  function move(slot: Slot, phase: MemberPhase, reason: string | null, deadline: number | null) {
    of(slot.phase).delete(slot);
    of(phase).add(slot);
    Object.assign(slot, { phase, reason, deadline });
    touched.add(slot);
  }

  return {
    add(entries) {
      for (const { worker, incarnation, required } of entries) {
        const ref = { worker, incarnation };
        const slot: Slot = { ref, required, phase: "announced", reason: null, deadline: null };
        members.set(worker, slot);
        of("announced").add(slot);
        touched.add(slot);
      }
    },
    find({ worker, incarnation }, ...phases) {
      const member = members.get(worker);
      if (member?.ref.incarnation !== incarnation) return null;
      return phases.length === 0 || phases.includes(member.phase) ? member : null;
    },
    count: (...phases) => phases.reduce((sum, phase) => sum + of(phase).size, 0),
    in: (...phases) => phases.flatMap((phase) => [...of(phase)]),
    next: (phase, room) => (room <= 0 ? [] : [...of(phase).values().take(room)]),
    first: (phase, room) =>
      room <= 0
        ? []
        : [
            ...members
              .values()
              .filter((slot) => slot.phase === phase)
              .take(room),
          ],
    move({ ref }, phase, reason = null, deadline = null) {
      const slot = members.get(ref.worker);
      if (slot) move(slot, phase, reason, deadline);
    },
    due: (now) => timed().filter(({ deadline }) => deadline !== null && deadline <= now),
    firstDeadline() {
      const deadlines = timed().flatMap(({ deadline }) => (deadline === null ? [] : [deadline]));
      return deadlines.length === 0 ? null : Math.min(...deadlines);
    },
    views: () => [...members.values()].map(view),
    moved() {
      const views = [...touched].map(view);
      touched.clear();
      return views;
    },
  };
}
