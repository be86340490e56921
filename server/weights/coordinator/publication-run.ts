/** Drives one publication's core: runs its commands on the workers and the ledger, tells it what came of them. */
import { type ErrorCode, PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import type { WorkerPhase } from "../publisher.ts";
import type { CommitRule } from "./core/commit-rule.ts";
import type {
  CoordinatorCommand,
  CoordinatorEvent,
  MemberEntry,
  MemberPhase,
  MemberRef,
} from "./core/events.ts";
import { createPublication } from "./core/publication.ts";
import { driveCore } from "./core-driver.ts";
import type { ProgressBoard } from "./progress-board.ts";
import { timed, type UpdateContext } from "./update-context.ts";
import { type VersionUpdate, versionUpdate } from "./version-update.ts";

export const SHOWN: Readonly<Record<MemberPhase, WorkerPhase>> = {
  announced: "announced",
  staging: "announced",
  staged: "staged",
  gating: "staged",
  gated: "staged",
  swapping: "swapping",
  swapped: "swapping",
  claimed: "gated",
  verifying: "gated",
  verified: "gated",
  abandoned: "gated",
  restoring: "gated",
  installing: "swapping",
  installed: "installed",
  unfit: "failed",
  failed: "failed",
  poisoned: "poisoned",
  gone: "gone",
};

/** Causes that say more than `commit_aborted` would; the others are its details. */
export const TOLD: ReadonlySet<ErrorCode> = new Set([
  "store_unavailable",
  "run_fenced",
  "version_conflict",
]);

const REPLACING: ReadonlySet<MemberPhase> = new Set(["swapping", "swapped"]);

/** Null when the version was committed; else what `committed` throws. */
export type Verdict = PacelineError | null;

export interface PublicationRun {
  /** Resolves when the commit is durable or will never be. */
  readonly decided: Promise<Verdict>;
  /** Resolves when nothing is done for it any more. */
  readonly over: Promise<void>;
  concerns(worker: string): boolean;
  lost(ref: MemberRef, reason: string): void;
  /** False when the commit has begun. `code` (default `commit_aborted`) is what whoever waits for it is told. */
  abort(reason: string, code?: ErrorCode): boolean;
  /** Ends what can be ended without harm: all before the commit, and workers that are only being emptied. */
  stop(): void;
}

export interface RunParts {
  readonly context: UpdateContext;
  readonly board: ProgressBoard;
  readonly record: VersionRecord;
  readonly rule: CommitRule;
  readonly stageMs: number;
  /** Called once the version is in state `transferring`. */
  readonly muster: () => readonly MemberEntry[];
  readonly left: (ref: MemberRef, phase: MemberPhase) => void;
}

type MemberCommand = Exclude<CoordinatorCommand, { readonly type: "commit" | "abort" }>;

interface Membership {
  readonly update: VersionUpdate;
  readonly control: AbortController;
}

export function runPublication(parts: RunParts): PublicationRun {
  const { context, board, record, rule, stageMs } = parts;
  const { ledger, gate, clock, timings, observe } = context;
  const { policy, version } = record;
  const core = createPublication({
    rule,
    // Known of every path; if it were not, nothing would equal it.
    digest: record.digest ?? "",
    stageMs,
    gateMs: gate.longestGraceMs(record.updateGraceMs) + timings.gateSlackMs + timings.verdictMs,
    swapMs:
      timings.pauseMs +
      timings.swapMs +
      timings.verifyMs +
      timings.resumeMs +
      timings.canaryMs +
      timings.verdictMs,
    installMs: timings.resumeMs + timings.verdictMs,
    width: LIMITS.updatesAtOnce,
  });
  const members = new Map<string, Membership>();
  const decided = Promise.withResolvers<Verdict>();
  const over = Promise.withResolvers<void>();
  let unwanted: { readonly reason: string; readonly code: ErrorCode } | null = null;
  const driver = driveCore<CoordinatorEvent, CoordinatorCommand>({
    core,
    clock,
    show({ worker, phase, reason }) {
      board.put(policy, version, worker, {
        phase: SHOWN[phase],
        reason,
        pauseMs: members.get(worker)?.update.pauseMs ?? null,
        counts: phase !== "unfit",
      });
    },
    execute,
    left: parts.left,
    trouble: (error) => observe({ type: "trouble", policy, version, error }),
    settle() {
      if ((core.state === "done" || core.state === "aborted") && driver.quiet) over.resolve();
    },
  });
  const { send, begin } = driver;

  function memberOf({ worker, incarnation }: MemberRef): Membership {
    const known = members.get(worker);
    if (known) return known;
    const update = versionUpdate(context, record, { worker, incarnation });
    const member = { update, control: new AbortController() };
    members.set(worker, member);
    return member;
  }

  function step(
    ref: MemberRef,
    failed: "stage_failed" | "gate_failed" | "swap_failed" | "install_failed",
    work: (signal: AbortSignal) => Promise<CoordinatorEvent>,
  ): void {
    const { control } = memberOf(ref);
    driver.step(
      () => work(control.signal),
      ({ code, message }) => ({ type: failed, ...ref, code, reason: message }),
    );
  }

  function execute(command: CoordinatorCommand): void {
    if (command.type === "commit") begin(commit);
    else if (command.type === "abort") begin(() => abort(command.code, command.reason));
    else executeOn(memberOf(command), command);
  }

  function executeOn({ update, control }: Membership, command: MemberCommand): void {
    const { worker, incarnation } = command;
    const ref = { worker, incarnation };
    switch (command.type) {
      case "stage":
        step(ref, "stage_failed", async (signal) => {
          return { type: "staged", ...ref, digest: await update.stage(stageMs, signal) };
        });
        break;
      case "gate":
        step(ref, "gate_failed", async (signal) => {
          await update.close(signal);
          return { type: "gated", ...ref };
        });
        break;
      case "swap":
        step(ref, "swap_failed", async (signal) => {
          return { type: "swapped", ...ref, digest: await update.swap(signal) };
        });
        break;
      case "install":
        step(ref, "install_failed", async (signal) => {
          await update.install(signal);
          return { type: "installed", ...ref };
        });
        break;
      case "ungate":
        control.abort("not emptied");
        update.reopen();
        break;
      case "discard":
        control.abort("not wanted any more");
        begin(() => update.discard());
        break;
      case "poison":
        control.abort("poisoned");
        begin(() => update.poison(command.reason));
    }
  }

  async function commit(): Promise<void> {
    try {
      await timed(context, { policy, worker: null, phase: "commit" }, async () => {
        await ledger.transition(policy, version, "staged");
        await ledger.transition(policy, version, "committed");
      });
    } catch (thrown) {
      const { code, message } = PacelineError.from(thrown);
      send({ type: "commit_failed", code, reason: message });
      return;
    }
    decided.resolve(null);
    send({ type: "committed" });
  }

  /** What became of it on each worker. */
  const answers = () =>
    core.members().map(({ worker, phase, reason }) => ({ worker, phase: SHOWN[phase], reason }));

  async function abort(cause: ErrorCode, reason: string): Promise<void> {
    const told = TOLD.has(cause) ? cause : "commit_aborted";
    const verdict = new PacelineError(told, `version ${version} of ${policy}: ${reason}`, {
      details: { policy, version, cause, workers: answers() },
    });
    try {
      await ledger.transition(policy, version, "aborted");
    } finally {
      // Even where the store is dead: whoever waits must learn that this server will not commit it.
      decided.resolve(verdict);
      board.giveUp(policy, version);
    }
  }

  async function start(): Promise<void> {
    try {
      if (unwanted === null) await ledger.transition(policy, version, "transferring");
    } catch (thrown) {
      const { code, message } = PacelineError.from(thrown);
      return abort(code, message);
    }
    // Asked for before, or while the step above was written.
    if (unwanted !== null) return abort(unwanted.code, unwanted.reason);
    const members = parts.muster();
    const spareShare = gate.spareShare(new Set(members.map(({ worker }) => worker)));
    send({ type: "start", members, spareShare });
  }

  begin(async () => {
    await start();
    if (core.state === "idle") over.resolve();
  });

  return {
    decided: decided.promise,
    over: over.promise,
    concerns: driver.concerns,
    lost(ref, reason) {
      if (!driver.holds(ref)) return;
      members.get(ref.worker)?.control.abort("gone");
      send({ type: "gone", ...ref, reason });
    },
    abort(reason, code = "commit_aborted") {
      if (core.state === "idle") unwanted ??= { reason, code };
      else if (core.state === "staging" || core.state === "trying")
        send({ type: "abort", code, reason });
      else return core.state === "aborted";
      return true;
    },
    stop() {
      // A wave that is being replaced is seen through: nobody would be left to heal it.
      const replacing = core.members().some(({ phase }) => REPLACING.has(phase));
      if (!replacing && this.abort("the server shuts down")) return;
      for (const { worker, phase } of core.members()) {
        if (phase === "staged" || phase === "gating")
          members.get(worker)?.control.abort("shutdown");
      }
    },
  };
}
