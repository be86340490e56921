/**
 * The workers behind a frontend, one by one, by the discovery of those that were started for it (`DYN_ENABLE_RL`, on a port of
 * its own): `GET /v1/rl/workers`, then `POST <system_url>/engine/<route>` at each. Discovery has no state and no version, and a
 * worker's error may be a 200.
 *
 *     {"protocol_version": 1, "workers": [{"instance_id", "system_url", "routes": ["pause_generation", …], "error"?}, …]}
 */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import { type Calls, createCalls } from "../http/calls.ts";
import { type Connections, createConnections } from "../http/connections.ts";
import { shown } from "../http/shown.ts";
import { errorFromReply } from "./errors.ts";
import { digitsOfIds } from "./fleet.ts";

/** What we ask of each; one that lacks any of them cannot be controlled. */
const ROUTES = [
  "pause_generation",
  "resume_generation",
  "flush_cache",
  "update_weights_from_disk",
  "get_weight_version",
] as const;

export type RlRoute = (typeof ROUTES)[number];

const listed = z.looseObject({
  protocol_version: z.literal(1),
  workers: z
    .array(
      z.looseObject({
        instance_id: z.string(),
        routes: z.array(z.string()).default([]),
        system_url: z.url({ protocol: /^https?$/ }).nullish(),
        error: z.unknown().optional(),
      }),
    )
    .max(LIMITS.engineSlots),
});

const LIMITS_OF_SOCKETS = {
  connectMs: 5_000,
  keepAliveMs: 4_000,
  headBytes: LIMITS.engineHeadBytes,
};

export interface RlWorkers {
  /**
   * Looks which there are; whoever is called later is who was found. Answers whether all of `count` workers that generate can be
   * controlled. Throws `engine_unreachable`, `engine_error`.
   */
  discover(count: number, signal: AbortSignal): Promise<boolean>;
  /** Asks all of them at once; their answers, in order. Throws `engine_error` with what each that failed said. */
  all(route: RlRoute, body: object, signal: AbortSignal): Promise<readonly Answer[]>;
  close(): void;
}

export type Answer = Readonly<Record<string, unknown>>;

interface Reached {
  readonly connections: Connections;
  readonly calls: Calls;
}

export function createRlWorkers(url: string): RlWorkers {
  const discovery = reach(url);
  /** By `system_url`. */
  const reached = new Map<string, Reached>();

  async function ask({ calls }: Reached, route: RlRoute, body: object, signal: AbortSignal) {
    const call = { method: "POST", path: `/engine/${route}`, body } as const;
    const answer = await calls.json(call, signal);
    const { status, success, message } = (answer ?? {}) as Answer;
    if (status === "error" || success === false) {
      throw new PacelineError(
        "engine_error",
        `Dynamo's worker refuses ${route}: ${shown(message)}`,
      );
    }
    return (answer ?? {}) as Answer;
  }

  return {
    async discover(count, signal) {
      const call = { method: "GET", path: "/v1/rl/workers" } as const;
      const text = await discovery.calls.text(call, signal);
      const workers = workersIn(text);
      const able = workers.filter(
        ({ routes, error }) => error == null && ROUTES.every((route) => routes.includes(route)),
      );
      const urls = new Set(able.flatMap(({ system_url: system }) => system ?? []));
      for (const [known, { connections }] of reached) {
        if (urls.has(known)) continue;
        connections.close();
        reached.delete(known);
      }
      for (const system of urls) if (!reached.has(system)) reached.set(system, reach(system));
      return count > 0 && urls.size === count && workers.length === count;
    },
    async all(route, body, signal) {
      const asked = [...reached].map(([, worker]) => ask(worker, route, body, signal));
      const settled = await Promise.allSettled(asked);
      const failed = [...reached.keys()].flatMap((worker, index) => {
        const one = settled[index];
        if (one?.status !== "rejected") return [];
        const { code, message } = PacelineError.from(one.reason);
        return [{ worker, code, message }];
      });
      const [first] = failed;
      if (first !== undefined) {
        throw new PacelineError(
          "engine_error",
          `${route}: ${failed.length} of ${settled.length} workers failed; ${first.worker}: ${first.message}`,
          { details: { route, workers: failed } },
        );
      }
      return settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    },
    close() {
      for (const { connections } of [discovery, ...reached.values()]) connections.close();
    },
  };
}

function reach(url: string): Reached {
  const connections = createConnections(url, LIMITS_OF_SOCKETS);
  const limits = { answerBytes: LIMITS.engineControlBytes, refused: errorFromReply };
  return { connections, calls: createCalls(connections, limits) };
}

function workersIn(text: string): z.infer<typeof listed>["workers"] {
  let body: unknown = null;
  try {
    body = JSON.parse(text, digitsOfIds);
  } catch {
    // Another server's: told below.
  }
  const parsed = listed.safeParse(body);
  if (parsed.success) return parsed.data.workers;
  const where = parsed.error.issues[0]?.path.join(".");
  throw new PacelineError("engine_error", `/v1/rl/workers is not of protocol 1: ${where}`, {
    cause: parsed.error,
  });
}
