/**
 * A trainer's weight update through a mount, which is one engine to it and the fleet to us. Files are published like
 * any others. What the trainer moves itself (NCCL, IPC) is an external version: the first call of a step opens it and
 * gates every worker, each call is passed on to all of them, and `continue_generation` commits it with the engines'
 * own word, which the policy must take (`min_proof: reported`): nobody here sees the bytes.
 */
import { PacelineError } from "../../../contract/errors.ts";
import type { Label, OnUpdate } from "../../../contract/policy.ts";
import type { MoverCall } from "../../../contract/worker.ts";
import type { Fleet, WorkerRecord } from "../../../fleet/fleet.ts";
import type { PublicationProgress, WorkerPhase } from "../../../weights/publisher.ts";
import { invalid } from "../../codec/invalid.ts";
import type { DialectContext } from "../dialect.ts";
import { type Failures, fanOut, notByAll } from "../fan-out.ts";
import type { Hold } from "../hold.ts";
import { gpusOf, gpusOfAll, workersOf } from "../job-workers.ts";
import { MoverGroups } from "./mover-groups.ts";

type Engine = NonNullable<ReturnType<Fleet["engine"]>>;
type Body = Readonly<Record<string, unknown>>;

/** How long workers may stand still for a trainer that moves bytes, ms: the largest public model took 60 s. */
const MOVE_MS = 600_000;
/** One call inside an engine, ms: longer than NCCL's own rendezvous. */
const CALL_MS = 600_000;

const SETTLED: ReadonlySet<WorkerPhase> = new Set(["installed", "failed", "poisoned", "gone"]);

/** One external version under way. */
interface Round {
  readonly step: number | null;
  readonly version: number;
  readonly fences: ReadonlyMap<string, string>;
  /** Worker → why it has not what it was sent. */
  readonly failed: Map<string, PacelineError>;
}

