/** Cards, workers and a scheduler under a clock that the test moves. */
import type { HeldVersion } from "../../../server/contract/policy.ts";
import type { Card } from "../../../server/scheduler/card.ts";
import type {
  Scheduler,
  SchedulerCommand,
  SchedulerEvent,
  WorkerView,
} from "../../../server/scheduler/events.ts";
import type { SchedulerOptions } from "../../../server/scheduler/options.ts";
import { createScheduler } from "../../../server/scheduler/scheduler.ts";
import { seededRandom } from "../../support/seeded-random.ts";

export function card(key: string, more: Partial<Card> = {}): Card {
  return {
    key,
    job: "j",
    policy: "p",
    pool: null,
    pools: [],
    attempt: 1,
    promptTokens: 100,
    outputTokens: 0,
    maxNewTokens: 100,
    expectedNewTokens: null,
    prefix: [],
    priority: 0,
    session: null,
    group: null,
    constraint: null,
    lastVersion: null,
    onUpdate: null,
    updateGraceMs: null,
    logprobModes: ["processed"],
    features: [],
    side: null,
    resume: { seeded: false, penalties: false },
    cuttable: false,
    deadlineVersion: null,
    prompt: null,
    avoid: [],
    engine: null,
    acceptedAt: 0,
    ...more,
  };
}

export function held(version: number, policy = "p"): HeldVersion {
  const label = { run: "r", step: version * 10 };
  return { policy, version, label, proof: "digest", load: 1, digest: null };
}

export interface Shape {
  readonly kvTokens?: number;
  readonly maxRunning?: number;
  readonly slots?: number;
}

/** A worker of pool `a` that holds version 1 of `p`; 1,000 KV tokens, of which 900 are usable. */
export function worker(id: string, more: Partial<WorkerView> = {}, shape: Shape = {}): WorkerView {
  const { kvTokens = 1_000, maxRunning = 64, slots = 1 } = shape;
  return {
    id,
    incarnation: `${id}-1`,
    engine: "embedded",
    pool: "a",
    slots: Array.from({ length: slots }, (_, index) => ({ index, kvTokens, maxRunning })),
    maxModelLen: 100_000,
    capabilities: {
      logprobModes: ["processed", "raw"],
      sampling: ["temperature", "seed"],
      resume: { seeded: true, penalties: false },
      spans: "chunk",
      journal: "stream",
      sessionCache: false,
      pause: ["keep"],
      sleep: true,
      weights: { stage: true, proof: "digest" },
      promptLogprobs: true,
      maxTopLogprobs: 0,
      samplingMask: false,
    },
    holds: [held(1)],
    open: true,
    ...more,
  };
}

/** Whose engine has room for so many adapters. */
export function withAdapters(view: WorkerView, adapters: number): WorkerView {
  const { capabilities } = view;
  const weights = { ...capabilities.weights, adapters };
  return { ...view, capabilities: { ...capabilities, weights } };
}

/** Of each slot's KV. */
export const HEADROOM = 0.1;

export class Bench {
  now = 0;
  readonly scheduler: Scheduler;

  constructor(options: Partial<SchedulerOptions> = {}, create = createScheduler) {
    const clock = { now: () => this.now };
    this.scheduler = create(clock, seededRandom(1), { kvHeadroom: HEADROOM, ...options });
  }

  send(...events: SchedulerEvent[]): SchedulerCommand[] {
    return events.flatMap((event) => this.scheduler.handle(event));
  }

  /** Version 1 committed and these workers there. */
  fleet(...views: WorkerView[]): SchedulerCommand[] {
    const joined = views.map((view): SchedulerEvent => ({ type: "worker", worker: view }));
    return this.send({ type: "committed", policy: "p", version: 1 }, ...joined);
  }

  offer(...cards: Card[]): SchedulerCommand[] {
    return this.send(...cards.map((each): SchedulerEvent => ({ type: "offer", card: each })));
  }

  done(key: string, attempt = 1, outputTokens?: number): SchedulerCommand[] {
    const outcome = "finished";
    const end = outputTokens === undefined ? {} : { outputTokens };
    return this.send({ type: "done", key, attempt, outcome, ...end });
  }

  tick(at: number): SchedulerCommand[] {
    this.now = at;
    return this.send({ type: "tick" });
  }
}

/** `key>worker` of each grant, in order. */
export function grants(commands: readonly SchedulerCommand[]): string[] {
  return commands.flatMap((command) =>
    command.type === "grant" ? [`${command.key}>${command.worker}`] : [],
  );
}

/** Commands of one type, without the type. */
export function only<T extends SchedulerCommand["type"]>(
  commands: readonly SchedulerCommand[],
  type: T,
): Extract<SchedulerCommand, { type: T }>[] {
  return commands.filter(
    (command): command is Extract<SchedulerCommand, { type: T }> => command.type === type,
  );
}
