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
  /** What the engine asks its callers for. */
  api_key: z.string().nullish(),
});

const SELF = "paceline";

export const workerRoutes = (context: DialectContext): DialectRoute[] => {
  const router = new Router(context);
  return [...listRoutes(router), ...changeRoutes(router), ...queryRoutes(router)];
};

/** Engines that registered at the mount, and the mount itself. */
class Router {
  readonly #context: DialectContext;

  constructor(context: DialectContext) {
    this.#context = context;
  }

  list(request: FastifyRequest) {
    const own = ownUrl(request, this.#context);
    return [
      { id: SELF, url: own, worker_type: "regular", is_healthy: true },
      ...this.#registered().map(({ id, url, state }) => ({
        id,
        url,
        worker_type: "regular",
        is_healthy: state !== "suspect" && state !== "poisoned",
      })),
    ];
  }

  /** Its id. Throws `unsupported` for half of a pair, and what registration throws. */
  async add(request: FastifyRequest, given: z.output<typeof ADD>): Promise<string> {
    const url = originOf(given.url);
    if (url === originOf(ownUrl(request, this.#context))) return SELF;
    if (given.worker_type != null && given.worker_type !== "regular") {
      throw new PacelineError(
        "unsupported",
        `worker_type: ${given.worker_type} workers need their requests in pairs, which this release does not send`,
        { details: { path: "worker_type" } },
      );
    }
    const known = this.#at(url);
    if (known !== undefined) return known.id;
    const keys = given.api_key == null ? {} : { apiKey: given.api_key };
    return (await this.#context.fleet.register({ url, engine: "sglang", ...keys })).id;
  }

  /** Those of other kinds are not this trainer's to remove. Throws `not_found`. */
  async remove(id: string): Promise<void> {
    if (id === SELF) return;
    const known = this.#registered().find((worker) => worker.id === id);
    if (known === undefined) throw new PacelineError("not_found", `no worker ${id}`);
    await this.#context.fleet.remove(id, "removed by its trainer");
  }

  async removeUrl(url: string): Promise<void> {
    const known = this.#at(originOf(url));
    if (known === undefined) throw new PacelineError("not_found", `no worker at ${url}`);
    await this.remove(known.id);
  }

  #at = (url: string): WorkerRecord | undefined =>
    this.#registered().find((worker) => originOf(worker.url) === url);

  #registered(): WorkerRecord[] {
    return this.#context.fleet
      .list()
      .filter(({ engine, state }) => engine === "sglang" && state !== "lost");
  }
}

const ADMIN = { scope: "admin", touches: "all" } as const;
const READ = { scope: "read", touches: "fleet" } as const;

const listRoutes = (router: Router): DialectRoute[] => [
  {
    ...READ,
    method: "GET",
    path: "/workers",
    handler(request, reply) {
      const workers = router.list(request);
      return sendJson(reply, JSON.stringify({ workers, total: workers.length }));
    },
  },
  {
    ...READ,
    method: "GET",
    path: "/list_workers",
    handler: (request, reply) =>
      sendJson(reply, JSON.stringify({ urls: router.list(request).map(({ url }) => url) })),
  },
];

const changeRoutes = (router: Router): DialectRoute[] => [
  {
    ...ADMIN,
    method: "POST",
    path: "/workers",
    async handler(request, reply) {
      const given = check(ADD, request.body);
      const id = await router.add(request, given);
      const body = { status: "accepted", worker_id: id, url: given.url };
      return sendJson(reply, JSON.stringify(body), 202);
    },
  },
  {
    ...ADMIN,
    method: "DELETE",
    path: "/workers/{id}",
    async handler(request, reply) {
      const id = param(request, "id");
      await router.remove(id);
      return sendJson(reply, JSON.stringify({ status: "accepted", worker_id: id }), 202);
    },
  },
];

/** miles' router, and sglang-router before 0.2.2. */
const queryRoutes = (router: Router): DialectRoute[] => [
  {
    ...ADMIN,
    method: "POST",
    path: "/add_worker",
    async handler(request, reply) {
      const url = urlIn(request);
      await router.add(request, { url });
      return sendJson(reply, JSON.stringify({ status: "success", worker_urls: [url] }));
    },
  },
  {
    ...ADMIN,
    method: "POST",
    path: "/remove_worker",
    async handler(request, reply) {
      const url = urlIn(request);
      await router.removeUrl(url);
      return sendJson(reply, JSON.stringify({ status: "success", url }));
    },
  },
];

/** Where its caller found the mount. */
function ownUrl(request: FastifyRequest, { job }: DialectContext): string {
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
