/** Workers over HTTP: registration, leases and control. Every call answers what the worker is afterwards. */
import type { Fleet, WorkerRecord } from "../../fleet/fleet.ts";
import type { ControlOrder, WorkerControl } from "../../placement/worker-control.ts";
import type { Ledger } from "../../policy/ledger.ts";
import { decodeLease, decodePause, decodeRegistration, encodeWorker } from "../codec/worker.ts";
import { type Handler, noBody, oneOf, param, query, sendJson, wholeNumber } from "./request.ts";

type WorkerCall =
  | "listWorkers"
  | "registerWorker"
  | "getWorker"
  | "removeWorker"
  | "renewWorker"
  | "pauseWorker"
  | "resumeWorker"
  | "flushWorker"
  | "sleepWorker"
  | "wakeWorker"
  | "pausePool"
  | "resumePool"
  | "flushPool"
  | "sleepPool"
  | "wakePool";

export interface WorkerRoutes {
  readonly fleet: Fleet;
  readonly ledger: Pick<Ledger, "holds">;
  readonly control: WorkerControl;
}

/** Longest wait that a drain may ask for, ms: a day. */
const LONGEST_DRAIN_MS = 86_400_000;

export function workerRoutes(context: WorkerRoutes): Record<WorkerCall, Handler> {
  const { fleet, ledger, control } = context;
  const wire = (worker: WorkerRecord) =>
    encodeWorker(worker, ledger.holds(worker.id, worker.description.incarnation));
  const json = (worker: WorkerRecord): string => JSON.stringify(wire(worker));

  const bare = (action: Exclude<ControlOrder["action"], "pause">) => ({
    worker: (async (request, reply) => {
      noBody(request);
      return sendJson(reply, json(await control.one(param(request, "id"), { action })));
    }) satisfies Handler,
    pool: (async (request, reply) => {
      noBody(request);
      const workers = await control.pool(param(request, "pool"), { action });
      return sendJson(reply, JSON.stringify({ workers: workers.map(wire) }));
    }) satisfies Handler,
  });
  const [resume, flush, sleep, wake] = [bare("resume"), bare("flush"), bare("sleep"), bare("wake")];

  return {
    listWorkers: (request, reply) => {
      query(request, []);
      return sendJson(reply, JSON.stringify({ workers: fleet.list().map(wire) }));
    },
    registerWorker: async (request, reply) =>
      sendJson(reply, json(await fleet.register(decodeRegistration(request.body)))),
    getWorker: (request, reply) => sendJson(reply, json(fleet.get(param(request, "id")))),
    removeWorker: async (request, reply) => {
      noBody(request);
      const { drain, timeout_ms } = query(request, ["drain", "timeout_ms"]);
      const how = drain === undefined ? null : oneOf("drain", drain, ["finish", "migrate"]);
      const timeoutMs =
        timeout_ms === undefined
          ? undefined
          : wholeNumber("timeout_ms", timeout_ms, LONGEST_DRAIN_MS);
      const worker = fleet.get(param(request, "id"));
      if (how !== null) await control.drain(worker.id, how, timeoutMs);
      await fleet.remove(worker.id, "removed by request");
      return sendJson(reply, JSON.stringify({ id: worker.id, removed: true, drain: how }));
    },
    renewWorker: (request, reply) => {
      const incarnation = decodeLease(request.body);
      return sendJson(reply, json(fleet.renew(param(request, "id"), incarnation)));
    },
    pauseWorker: async (request, reply) => {
      const order = { action: "pause", mode: decodePause(request.body) } as const;
      return sendJson(reply, json(await control.one(param(request, "id"), order)));
    },
    pausePool: async (request, reply) => {
      const order = { action: "pause", mode: decodePause(request.body) } as const;
      const workers = await control.pool(param(request, "pool"), order);
      return sendJson(reply, JSON.stringify({ workers: workers.map(wire) }));
    },
    resumeWorker: resume.worker,
    resumePool: resume.pool,
    flushWorker: flush.worker,
    flushPool: flush.pool,
    sleepWorker: sleep.worker,
    sleepPool: sleep.pool,
    wakeWorker: wake.worker,
    wakePool: wake.pool,
  };
}