export class TrainerUpdate {
  readonly #context: DialectContext;
  readonly #hold: Hold;
  readonly #groups = new MoverGroups();
  #round: Round | null = null;
  #onUpdate: OnUpdate | null = null;
  /** Calls of one update come one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(context: DialectContext, hold: Hold) {
    this.#context = context;
    this.#hold = hold;
  }

  /** Holds what comes. What runs goes on until weights change, and then does as `onUpdate` says; null: as its job does. */
  pause(onUpdate: OnUpdate | null): Promise<void> {
    this.#hold.pause();
    return this.#inTurn(async () => {
      this.#onUpdate = onUpdate;
      await this.#giveUp();
    });
  }

  /** Commits what was moved since the pause, then lets requests go. */
  resume(): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#commit();
      } finally {
        this.#onUpdate = null;
        this.#hold.resume();
      }
    });
  }

  /** Resolves when the version is committed and no worker has anything left to do; tells who did not take it. */
  fromDisk(path: string, step: number | null): Promise<PublicationProgress> {
    return this.#inTurn(async () => {
      const { publisher, policy } = this.#context;
      if (this.#round !== null) {
        throw new PacelineError(
          "version_conflict",
          "weights that came another way wait for continue_generation",
        );
      }
      const { version } = await publisher.publish({
        policy: policy(),
        source: { path },
        ...this.#publication(step),
      });
      let progress = await publisher.committed(policy(), version.version);
      const whole = new AbortController().signal;
      for await (const next of publisher.watch(policy(), version.version, whole)) {
        progress = next;
        // One that failed is brought to it later: a trainer does not wait for that.
        if (next.workers.every(({ phase }) => SETTLED.has(phase))) break;
      }
      return progress;
    });
  }

  /** Has every worker join one group, each at its own ranks behind those of the workers before it. */
  joinGroup(name: string, body: Body, rankOffset: number, worldSize: number): Promise<void> {
    return this.#inTurn(async () => {
      const workers = this.#movable();
      const gpus = gpusOfAll(workers);
      // A group that is never complete hangs all who joined it.
      if (rankOffset + gpus !== worldSize) {
        throw invalid("world_size", `${rankOffset} ranks before ours and ${gpus} GPUs here`);
      }
      let next = rankOffset;
      const joins = workers.map((worker) => {
        const rank_offset = next;
        next += gpusOf(worker);
        return { worker, body: { ...body, rank_offset } };
      });
      const failed = await this.#all(
        joins.map(({ worker }) => worker),
        (engine, at) =>
          this.#pass(engine, "init_weights_update_group", joins[at]?.body ?? body, null),
      );
      assertByAll("did not join the group", workers, failed);
      this.#groups.joined(name, workers);
    });
  }

  leaveGroup(name: string, body: Body): Promise<void> {
    return this.#inTurn(async () => {
      const there = this.#groups.left(name, workersOf(this.#context));
      await this.#all(there, (engine) =>
        this.#pass(engine, "destroy_weights_update_group", body, null),
      );
    });
  }

  /** Passes one call on to every worker. Throws `weights_rejected` with who did not take it. */
  move(call: MoverCall, body: Body, step: number | null, group: string | null): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#hold.paused) {
        throw new PacelineError(
          "version_conflict",
          `${call}: call pause_generation before and continue_generation after it, which commits`,
        );
      }
      const workers = this.#movable();
      if (group !== null) this.#groups.assertWhole(group, workers);
      const round = await this.#roundOf(step);
      const gated = workers.filter(({ id }) => round.fences.has(id));
      const target = { policy: this.#context.policy(), version: round.version };
      const failed = await this.#all(gated, (engine) => this.#pass(engine, call, body, target));
      for (const [worker, why] of failed) round.failed.set(worker, why);
      assertByAll(`did not take ${call}`, gated, failed);
    });
  }

  async #roundOf(step: number | null): Promise<Round> {
    const open = this.#round;
    if (open !== null && (step === null || open.step === step)) return open;
    await this.#giveUp();
    const { publisher, policy } = this.#context;
    const { version } = await publisher.publish({
      policy: policy(),
      source: { external: {} },
      ...this.#publication(step),
      commit: { mode: "all", timeoutMs: MOVE_MS },
    });
    const gated = await publisher.gate(policy(), version.version);
    const fences = new Map<string, string>();
    for (const { worker, fence } of gated.workers) if (fence !== null) fences.set(worker, fence);
    this.#round = { step, version: version.version, fences, failed: new Map() };
    return this.#round;
  }

  /** What a trainer began and did not continue: it died there, or has begun anew. */
  async #giveUp(): Promise<void> {
    const round = this.#round;
    if (round === null) return;
    this.#round = null;
    const { publisher, policy, log } = this.#context;
    try {
      await publisher.abort(policy(), round.version);
    } catch (thrown) {
      // Its gate has lapsed, or another run owns the policy: it is over either way.
      const { message } = PacelineError.from(thrown);
      log.info({ version: round.version, reason: message }, "an update that was not continued");
    }
  }

  async #commit(): Promise<void> {
    const round = this.#round;
    if (round === null) return;
    this.#round = null;
    const { publisher, policy } = this.#context;
    const proofs = [...round.fences]
      .filter(([worker]) => !round.failed.has(worker))
      .map(([worker, fence]) => ({
        worker,
        fence,
        digest: null,
        receipt: null,
        reported: round.version,
      }));
    if (proofs.length === 0) {
      await publisher.abort(policy(), round.version);
      const asked = round.fences.keys();
      throw notByAll("weights_rejected", "did not take the weights", asked, round.failed);
    }
    await publisher.commit(policy(), round.version, proofs);
  }

  /** The trainer's step under the run that owns the policy; the wire names no run, so that is whoever calls. */
  #publication(step: number | null): { label?: Label; runEpoch?: number; onUpdate?: OnUpdate } {
    const { ledger, policy, job } = this.#context;
    const { run } = ledger.policy(policy());
    return {
      ...(step === null ? {} : { label: { run: run?.run ?? job, step } }),
      ...(run === null ? {} : { runEpoch: run.epoch }),
      ...(this.#onUpdate === null ? {} : { onUpdate: this.#onUpdate }),
    };
  }

  /** The job's workers, all of whom must take such calls. Throws `unsupported` before anybody is touched. */
  #movable(): readonly WorkerRecord[] {
    const { ledger, policy } = this.#context;
    if (ledger.policy(policy()).minProof !== "reported") {
      throw new PacelineError(
        "unsupported",
        `${policy()} takes no engine's word for its weights, and nobody here sees what you move: declare {"min_proof": "reported"}, or update from disk`,
        { details: { path: "min_proof" } },
      );
    }
    const workers = workersOf(this.#context).filter(({ state }) => state !== "asleep");
    if (workers.length === 0) {
      throw new PacelineError("no_eligible_worker", "no worker is there to take weights", {
        retryAfterMs: 1_000,
      });
    }
    for (const worker of workers) {
      if (this.#engineOf(worker)?.weights?.move !== undefined) continue;
      throw new PacelineError(
        "unsupported",
        `${worker.id}: a ${worker.engine} engine takes no weights that a trainer moves; update from disk`,
        { details: { worker: worker.id } },
      );
    }
    return workers;
  }

  #engineOf({ id, description }: WorkerRecord): Engine | null {
    return this.#context.fleet.engine(id, description.incarnation);
  }

  #all(
    workers: readonly WorkerRecord[],
    act: (engine: Engine, at: number) => Promise<void>,
  ): Promise<Failures> {
    return fanOut(workers, async (worker, at) => {
      const engine = this.#engineOf(worker);
      if (engine === null) throw new PacelineError("engine_unreachable", "it has left");
      await act(engine, at);
    });
  }

  async #pass(
    { weights }: Engine,
    call: MoverCall,
    body: Body,
    target: { policy: string; version: number } | null,
  ): Promise<void> {
    const controller = new AbortController();
    const timer = this.#context.clock.timer(CALL_MS, () =>
      controller.abort(new PacelineError("deadline_exceeded", `${call} took over ${CALL_MS} ms`)),
    );
    try {
      await weights?.move?.(call, body, target, controller.signal);
    } finally {
      timer.cancel();
    }
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(run);
    this.#turn = result.catch(() => {});
    return result;
  }
}

/** Throws `weights_rejected` with who did not, and why. */
function assertByAll(what: string, workers: readonly WorkerRecord[], failures: Failures): void {
  if (failures.size === 0) return;
  const asked = workers.map(({ id }) => id);
  throw notByAll("weights_rejected", what, asked, failures);
}
