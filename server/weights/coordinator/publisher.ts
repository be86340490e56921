/**
 * The weights' coordinator: publications from a path to every worker, and every worker to the committed
 * version. The pure core (`core/`) decides; `publication-run.ts` and `catch-up.ts` act.
 */
import type { Clock } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { WorkerRecord } from "../../fleet/fleet.ts";
import type { Ledger, VersionRecord } from "../../policy/ledger.ts";
import { wasCommitted } from "../../policy/version-states.ts";
import type { PublicationProgress, Publisher } from "../publisher.ts";
import { createAssignments } from "./assignments.ts";
import { createCatchUp } from "./catch-up.ts";
import { withDeadline } from "./deadline.ts";
import type { UpdateGate } from "./gate.ts";
import { musterMembers, settleLeaver } from "./muster.ts";
import type { ObserveUpdates } from "./observation.ts";
import { createProgressBoard } from "./progress-board.ts";
import { assertSupported } from "./publication-check.ts";
import { createPublicationLine, type PublicationLine } from "./publication-line.ts";
import { runPublication } from "./publication-run.ts";
import { UPDATE_TIMINGS, type UpdateTimings } from "./timings.ts";
import { findWorker, timed, type UpdateContext } from "./update-context.ts";

export interface PublisherParts {
  readonly ledger: Ledger;
  readonly fleet: UpdateContext["fleet"];
  readonly gate: UpdateGate;
  /** Content digest of a checkpoint. Throws `weights_rejected`. */
  readonly digest: (path: string) => Promise<{ readonly digest: string; readonly bytes: number }>;
  readonly clock: Clock;
  readonly observe: ObserveUpdates;
  readonly timings?: Partial<UpdateTimings>;
}

