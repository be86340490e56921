/**
 * The weights' coordinator: publications to every worker, and every worker to the committed version. The
 * pure core (`core/`) decides; `publication-run.ts` and `catch-up.ts` act. Here it is put together: each way
 * to bring a version into the fleet is a file of its own (`path-publications.ts`) over the same lines.
 */
import type { Clock, Random } from "../../contract/clock.ts";
import type { AdaptersPort } from "../../placement/adapters-port.ts";
import type { Ledger } from "../../policy/ledger.ts";
import type { Publisher } from "../publisher.ts";
import { createAdapterDemand } from "./adapter-demand.ts";
import { AdapterRooms } from "./adapter-rooms.ts";
import { createAssignments } from "./assignments.ts";
import { createCatchUp } from "./catch-up.ts";
import { createContentHash, type Digest } from "./content-hash.ts";
import { createDepartures } from "./departures.ts";
import { createDriftWatch } from "./drift.ts";
import { createExternalVersions } from "./external/versions.ts";
import type { UpdateGate } from "./gate.ts";
import { createInstalled } from "./installed.ts";
import { createLeaving } from "./leaving.ts";
import type { ObserveUpdates } from "./observation.ts";
import { publishing } from "./path-publications.ts";
import { createProgressBoard } from "./progress-board.ts";
import { createPublicationLines } from "./publication-lines.ts";
import { createReceipts } from "./receipts.ts";
import { rollingBack } from "./rollbacks.ts";
import type { Standstills } from "./standstills.ts";
import { createSubmissions } from "./submissions.ts";
import { UPDATE_TIMINGS, type UpdateTimings } from "./timings.ts";
import { findWorker, type UpdateContext } from "./update-context.ts";
import { withdrawing } from "./withdrawals.ts";

export interface PublisherParts {
  readonly ledger: Ledger;
  readonly fleet: UpdateContext["fleet"];
  readonly gate: UpdateGate;
  readonly digest: Digest;
  readonly random: Random;
  readonly clock: Clock;
  readonly observe: ObserveUpdates;
  readonly standstills: Standstills;
  readonly timings?: Partial<UpdateTimings>;
}

export function createPublisher({
  digest,
  random,
  timings: given,
  observe,
  ...parts
}: PublisherParts): Publisher & AdaptersPort {
  const { ledger, fleet, clock, standstills } = parts;
  const timings = { ...UPDATE_TIMINGS, ...given };
  const receipts = createReceipts(random, { still: true });
  const adapterReceipts = createReceipts(random, { still: false });
  const closing = new AbortController();
  const { signal } = closing;
  const demand = createAdapterDemand(parts.gate, () => context, signal);
  const context: UpdateContext = {
    ...parts,
    gate: demand.gate,
    rooms: new AdapterRooms(),
    timings,
    receipts,
    adapterReceipts,
    leaving: createLeaving(observe, signal),
    observe(event) {
      observe(event);
      if (event.type === "worker") installed(event.policy, event.version);
    },
  };
  const board = createProgressBoard(ledger, context.observe);
  const installed = createInstalled(ledger, board, observe);
  const lines = createPublicationLines(ledger, board, observe);
  const assignments = createAssignments();
  const catchUp = createCatchUp({ context, board, assignments, taken: lines.taken });
  const departures = createDepartures({ context, board, catchUp, lines, closing: signal });
  const hash = createContentHash({
    digest,
    clock,
    observe: context.observe,
    digestMs: timings.digestMs,
    closing: signal,
  });
  const shared = { context, board, assignments, catchUp, lines, closing: signal };
  const submit = createSubmissions(shared);
  const external = createExternalVersions({ ...shared, random });
  const busy = (worker: string): boolean =>
    lines.taken(worker) || catchUp.concerns(worker) || demand.concerns(worker);
  const drift = createDriftWatch({ context, busy, closing: signal });

  const unlisten = [
    fleet.listen((change) => {
      if (change.type === "lost") {
        departures.gone(change.worker, change.incarnation, change.reason);
        demand.lost(change);
      }
      if (change.type !== "worker") return;
      const { id, state, reason, description } = change.worker;
      if (state === "poisoned") {
        receipts.forget(id);
        adapterReceipts.forget(id);
        departures.evict(change.worker);
        external.distrusted({ worker: id, incarnation: description.incarnation }, reason ?? state);
      }
      drift.consider(change.worker);
      catchUp.consider(change.worker);
    }),
    ledger.listen((change) => {
      if (change.type === "holds" && change.holds.length > 0) {
        // On a base that it has proved adapters may be due, and one that it lost is.
        const worker = findWorker(fleet, change.worker);
        if (worker !== null) catchUp.consider(worker);
      }
      if (change.type !== "policy") return;
      lines.fence(change.policy);
      catchUp.considerAll();
    }),
  ];
  catchUp.considerAll();

  return {
    publish: publishing(ledger, hash, submit, external.open),
    withdraw: withdrawing(context),
    enter: demand.enter,
    gate: external.gate,
    commit: external.commit,
    rollback: rollingBack(ledger, hash, submit),
    progress: board.progress,
    watch: board.watch,
    committed: lines.committed,
    abort: external.abort,
    async close() {
      closing.abort("the server shuts down");
      for (const stop of unlisten) stop();
      await Promise.all([lines.close(), catchUp.stop()]);
      standstills.close();
      board.close();
    },
  };
}
