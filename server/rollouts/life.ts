/**
 * The life of one rollout: accepted, on its journey over the fleet (`journey.ts`), ended by the engine,
 * its reader, a timeout or an error. Holds its event log, its output and who still reads it; what a rollout has no
 * use for while it waits is made when it is first asked for, since 100,000 may wait.
 */
import type { Timer } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { FinishCause, FinishReason, Rollout } from "../contract/rollout.ts";
import type { PlacementReply } from "../placement/port.ts";
import type { Made } from "../scheduler/bound/bound.ts";
import { EventLog } from "./event-log.ts";
import { concludeResult } from "./finish.ts";
import { type Ending, FinishedRollout } from "./finished-rollout.ts";
import { fateOf, staleOf } from "./infeasible.ts";
import { Journey } from "./journey.ts";
import type { LifeContext } from "./life-context.ts";
import { Output } from "./output.ts";
import { Readers } from "./readers.ts";
import type { RolloutEvent, RolloutHandle, RolloutProgress, RolloutTimeline } from "./service.ts";
import { type SideSettings, sideRecord } from "./side-record.ts";
import type { RolloutText } from "./text.ts";
import { timedOutAs } from "./timed-out.ts";
import { Timeline } from "./timeline.ts";
import type { Traveller } from "./traveller.ts";

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
  /** Its job's staleness bound has let it in. */
  #admitted = false;
  #kept = false;
  /** What there was when it was asked for again; `null`: what it was to go on from. */
  #before: Made | null = null;
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
    const { observer, jobs } = this.#context;
    const { continueFrom } = this.rollout;
    observer.accepted(this.rollout);
    this.#admitted = jobs.admits(this.rollout, () => this.#letIn());
    if (continueFrom !== null) {
      this.overdue();
      if (this.#ending !== null) return;
      for (const chunk of this.output.chunks()) this.emit({ type: "tokens", chunk });
    }
    this.#arm();
    if (this.#admitted) this.#journey.offer();
    else this.#journey.hold();
  }

  #letIn(): void {
    this.#admitted = true;
    if (!this.#kept) this.#journey.offer();
  }

  #arm(): void {
    const { timeoutMs } = this.rollout;
    if (timeoutMs === null) return;
    this.#timeout = this.#context.clock.timer(timeoutMs, () => this.#timedOut());
  }

  /** Gives up its place until `wake`; false where it could not rightly go on then, and has ended as not needed. Not while others read it. */
  keep(): boolean {
    if (!this.#journey.rest()) {
      this.arrived({ type: "abort", cause: "need", matched: null });
      return false;
    }
    this.#timeout?.cancel();
    this.#kept = true;
    return true;
  }

  /** It is asked for again: it goes on, or does not where it became too old meanwhile. */
  wake(): void {
    this.#kept = false;
    this.#before = { outputTokens: this.outputTokens, attempts: this.#timeline?.attempts ?? 0 };
    this.#arm();
    if (!this.#admitted) this.#journey.hold();
    else if (this.outputTokens === 0 || !this.overdue()) this.#journey.offer();
  }

  get kept(): boolean {
    return this.#kept;
  }

  /** Since it was last asked for. */
  get made(): Made {
    const given = this.rollout.continueFrom?.outputTokenIds.length ?? 0;
    const { outputTokens, attempts } = this.#before ?? { outputTokens: given, attempts: 0 };
    return {
      outputTokens: Math.max(0, this.outputTokens - outputTokens),
      attempts: (this.#timeline?.attempts ?? 0) - attempts,
    };
  }

  /** Whether anybody beside the one who asks wants it. */
  get shared(): boolean {
    return this.#readers.shared;
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
    // It is decided when it is asked for again.
    if (this.#kept) return false;
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
    this.#throwAway("stale");
    this.#journey.restart("stale");
  }

  #throwAway(reason: string): void {
    const tokens = this.output.forget();
    this.timeline.wasted(tokens);
    this.#context.observer.wasted(this.rollout, tokens, reason);
  }

  /** Ends the rollout with what it has, or without where that is to be thrown away. */
  end(cause: FinishCause, dropped = false): void {
    if (this.#ending) return;
    this.#journey.end();
    if (dropped) this.#throwAway(cause);
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
    const { attempts } = this.timeline;
    const { timeoutMs } = this.rollout;
    const error = timedOutAs(this.#journey, {
      ...{ timeoutMs, attempts, outputTokens: this.outputTokens },
    });
    if (error === null) {
      this.end("timeout");
      return;
    }
    this.#journey.end();
    this.failed(error);
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