export function createPublisher({
  digest,
  timings: given,
  observe,
  ...parts
}: PublisherParts): Publisher {
  const { ledger, fleet, gate, clock } = parts;
  const timings = { ...UPDATE_TIMINGS, ...given };
  const context: UpdateContext = {
    ...parts,
    timings,
    observe(event) {
      observe(event);
      if (event.type === "worker") settleInstalled(event.policy, event.version);
    },
  };
  const board = createProgressBoard(ledger, context.observe);
  const assignments = createAssignments();
  const lines = new Map<string, PublicationLine>();
  const closing = new AbortController();
  const settling = new Set<string>();
  const taken = (worker: string): boolean =>
    [...lines.values()].some(({ current }) => current?.run.concerns(worker));
  const catchUp = createCatchUp({ context, board, assignments, taken });

  /** The version is everywhere: its state says so. */
  function settleInstalled(policy: string, version: number): void {
    const key = `${policy}/${version}`;
    if (settling.has(key) || !board.everywhere(policy, version)) return;
    if (ledger.version(policy, version).state !== "committed") return;
    settling.add(key);
    ledger
      .transition(policy, version, "installed")
      .catch((thrown: unknown) => {
        const error = PacelineError.from(thrown);
        // A newer commit came first: nothing is lost.
        if (error.code !== "version_conflict") observe({ type: "trouble", policy, version, error });
      })
      .finally(() => settling.delete(key));
  }

  function lineOf(policy: string): PublicationLine {
    const known = lines.get(policy);
    if (known) return known;
    const line = createPublicationLine(policy, ({ record, stageMs }) =>
      runPublication({
        context,
        board,
        record,
        stageMs,
        muster: () => musterMembers(context, board, assignments, record, catchUp.concerns),
        left(ref, phase) {
          settleLeaver(context, assignments, record, ref, phase);
          const worker = findWorker(fleet, ref.worker);
          if (worker) catchUp.consider(worker);
        },
      }),
    );
    lines.set(policy, line);
    return line;
  }

  /** Tokens of unproven versions came from it: what it proved is void, what runs there goes on elsewhere. */
  function evict({ id, description: { incarnation } }: WorkerRecord): void {
    const [held] = ledger.holds(id, incarnation);
    if (!held || taken(id) || catchUp.concerns(id)) return;
    const { policy, version } = held;
    ledger.forget(id, incarnation);
    withDeadline(clock, timings.discardMs, `${id}: emptying`, closing.signal, () =>
      gate.drain(id, "migrate", 0),
    ).catch((thrown: unknown) =>
      observe({ type: "trouble", policy, version, error: PacelineError.from(thrown) }),
    );
  }

  function gone(worker: string, incarnation: string, reason: string): void {
    ledger.forget(worker, incarnation);
    for (const line of lines.values()) line.lost({ worker, incarnation }, reason);
    catchUp.lost({ worker, incarnation });
    for (const { policy, committedVersion } of ledger.policies()) {
      if (committedVersion === null) continue;
      const row = board.row(policy, committedVersion, worker);
      if (row) board.put(policy, committedVersion, worker, { ...row, phase: "gone", reason });
    }
  }

  const unlisten = [
    fleet.listen((change) => {
      if (change.type === "lost") gone(change.worker, change.incarnation, change.reason);
      if (change.type !== "worker") return;
      if (change.worker.state === "poisoned") evict(change.worker);
      catchUp.consider(change.worker);
    }),
    ledger.listen((change) => {
      if (change.type === "policy") catchUp.considerAll();
    }),
  ];
  catchUp.considerAll();

  async function hash(policy: string, path: string): Promise<string> {
    try {
      const about = { policy, worker: null, phase: "digest" as const };
      const hashed = await timed(context, about, () =>
        withDeadline(clock, timings.digestMs, `digest of ${path}`, closing.signal, () =>
          digest(path),
        ),
      );
      return hashed.digest;
    } catch (thrown) {
      if (closing.signal.aborted) throw shuttingDown();
      if (thrown instanceof PacelineError) throw thrown;
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      throw new PacelineError("weights_rejected", `${path}: ${why}`, { cause: thrown });
    }
  }

  async function withdraw(record: VersionRecord, reason: string): Promise<boolean> {
    const { policy, version } = record;
    const verdict = new PacelineError(
      "commit_aborted",
      `version ${version} of ${policy}: ${reason}`,
      {
        details: { policy, version, cause: "commit_aborted" },
      },
    );
    if (!lines.get(policy)?.withdraw(version, verdict)) return false;
    await ledger.transition(policy, version, "aborted");
    return true;
  }

  return {
    progress: board.progress,
    watch: board.watch,
    async publish(publication) {
      if (closing.signal.aborted) throw shuttingDown();
      const policy = ledger.policy(publication.policy);
      assertSupported(policy, publication);
      const place = lineOf(policy.policy).reserve();
      let record: VersionRecord;
      try {
        const content = await hash(policy.policy, publication.source.path);
        record = await ledger.open({
          policy: policy.policy,
          label: publication.label ?? null,
          source: publication.source,
          digest: content,
          contentOf: null,
          onUpdate: publication.onUpdate ?? policy.onUpdate,
          updateGraceMs: publication.updateGraceMs ?? policy.updateGraceMs,
        });
      } catch (thrown) {
        place.leave();
        throw thrown;
      }
      if (closing.signal.aborted) {
        place.leave();
        await ledger.transition(policy.policy, record.version, "aborted");
        throw shuttingDown();
      }
      place.fill({ record, stageMs: publication.commit?.timeoutMs ?? timings.stageMs });
      return board.progress(policy.policy, record.version);
    },
    async committed(policy, version) {
      const { state } = ledger.version(policy, version);
      const pending = lines.get(policy)?.verdict(version);
      const error = pending ? await pending : undefined;
      if (wasCommitted(state) || error === null) return board.progress(policy, version);
      throw (
        error ?? new PacelineError("commit_aborted", `version ${version} of ${policy} is ${state}`)
      );
    },
    async abort(policy, version): Promise<PublicationProgress> {
      const record = ledger.version(policy, version);
      const run = lines.get(policy)?.current;
      if (record.state !== "aborted" && !(await withdraw(record, "aborted by a caller"))) {
        const begun = run?.version === version ? run.run : null;
        if (!begun?.abort("aborted by a caller")) {
          const { state } = ledger.version(policy, version);
          throw new PacelineError(
            "version_conflict",
            `version ${version} of ${policy} (${state}) is past the point where it can be aborted`,
            { details: { policy, version, state } },
          );
        }
        const verdict = await begun.decided;
        if (verdict !== null && verdict.code !== "commit_aborted") throw verdict;
      }
      return board.progress(policy, version);
    },
    async close() {
      closing.abort("the server shuts down");
      for (const stop of unlisten) stop();
      const waiting = [...lines.values()].flatMap((line) => line.waiting());
      await Promise.all(waiting.map((record) => withdraw(record, "the server shuts down")));
      const runs = [...lines.values()].flatMap(({ current }) => current?.run ?? []);
      for (const run of runs) run.stop();
      await Promise.all([...runs.map(({ over }) => over), catchUp.stop()]);
      board.close();
    },
  };
}

function shuttingDown(): PacelineError {
  return new PacelineError("shutting_down", "the server takes no more publications");
}
