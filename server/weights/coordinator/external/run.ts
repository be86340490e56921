/** Drives one round's core (`core/external.ts`) on the workers and the ledger. */
import { type ErrorCode, PacelineError } from "../../../contract/errors.ts";
import { LIMITS } from "../../../limits.ts";
import type { VersionRecord } from "../../../policy/ledger.ts";
import type { WorkerPhase } from "../../publisher.ts";
import type { AskCanary } from "../canary-request.ts";
import { judgeCanaries } from "../core/canary.ts";
import type { MemberEntry, MemberPhase, MemberRef, MemberView } from "../core/events.ts";
import { createExternal } from "../core/external.ts";
import type { ExternalCommand, ExternalEvent, ExternalState } from "../core/external-events.ts";
import { isOver } from "../core/members.ts";
import { driveCore } from "../core-driver.ts";
import type { ProgressBoard } from "../progress-board.ts";
import { type PublicationRun, SHOWN, TOLD, type Verdict } from "../publication-run.ts";
import { timed, type UpdateContext } from "../update-context.ts";
import type { Claim } from "./claims.ts";
import { ExternalWorker } from "./worker.ts";

export interface ExternalRun extends PublicationRun {
  /** Resolves when the fences may be given out. Throws why there are none. */
  readonly gated: Promise<void>;
  readonly state: ExternalState;
  /** Milliseconds until the gate lapses; null where it cannot. */
  readonly lapseMs: number | null;
  /** What a proof for this worker must name, even if that life of it is over; null where it never was gated here. */
  fenceOf(worker: string): string | null;
  /** The mover is done. Call once, while `gated`; what becomes of it is in `decided` and `over`. */
  claim(claims: ReadonlyMap<string, Claim>): void;
  distrusted(ref: MemberRef, reason: string): void;
}

export interface ExternalParts {
  readonly context: UpdateContext;
  readonly board: ProgressBoard;
  readonly record: VersionRecord;
  /** From the gate to the claim. */
  readonly lapseMs: number;
  /** The version is committed already: workers that came late are brought to it. */
  readonly again: boolean;
  readonly muster: () => readonly MemberEntry[];
  readonly left: (ref: MemberRef, phase: MemberPhase) => void;
  readonly mintFence: () => string;
  readonly ask: AskCanary;
}

type MemberCommand = Extract<ExternalCommand, MemberRef>;

interface Membership {
  readonly worker: ExternalWorker;
  readonly control: AbortController;
  readonly fence: string;
}

