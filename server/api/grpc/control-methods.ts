/**
 * The calls of FleetService and PolicyService: each takes the JSON body that its message says and answers
 * the body of its reply, through the same checks and the same parts as HTTP.
 */
import { PacelineError } from "../../contract/errors.ts";
import type { Fleet, WorkerRecord } from "../../fleet/fleet.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { ControlOrder, WorkerControl } from "../../placement/worker-control.ts";
import type { Ledger } from "../../policy/ledger.ts";
import type { Publisher } from "../../weights/publisher.ts";
import { invalid } from "../codec/invalid.ts";
import {
  decodeCommit,
  decodeDeclaration,
  decodePublication,
  decodeRollback,
  decodeRunOpening,
  encodePolicy,
  encodePublication,
  encodeRun,
} from "../codec/policy.ts";
import { decodeLease, decodePause, decodeRegistration, encodeWorker } from "../codec/worker.ts";
import { holdersOf } from "../holders.ts";

export type Body = Readonly<Record<string, unknown>>;

export interface Methods {
  readonly unary: Readonly<Record<string, (body: Body) => unknown>>;
  /** Each item is one reply of the stream; ends when `signal` aborts. */
  readonly stream?: Readonly<
    Record<string, (body: Body, signal: AbortSignal) => AsyncIterable<unknown>>
  >;
}

export interface ControlParts {
  readonly fleet: Fleet;
  readonly ledger: Ledger;
  readonly publisher: Publisher;
  readonly control: WorkerControl;
  readonly jobs: Pick<Jobs, "list" | "get" | "declare" | "report">;
}

export function controlMethods(parts: ControlParts): Readonly<Record<string, Methods>> {
  return { FleetService: fleetMethods(parts), PolicyService: policyMethods(parts) };
}

function fleetMethods({ fleet, ledger, control }: ControlParts): Methods {
  const wire = (worker: WorkerRecord) =>
    encodeWorker(worker, ledger.holds(worker.id, worker.description.incarnation));
  return {
    unary: {
      Register: async (body) => wire(await fleet.register(decodeRegistration(body))),
      Renew(body) {
        return wire(fleet.renew(text(body, "id"), decodeLease(body["lease"] ?? {})));
      },
      List: () => ({ workers: fleet.list().map(wire) }),
      async Control(body) {
        const order = orderOf(body);
        if (body["pool"] !== undefined) {
          const workers = await control.pool(text(body, "pool"), order);
          return { workers: workers.map(wire) };
        }
        return { workers: [wire(await control.one(text(body, "worker"), order))] };
      },
      async Drain(body) {
        const worker = fleet.get(text(body, "id"));
        const { mode, timeout_ms: timeoutMs } = body;
        if (mode !== "finish" && mode !== "migrate") {
          throw invalid("mode", "must be DRAIN_MODE_FINISH or DRAIN_MODE_MIGRATE");
        }
        await control.drain(worker.id, mode, typeof timeoutMs === "number" ? timeoutMs : undefined);
        return wire(fleet.get(worker.id));
      },
      async Remove(body) {
        await fleet.remove(fleet.get(text(body, "id")).id, "removed by request");
        return {};
      },
    },
  };
}

const BARE = ["resume", "sleep", "wake", "flush"] as const;

function orderOf(body: Body): ControlOrder {
  const { action, pause } = body;
  if (action === "pause") return { action, mode: decodePause(pause ?? {}) };
  const bare = BARE.find((one) => one === action);
  if (bare === undefined) throw invalid("action", "must say what to do");
  if (pause !== undefined) throw invalid("pause", "only the action pause has it");
  return { action: bare };
}

function policyMethods(parts: ControlParts): Methods {
  const { fleet, ledger, publisher } = parts;
  const wire = (policy: string) =>
    encodePolicy(
      ledger.policy(policy),
      ledger.versions(policy),
      holdersOf({ fleet, ledger }, policy),
    );
  return {
    unary: {
      async Declare(body) {
        const policy = text(body, "policy");
        await ledger.declare(decodeDeclaration(policy, body["declaration"] ?? {}));
        return wire(policy);
      },
      async Publish(body) {
        const given = body["publication"] ?? {};
        return encodePublication(
          await publisher.publish(decodePublication(text(body, "policy"), given)),
        );
      },
      OpenRun: async (body) =>
        encodeRun(
          await ledger.openRun(decodeRunOpening(text(body, "policy"), body["opening"] ?? {})),
        ),
      Rollback: async (body) =>
        encodePublication(
          await publisher.rollback(
            text(body, "policy"),
            version(body),
            decodeRollback(body["rollback"]),
          ),
        ),
      Gate: async (body) =>
        encodePublication(await publisher.gate(text(body, "policy"), version(body))),
      async Commit(body) {
        const proofs = decodeCommit(body["commit"] ?? {});
        return encodePublication(
          await publisher.commit(text(body, "policy"), version(body), proofs),
        );
      },
      Abort: async (body) =>
        encodePublication(await publisher.abort(text(body, "policy"), version(body))),
      Get: (body) => wire(text(body, "policy")),
    },
    stream: {
      async *Watch(body, signal) {
        const policy = text(body, "policy");
        for await (const progress of publisher.watch(policy, version(body), signal)) {
          yield encodePublication(progress);
        }
      },
    },
  };
}

function text(body: Body, name: string): string {
  const value = body[name];
  if (typeof value === "string" && value !== "") return value;
  throw invalid(name, "is required");
}

function version(body: Body): number {
  const { version: given } = body;
  if (typeof given === "number" && Number.isSafeInteger(given)) return given;
  throw new PacelineError("invalid_argument", "version: must be a whole number below 2^53", {
    details: { path: "version" },
  });
}
