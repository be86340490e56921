/**
 * The life of one rollout: accepted, on its journey over the fleet (`journey.ts`), ended by the engine,
 * its reader, a timeout or an error. Holds its event log, its output and who still reads it; what a rollout has no
 * use for while it waits is made when it is first asked for, since 100,000 may wait.
 */
import type { Timer } from "../contract/clock.ts";
import { type ErrorCode, PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { FinishCause, FinishReason, Rollout } from "../contract/rollout.ts";
import type { PlacementReply } from "../placement/port.ts";
import { EventLog } from "./event-log.ts";
import { concludeResult } from "./finish.ts";
import { type Ending, FinishedRollout } from "./finished-rollout.ts";
import { fateOf, staleOf } from "./infeasible.ts";
import { type Held, Journey } from "./journey.ts";
import type { LifeContext } from "./life-context.ts";
import { Output } from "./output.ts";
import { Readers } from "./readers.ts";
import type { RolloutEvent, RolloutHandle, RolloutProgress, RolloutTimeline } from "./service.ts";
import { type SideSettings, sideRecord } from "./side-record.ts";
import type { RolloutText } from "./text.ts";
import { Timeline } from "./timeline.ts";
import type { Traveller } from "./traveller.ts";

/** What a rollout that was never placed ends in when its time is over, by why it was held. */
const TIMED_OUT = {
  queue: "deadline_exceeded",
  session_paused: "deadline_exceeded",
  no_eligible_worker: "no_eligible_worker",
  version_unavailable: "version_unavailable",
  staleness: "quota_exceeded",
} as const satisfies Record<Held, ErrorCode>;

export class RolloutLife implements RolloutHandle, Traveller {
  readonly key: string;
  readonly rollout: Rollout;
  readonly text: RolloutText;
  readonly acceptedAt: number;
  readonly #acceptedWall: number;
  readonly #journey: Journey;
  readonly #readers: Readers;
  readonly #context: LifeContext;
  readonly #ended: (life: RolloutLife) => void;
  #output: Output | null = null;
  #timeline: Timeline | null = null;
  #log: EventLog | null = null;
  #timeout: Timer | null = null;
  #ending: Ending | null = null;
  /** Times that it was run anew since it had become too old. */
  #anew = 0;
  #flagged = false;
  /** Of all who wait for the end. */
  #result: Promise<Result> | null = null;
  #settle: ((result: Result | Promise<never>) => void) | null = null;

  /** `key` is its `rolloutKey`. `ended` is called once, when its Result or error is there. */
  constructor(
    key: string,
    rollout: Rollout,
    text: RolloutText,
    context: LifeContext,
    ended: (life: RolloutLife) => void,
  ) {
    this.key = key;
    this.#ended = ended;
    this.text = text;
    this.rollout = rollout;
    this.#context = context;
    this.acceptedAt = context.clock.now();
    this.#acceptedWall = context.clock.wall();
    this.#journey = new Journey(this, context);
    this.#readers = new Readers(context, this);
  }

  get id(): string {
    return this.rollout.id;
  }

  get job(): string {
    return this.rollout.job;
  }

  get bodyHash(): string {
    return this.rollout.bodyHash;
  }

  get output(): Output {
    this.#output ??= outputOf(this.rollout, this.#context);
    return this.#output;
  }

  get outputTokens(): number {
    return this.#output?.length ?? 0;
  }

  get firstVersion(): number | null {
    return this.#output?.spans[0]?.version ?? null;
  }

  get lastVersion(): number | null {
    return this.#output?.lastVersion ?? null;
  }

  get timeline(): Timeline {
    this.#timeline ??= new Timeline(this.acceptedAt, this.#acceptedWall);
    return this.#timeline;
  }

  /** Begins with `accepted`, which it need not be there for. */
  get #events(): EventLog {
    this.#log ??= new EventLog({ type: "accepted", id: this.rollout.id });
    return this.#log;
  }

  get watched(): boolean {
    // What the engine makes behind a stop string is wasted, so it must be seen soon.
    return (
      this.#readers.streaming ||
      this.rollout.hints.latency === "interactive" ||
      this.text.stops !== null
    );
  }

  get ended(): Ending | null {
    return this.#ending;
  }

  /** What is kept of it. Only once it has ended. */
  remains(ended: Ending): FinishedRollout {
    const { key, bodyHash } = this;
    const [progress, timeline] = [this.progress(), this.moments()];
    return new FinishedRollout({ key, bodyHash, progress, ended, log: this.#events, timeline });
  }

  start(): void {
    const { observer, jobs, clock } = this.#context;
    const { continueFrom, timeoutMs } = this.rollout;
    observer.accepted(this.rollout);
    const admitted = jobs.admits(this.rollout, () => this.#journey.offer());
    if (continueFrom !== null) {
      this.overdue();
      if (this.#ending !== null) return;
      for (const chunk of this.output.chunks()) this.emit({ type: "tokens", chunk });
    }
    if (timeoutMs !== null) this.#timeout = clock.timer(timeoutMs, () => this.#timedOut());
    if (admitted) this.#journey.offer();
    else this.#journey.hold();
  }

  get eventCount(): number {
    return this.#log?.length ?? 1;
  }

  progress(): RolloutProgress {
    return {
      id: this.id,
      job: this.job,
      state: this.#ending === null ? this.#journey.state : "finished",
      outputTokens: this.outputTokens,
      worker: this.#journey.worker,
      attempts: this.#timeline?.attempts ?? 0,
    };
  }

  result(): Promise<Result> {
    const ending = this.#ending;
    if (ending && "result" in ending) return Promise.resolve(ending.result);
    if (ending) return Promise.reject(ending.error);
    this.#result ??= new Promise((resolve) => {
      this.#settle = resolve;
    });
    return this.#result;
  }

  events(from: number, signal: AbortSignal): ReturnType<RolloutHandle["events"]> {
    return this.#events.read(from, signal);
  }

  attach(kind: "unary" | "stream"): () => void {
    return this.#readers.attach(kind);
  }

  receive(reply: PlacementReply): void {
    this.#journey.receive(reply);
  }

  moments(): RolloutTimeline {
    return this.timeline.show();
  }

  emit(event: RolloutEvent): void {
    if (event.type !== "tokens" && event.type !== "accepted") {
      this.timeline.note(event, this.#context.clock.now(), this.outputTokens);
    }
    this.#events.append(event);
  }

  /** Decides what becomes of it where it is too old; answers whether its attempt is over for it. */
  overdue(): boolean {
    if (this.#ending !== null) return true;
    const { ledger, observer } = this.#context;
    const committed = ledger.committed(this.rollout.policy);
    if (this.#flagged || staleOf(this.rollout, this.output, committed) === null) return false;
    const fate = fateOf(this.rollout, this.#anew);
    observer.infeasible(this.rollout, fate);
    if (fate === "flag") {
      this.#flagged = true;
      return false;
    }
    if (fate === "drop") this.end("stale");
    else this.#beginAnew();
    return true;
  }

  #beginAnew(): void {
    this.#anew++;
    const tokens = this.output.forget();
    this.timeline.wasted(tokens);
    this.#context.observer.wasted(this.rollout, tokens, "stale");
    this.#journey.restart("stale");
  }

  /** Ends the rollout with what it has. */
  end(cause: FinishCause): void {
    if (this.#ending) return;
    this.#journey.end();
    this.arrived({ type: "abort", cause, matched: null });
  }

  arrived(reason: FinishReason): void {
    const { clock, ledger, observer } = this.#context;
    const now = clock.now();
    try {
      const committed = ledger.committed(this.rollout.policy);
      const wasted = this.timeline.wastedTokens;
      const result = concludeResult(
        this.rollout,
        this.output,
        this.timeline,
        reason,
        committed,
        now,
      );
      const withheld = this.timeline.wastedTokens - wasted;
      if (withheld > 0) observer.wasted(this.rollout, withheld, result.finishReason.cause);
      observer.finished(this.rollout, result, this.timeline.duration(now));
      if (this.timeline.wastedTokens === 0)
        this.#events.settle(result.outputTokenIds, result.logprobs);
      this.#close({ result }, { type: "finished", result });
    } catch (thrown) {
      this.failed(PacelineError.from(thrown));
    }
  }

  failed(error: PacelineError): void {
    this.#output?.side?.withhold();
    this.#context.observer.failed(this.rollout, error.code);
    this.#close({ error }, { type: "error", error });
  }

  #timedOut(): void {
    if (this.#ending) return;
    const { held, lastError } = this.#journey;
    if (this.timeline.attempts > 0 && (lastError === null || this.outputTokens > 0)) {
      this.end("timeout");
      return;
    }
    this.#journey.end();
    if (lastError !== null) {
      // An empty Result would hide that every attempt failed.
      this.failed(lastError);
      return;
    }
    this.failed(
      new PacelineError(
        TIMED_OUT[held],
        `not placed within ${this.rollout.timeoutMs} ms: ${held}`,
        { details: { reason: held } },
      ),
    );
  }

  #close(ending: Ending, event: RolloutEvent): void {
    this.#ending = ending;
    this.#timeout?.cancel();
    this.#readers.close();
    this.emit(event);
    this.#settle?.("result" in ending ? ending.result : Promise.reject(ending.error));
    this.#settle = null;
    this.#result = null;
    this.#ended(this);
  }
}

function outputOf(rollout: Rollout, settings: SideSettings): Output {
  const { want, continueFrom, sampling } = rollout;
  const mode = want.logprobModes[0] ?? "processed";
  const side = sideRecord(rollout, settings);
  return new Output(continueFrom, mode, sampling.maxNewTokens, side);
}
