/** The publications of one policy, one after the other, in the order of their versions. */
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import type { MemberRef } from "./core/events.ts";
import type { PublicationRun, Verdict } from "./publication-run.ts";

export interface Waiting {
  readonly record: VersionRecord;
  /** Ends for a newer one that is replaceable too. */
  readonly replaceable: boolean;
  /** Called when its turn has come. */
  readonly start: () => PublicationRun;
}

interface Current extends Omit<Waiting, "start"> {
  readonly run: PublicationRun;
}

interface Place {
  readonly waiting: Waiting;
  readonly verdict: PromiseWithResolvers<Verdict>;
}

export interface PublicationLine {
  /** Holds a place while the content is hashed. Throws `overloaded`. Call the answer to give it up or fill it. */
  reserve(): { fill(waiting: Waiting): void; leave(): void };
  verdict(version: number): Promise<Verdict> | null;
  readonly current: Current | null;
  /** Takes a version out that has not begun; false if it has. */
  withdraw(version: number, verdict: PacelineError): boolean;
  waiting(): readonly Waiting[];
  lost(ref: MemberRef, reason: string): void;
}

export function createPublicationLine(policy: string): PublicationLine {
  const places: Place[] = [];
  const verdicts = new Map<number, Promise<Verdict>>();
  let reserved = 0;
  let current: Current | null = null;

  function next(): void {
    if (current !== null) return;
    const place = places.shift();
    if (!place) return;
    const { record, replaceable, start } = place.waiting;
    const run = start();
    current = { record, replaceable, run };
    void run.decided.then(place.verdict.resolve);
    void run.over.then(() => {
      current = null;
      next();
    });
  }

  return {
    get current() {
      return current;
    },
    reserve() {
      const ahead = reserved + places.length + (current === null ? 0 : 1);
      if (ahead > LIMITS.publicationsWaiting) {
        throw new PacelineError("overloaded", `${ahead} publications of ${policy} are under way`, {
          retryAfterMs: 1_000,
        });
      }
      reserved++;
      return {
        leave: () => void reserved--,
        fill(waiting) {
          reserved--;
          const verdict = Promise.withResolvers<Verdict>();
          places.push({ waiting, verdict });
          verdicts.set(waiting.record.version, verdict.promise);
          for (const oldest of verdicts.keys()) {
            if (verdicts.size <= LIMITS.publicationsKept) break;
            verdicts.delete(oldest);
          }
          next();
        },
      };
    },
    verdict: (version) => verdicts.get(version) ?? null,
    withdraw(version, verdict) {
      const index = places.findIndex(({ waiting }) => waiting.record.version === version);
      if (index < 0) return false;
      for (const place of places.splice(index, 1)) place.verdict.resolve(verdict);
      return true;
    },
    waiting: () => places.map(({ waiting }) => waiting),
    lost: (ref, reason) => current?.run.lost(ref, reason),
  };
}
