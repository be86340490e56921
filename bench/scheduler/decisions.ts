/** µs per decision in the steady state of a full fleet: rollouts end, the next are chosen and granted, new ones are offered. */
import { performance } from "node:perf_hooks";
import type { Random } from "../../server/contract/clock.ts";
import type { SchedulerCommand, SchedulerEvent } from "../../server/scheduler/events.ts";
import { createScheduler } from "../../server/scheduler/scheduler.ts";
import { cardSource, fleetEvents, seededRandom } from "./workload.ts";

export interface DecisionTiming {
  readonly workers: number;
  readonly waiting: number;
  readonly running: number;
  /** Granted while measured. */
  readonly decisions: number;
  /** CPU of the ends and the grants that they bring, garbage collection on this thread included, per grant. */
  readonly decisionMicros: number;
  /** CPU of an offer that has to wait. */
  readonly offerMicros: number;
  /** Bytes of heap per waiting card, the card itself included; null without --expose-gc. */
  readonly bytesPerWaiting: number | null;
}

/** Events between two readings of the CPU clock, which costs as much as a decision. */
const BATCH = 32;

interface Ended {
  readonly key: string;
  readonly attempt: number;
}

/** Runs until `decisions` were made after as many again to warm up, at most `budgetMs`. */
export function timeDecisions(
  workers: number,
  waiting: number,
  decisions: number,
  budgetMs: number,
): DecisionTiming {
  let now = 0;
  const random = seededRandom(workers * 31 + waiting);
  const options = { waitingLimit: 2 * waiting };
  const scheduler = createScheduler({ now: () => now }, seededRandom(7), options);
  const next = cardSource(random, true);
  const running: Ended[] = [];
  const send = (event: SchedulerEvent): number => noteGrants(scheduler.handle(event), running);
  for (const event of fleetEvents(workers, random)) send(event);
  while (scheduler.snapshot().waiting < Math.min(waiting, 1_000))
    send({ type: "offer", card: next() });
  const before = heapBytes();
  const rest = waiting - scheduler.snapshot().waiting;
  for (let i = 0; i < rest; i++) send({ type: "offer", card: next() });
  const after = heapBytes();

  let [measured, decisionMicros, offered, offerMicros] = [0, 0, 0, 0];
  let made = 0;
  const start = performance.now();
  while (measured < decisions && performance.now() - start < budgetMs) {
    const ended = Array.from({ length: BATCH }, () => takeOut(running, random));
    const began = cpuMicros();
    let granted = 0;
    for (const end of ended) {
      now += 1;
      granted += send({ type: "done", ...end, outcome: "finished", outputTokens: 1_500 });
    }
    const decided = cpuMicros();
    // The buffer is kept full: who is granted at once did not wait.
    let [offers, offering] = [0, 0];
    for (let missing = granted; missing > 0; ) {
      const cards = Array.from({ length: missing }, next);
      const began = cpuMicros();
      for (const card of cards) {
        const atOnce = send({ type: "offer", card });
        missing += atOnce - 1;
        made += atOnce;
      }
      offering += cpuMicros() - began;
      offers += cards.length;
    }
    made += granted;
    if (made <= decisions / 2) continue;
    measured += granted;
    offered += offers;
    decisionMicros += decided - began;
    offerMicros += offering;
  }
  return {
    workers,
    waiting,
    running: running.length,
    decisions: measured,
    decisionMicros: decisionMicros / measured,
    offerMicros: offerMicros / offered,
    bytesPerWaiting:
      before === null || after === null || rest === 0 ? null : (after - before) / rest,
  };
}

function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function takeOut(running: Ended[], random: Random): Ended {
  const at = random.u32() % running.length;
  const ended = running[at];
  const last = running.pop();
  if (ended === undefined || last === undefined) throw new Error("nothing runs");
  if (ended !== last) running[at] = last;
  return ended;
}

function noteGrants(commands: readonly SchedulerCommand[], running: Ended[]): number {
  let granted = 0;
  for (const command of commands) {
    if (command.type !== "grant") continue;
    granted++;
    running.push({ key: command.key, attempt: command.attempt });
  }
  return granted;
}

function heapBytes(): number | null {
  if (globalThis.gc === undefined) return null;
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
