/**
 * The router's list of workers. A trainer that launches SGLang engines registers them here (role A); one that takes
 * this mount for its engine registers the mount itself, which is no news (role B). The list begins with the mount's own
 * address, so that aborts and load queries come here and stay within the job; registered engines follow under theirs,
 * so that whoever shuts one down finds it.
 */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { PacelineError } from "../../../contract/errors.ts";
import type { WorkerRecord } from "../../../fleet/fleet.ts";
import { check, invalid } from "../../codec/invalid.ts";
import { param, sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";

const ADD = z.looseObject({
  url: z.string().min(1),
  worker_type: z.enum(["regular", "prefill", "decode"]).nullish(),
  bootstrap_port: z.number().nullish(),
});

const SELF = "paceline";

export function workerRoutes(context: DialectContext): DialectRoute[] {
  const { fleet } = context;
  const registered = (): WorkerRecord[] =>
    fleet.list().filter(({ engine, state }) => engine === "sglang" && state !== "lost");
  const list = (request: FastifyRequest) => [
    { id: SELF, url: ownUrl(request, context), worker_type: "regular", is_healthy: true },
    ...registered().map(({ id, url, state }) => ({
      id,
      url,
      worker_type: "regular",
      is_healthy: state !== "suspect" && state !== "poisoned",
    })),
  ];

  const add = async (request: FastifyRequest, given: z.output<typeof ADD>): Promise<string> => {
    const url = originOf(given.url);
    if (url === originOf(ownUrl(request, context))) return SELF;
    if (given.worker_type != null && given.worker_type !== "regular") {
      throw new PacelineError(
        "unsupported",
        `worker_type: ${given.worker_type} workers need their requests in pairs, which this release does not send`,
        { details: { path: "worker_type" } },
      );
    }
    const known = registered().find((worker) => originOf(worker.url) === url);
    if (known !== undefined) return known.id;
    return (await fleet.register({ url, engine: "sglang" })).id;
  };
  const removeUrl = async (given: string): Promise<void> => {
    const url = originOf(given);
    const known = registered().find((worker) => originOf(worker.url) === url);
    if (known === undefined) throw new PacelineError("not_found", `no worker at ${given}`);
    await fleet.remove(known.id, "removed by its trainer");
  };

  const admin = { scope: "admin", touches: "all" } as const;
  const read = { scope: "read", touches: "fleet" } as const;
  return [
    {
      ...read,
      method: "GET",
      path: "/workers",
      handler(request, reply) {
        const workers = list(request);
        return sendJson(reply, JSON.stringify({ workers, total: workers.length }));
      },
    },
    {
      ...admin,
      method: "POST",
      path: "/workers",
      async handler(request, reply) {
        const given = check(ADD, request.body);
        const id = await add(request, given);
        const body = { status: "accepted", worker_id: id, url: given.url };
        return sendJson(reply, JSON.stringify(body), 202);
      },
    },
    {
      ...admin,
      method: "DELETE",
      path: "/workers/{id}",
      async handler(request, reply) {
        const id = param(request, "id");
        if (id !== SELF) {
          // Those of other kinds are not this trainer's.
          if (!registered().some((worker) => worker.id === id)) {
            throw new PacelineError("not_found", `no worker ${id}`);
          }
          await fleet.remove(id, "removed by its trainer");
        }
        return sendJson(reply, JSON.stringify({ status: "accepted", worker_id: id }), 202);
      },
    },
    {
      ...read,
      method: "GET",
      path: "/list_workers",
      handler: (request, reply) =>
        sendJson(reply, JSON.stringify({ urls: list(request).map(({ url }) => url) })),
    },
    {
      ...admin,
      method: "POST",
      path: "/add_worker",
      async handler(request, reply) {
        const url = urlIn(request);
        await add(request, { url });
        return sendJson(reply, JSON.stringify({ status: "success", worker_urls: [url] }));
      },
    },
    {
      ...admin,
      method: "POST",
      path: "/remove_worker",
      async handler(request, reply) {
        const url = urlIn(request);
        await removeUrl(url);
        return sendJson(reply, JSON.stringify({ status: "success", url }));
      },
    },
  ];
}

/** Where its caller found the mount. */
export function ownUrl(request: FastifyRequest, { job }: DialectContext): string {
  const path = request.url.startsWith("/jobs/") ? `/jobs/${job}` : "";
  return `${request.protocol}://${request.headers.host ?? ""}${path}`;
}

function urlIn({ query }: FastifyRequest): string {
  const url: unknown =
    typeof query === "object" && query !== null ? Reflect.get(query, "url") : null;
  if (typeof url !== "string" || url === "") throw invalid("url", "is needed in the query");
  return url;
}

function originOf(url: string): string {
  try {
    return new URL(url.includes("://") ? url : `http://${url}`).href.replace(/\/$/, "");
  } catch {
    throw invalid("url", `${url} is no address`);
  }
}