export function runExternal(parts: ExternalParts): ExternalRun {
  const { context, board, record, again } = parts;
  const { ledger, gate, clock, timings, observe } = context;
  const { policy, version } = record;
  const { gateSlackMs, verdictMs, pauseMs, canaryMs, verifyMs, resumeMs } = timings;
  const core = createExternal({
    gateMs:
      gate.longestGraceMs(record.updateGraceMs) + gateSlackMs + canaryMs + pauseMs + verdictMs,
    lapseMs: parts.lapseMs,
    verifyMs: verifyMs + resumeMs + canaryMs + verdictMs,
    installMs: resumeMs + verdictMs,
    width: LIMITS.updatesAtOnce,
    judge: judgeCanaries,
  });
  const members = new Map<string, Membership>();
  const gated = Promise.withResolvers<void>();
  // A gate that fails is told to whoever waits for it; nobody need.
  gated.promise.catch(() => {});
  const decided = Promise.withResolvers<Verdict>();
  const over = Promise.withResolvers<void>();
  let claims: ReadonlyMap<string, Claim> = new Map();
  let content: string | null = null;
  let gatedAt = 0;
  let unwanted: { readonly code: ErrorCode; readonly reason: string } | null = null;
  let ended = false;
  const driver = driveCore<ExternalEvent, ExternalCommand>({
    core,
    clock,
    show,
    execute,
    left: parts.left,
    trouble: (error) => observe({ type: "trouble", policy, version, error }),
    settle() {
      if (!ENDED.has(core.state) || !driver.quiet || !driver.empty) return;
      ended = true;
      over.resolve();
    },
  });
  const { send, begin } = driver;

  function show({ worker, phase, reason }: MemberView): void {
    const { pauseMs: stood = null } = members.get(worker)?.worker ?? {};
    const fence = isOver(phase) ? null : fenceOf(worker);
    const row = { phase: shownAs(phase), reason, pauseMs: stood, counts: true };
    board.put(policy, version, worker, fence === null ? row : { ...row, fence });
  }

  function fenceOf(worker: string): string | null {
    const given = core.state !== "idle" && core.state !== "gating" && core.state !== "fencing";
    return given ? (members.get(worker)?.fence ?? null) : null;
  }

  function memberOf({ worker, incarnation }: MemberRef): Membership {
    const known = members.get(worker);
    if (known) return known;
    const ref = { worker, incarnation };
    const member = {
      worker: new ExternalWorker(context, record, ref, parts.ask),
      control: new AbortController(),
      fence: parts.mintFence(),
    };
    members.set(worker, member);
    return member;
  }

  function step(
    { control, worker: { ref } }: Membership,
    failed: "gate_failed" | "unproven" | "install_failed" | "restore_failed",
    work: (signal: AbortSignal) => Promise<ExternalEvent>,
  ): void {
    driver.step(
      () => work(control.signal),
      ({ code, message }) => ({ type: failed, ...ref, reason: `${code}: ${message}` }),
    );
  }

  function execute(command: ExternalCommand): void {
    switch (command.type) {
      case "fence":
        begin(fence);
        break;
      case "commit":
        begin(commit);
        break;
      case "refuse":
        refuse(command.code, command.reason);
        break;
      case "abort":
        begin(() => abort(command.code, command.reason));
        break;
      default:
        executeOn(memberOf(command), command);
    }
  }

  function executeOn(member: Membership, command: MemberCommand): void {
    const { worker, control } = member;
    const { ref } = worker;
    switch (command.type) {
      case "gate":
        step(member, "gate_failed", async (signal) => {
          await worker.gate(signal);
          return { type: "gated", ...ref };
        });
        break;
      case "verify":
        step(member, "unproven", async (signal) => {
          return { type: "shown", shown: await worker.verify(claimOf(ref), signal) };
        });
        break;
      case "install":
        step(member, "install_failed", async (signal) => {
          await worker.install(claimOf(ref), signal);
          return { type: "installed", ...ref };
        });
        break;
      case "restore":
        step(member, "restore_failed", async (signal) => {
          await worker.restore(signal);
          return { type: "restored", ...ref };
        });
        break;
      case "ungate":
        control.abort("not gated");
        begin(() => worker.ungate(never));
        break;
      case "poison":
        control.abort("poisoned");
        begin(() => worker.poison(command.reason));
    }
  }

  function claimOf({ worker }: MemberRef): Claim {
    const claim = claims.get(worker);
    if (claim) return claim;
    throw new PacelineError("internal", `${worker} is verified without a claim`);
  }

  async function fence(): Promise<void> {
    try {
      if (!again) await ledger.transition(policy, version, "gated");
    } catch (thrown) {
      const { code, message } = PacelineError.from(thrown);
      send({ type: "fence_failed", code, reason: message });
      return;
    }
    gatedAt = clock.now();
    send({ type: "fenced" });
    if (unwanted !== null) {
      send({ type: "abort", ...unwanted });
      return;
    }
    // From now on each row has its fence.
    for (const member of core.members()) show(member);
    gated.resolve();
  }

  async function commit(): Promise<void> {
    try {
      await timed(context, { policy, worker: null, phase: "commit" }, async () => {
        if (!again) await ledger.transition(policy, version, "committed", content);
      });
    } catch (thrown) {
      const { code, message } = PacelineError.from(thrown);
      send({ type: "commit_failed", code, reason: message });
      return;
    }
    decided.resolve(null);
    send({ type: "committed" });
  }

  /** The version stays as it was: it may be gated again. */
  function refuse(code: ErrorCode, reason: string): void {
    const error = verdict(code, reason);
    gated.reject(error);
    decided.resolve(error);
  }

  async function abort(cause: ErrorCode, reason: string): Promise<void> {
    const told = TOLD.has(cause) ? cause : "commit_aborted";
    const error = verdict(told, reason, cause);
    gated.reject(error);
    try {
      if (!again) await ledger.transition(policy, version, "aborted");
    } finally {
      // Even where the store is dead: whoever waits must learn that this server will not commit it.
      decided.resolve(error);
      if (!again) board.giveUp(policy, version);
    }
  }

  function verdict(code: ErrorCode, reason: string, cause = code): PacelineError {
    const workers = core
      .members()
      .map(({ worker, phase, reason: why }) => ({ worker, phase: shownAs(phase), reason: why }));
    return new PacelineError(code, `version ${version} of ${policy}: ${reason}`, {
      details: { policy, version, cause, workers },
    });
  }

  begin(async () => {
    // Whoever began this has it in hand first.
    await Promise.resolve();
    send({ type: "start", members: unwanted === null ? parts.muster() : [] });
  });

  return {
    gated: gated.promise,
    decided: decided.promise,
    over: over.promise,
    get state() {
      return core.state;
    },
    get lapseMs() {
      return core.lapsesAt === null ? null : Math.max(0, core.lapsesAt - clock.now());
    },
    fenceOf,
    claim(given) {
      claims = given;
      for (const claim of given.values()) content ??= claim.content;
      const seconds = (clock.now() - gatedAt) / 1000;
      observe({ type: "phase", policy, worker: null, phase: "move", seconds, ok: true });
      send({
        type: "claim",
        members: [...given.keys()].flatMap((worker) => members.get(worker)?.worker.ref ?? []),
      });
    },
    concerns: driver.concerns,
    lost(ref, reason) {
      if (!driver.holds(ref)) return;
      members.get(ref.worker)?.control.abort("gone");
      send({ type: "gone", ...ref, reason });
    },
    distrusted(ref, reason) {
      const news = members.get(ref.worker)?.worker.wasPoisoned === false;
      if (news && driver.holds(ref)) send({ type: "distrusted", ...ref, reason });
    },
    abort(reason, code = "commit_aborted") {
      if (core.state === "gating" || core.state === "gated") send({ type: "abort", code, reason });
      else if (core.state === "idle" || core.state === "fencing") unwanted ??= { code, reason };
      else return ended || core.state === "aborted" || core.state === "refused";
      return true;
    },
    stop() {
      this.abort("the server shuts down");
    },
  };
}

/** Of the phases that others share, one means more here. */
const shownAs = (phase: MemberPhase): WorkerPhase => (phase === "gated" ? "gated" : SHOWN[phase]);

const never = new AbortController().signal;
const ENDED: ReadonlySet<ExternalState> = new Set(["done", "refused", "aborted"]);
