/** How often and when one worker is brought to one version again: back-off, and an end to it (I7). */
import type { Clock, Timer } from "../../contract/clock.ts";
import { LIMITS } from "../../limits.ts";
import type { MemberRef } from "./core/events.ts";
import type { UpdateTimings } from "./timings.ts";

interface Attempt {
  readonly incarnation: string;
  readonly version: number;
  count: number;
  /** Null once nothing more is tried for this version in this incarnation. */
  timer: Timer | null;
  over: boolean;
}

export interface Attempts {
  /** Whether it is time to try; counts from new for another version or incarnation. */
  ready(ref: MemberRef, policy: string, version: number): boolean;
  begin(ref: MemberRef, policy: string, version: number): void;
  /** Calls `again` later, unless there were too many. */
  postpone(ref: MemberRef, policy: string, version: number, again: () => void): void;
  /** Nothing can change before a new version or incarnation. */
  giveUp(ref: MemberRef, policy: string, version: number): void;
  forget(worker: string): void;
  stop(): void;
}

export function createAttempts(
  clock: Clock,
  { backoffMs, backoffMaxMs }: Pick<UpdateTimings, "backoffMs" | "backoffMaxMs">,
): Attempts {
  /** Worker → policy → attempt. */
  const workers = new Map<string, Map<string, Attempt>>();

  function of({ worker, incarnation }: MemberRef, policy: string, version: number): Attempt {
    const policies = workers.get(worker) ?? new Map<string, Attempt>();
    workers.set(worker, policies);
    const known = policies.get(policy);
    if (known?.incarnation === incarnation && known.version === version) return known;
    known?.timer?.cancel();
    const fresh: Attempt = { incarnation, version, count: 0, timer: null, over: false };
    policies.set(policy, fresh);
    return fresh;
  }

  return {
    ready(ref, policy, version) {
      const { timer, over } = of(ref, policy, version);
      return timer === null && !over;
    },
    begin(ref, policy, version) {
      of(ref, policy, version).count++;
    },
    postpone(ref, policy, version, again) {
      const attempt = of(ref, policy, version);
      if (attempt.count >= LIMITS.catchUpAttempts) attempt.over = true;
      if (attempt.over) return;
      const ms = Math.min(backoffMs * 2 ** Math.max(0, attempt.count - 1), backoffMaxMs);
      attempt.timer?.cancel();
      attempt.timer = clock.timer(ms, () => {
        attempt.timer = null;
        again();
      });
    },
    giveUp(ref, policy, version) {
      of(ref, policy, version).over = true;
    },
    forget(worker) {
      for (const { timer } of workers.get(worker)?.values() ?? []) timer?.cancel();
      workers.delete(worker);
    },
    stop() {
      for (const worker of [...workers.keys()]) this.forget(worker);
    },
  };
}
