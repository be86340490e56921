/**
 * Pause, resume, sleep and cache calls. vLLM's act on one engine; these act on every engine that may serve the job, as a
 * whole, so other jobs on the same engines stand still too. Requests wait in our queue meanwhile.
 */
import { PacelineError } from "../../../contract/errors.ts";
import type { Capabilities } from "../../../contract/worker.ts";
import type { WorkerRecord } from "../../../fleet/fleet.ts";
import type { ControlOrder } from "../../../placement/worker-control.ts";
import { invalid } from "../../codec/invalid.ts";
import { oneOf, sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { fanOut } from "../fan-out.ts";
import { workersOf } from "../job-workers.ts";
import type { MountState } from "../mount-state.ts";

type PauseMode = "abort" | "wait" | "keep";

export interface Pauses {
  /** How generation stands still; null where it runs. */
  readonly standing: { readonly mode: PauseMode; readonly clearCache: boolean } | null;
  readonly routes: readonly DialectRoute[];
}

export function createPauses(context: DialectContext, state: MountState): Pauses {
  const { control, fleet, rollouts, job } = context;
  let standing: Pauses["standing"] = null;

  const workers = (): readonly WorkerRecord[] =>
    workersOf(context).filter(({ state: is }) => is !== "poisoned");
  const asleep = (): readonly WorkerRecord[] =>
    workers().filter(({ state: is }) => is === "asleep");
  const awake = (): readonly WorkerRecord[] => workers().filter(({ state: is }) => is !== "asleep");

  /** One that was lost meanwhile is as still as it can be. */
  async function order(one: WorkerRecord, given: ControlOrder): Promise<void> {
    try {
      await control.one(one.id, given);
    } catch (thrown) {
      if (fleet.list().some(({ id, state: is }) => id === one.id && is !== "lost")) throw thrown;
    }
  }

  const all = async (
    given: (worker: WorkerRecord) => ControlOrder,
    which: readonly WorkerRecord[] = awake(),
  ): Promise<void> => {
    const failures = await fanOut(which, (one) => order(one, given(one)));
    for (const failure of failures.values()) throw failure;
  };

  async function pause(mode: PauseMode, clearCache: boolean): Promise<void> {
    state.hold.pause();
    try {
      if (mode === "wait") await state.live.idle();
      if (mode === "abort") await rollouts.abortJob(job, "client");
      standing = { mode, clearCache };
      await all(({ description }) => ({
        action: "pause",
        mode: pauseMode(description.capabilities, clearCache),
      }));
    } finally {
      // From here on requests wait for a worker.
      state.hold.resume();
    }
  }

  async function resume(): Promise<void> {
    standing = null;
    await all(() => ({ action: "resume" }));
  }

  // A worker that comes, or comes back, during a pause must not be the one that generates.
  fleet.listen((change) => {
    if (change.type !== "worker" || standing === null) return;
    const { worker } = change;
    if (worker.state !== "ready" || !workers().some(({ id }) => id === worker.id)) return;
    const mode = pauseMode(worker.description.capabilities, standing.clearCache);
    order(worker, { action: "pause", mode }).catch((thrown: unknown) => {
      const { code, message } = PacelineError.from(thrown);
      context.log.warn({ worker: worker.id, code, reason: message }, "not paused with the others");
    });
  });

  const post = (path: string, run: (query: Query) => Promise<object>): DialectRoute => ({
    method: "POST",
    path,
    scope: "admin",
    touches: "all",
    handler: async (request, reply) =>
      sendJson(reply, JSON.stringify(await run(new Query(request.query)))),
  });
  const get = (path: string, answer: () => object): DialectRoute => ({
    method: "GET",
    path,
    scope: "read",
    touches: "fleet",
    handler: (_request, reply) => sendJson(reply, JSON.stringify(answer())),
  });

  const routes = [
    post("/pause", async (query) => {
      // A former spelling of `mode=wait`.
      const waits = query.flag("wait_for_inflight_requests", false);
      const mode = query.text("mode", waits ? "wait" : "abort");
      await pause(oneOf("mode", mode, ["abort", "wait", "keep"]), query.flag("clear_cache", true));
      return { status: "paused" };
    }),
    post("/resume", async () => {
      await resume();
      return { status: "resumed" };
    }),
    get("/is_paused", () => ({ is_paused: standing !== null })),
    post("/reset_prefix_cache", async () => {
      await all(() => ({ action: "flush" }));
      return { success: true };
    }),
    post("/sleep", async (query) => {
      const level = query.text("level", "1");
      if (oneOf("level", level, ["1", "2"]) === "2") {
        throw new PacelineError(
          "unsupported",
          "level: 2 gives the weights up, and what was proven with them; level 1 keeps them",
          { details: { path: "level" } },
        );
      }
      await all(() => ({ action: "sleep" }));
      return { status: "sleeping", level: Number(level) };
    }),
    post("/wake_up", async () => {
      // Of weights and KV, in whatever parts it is asked: an engine of ours wakes as a whole.
      await all(() => ({ action: "wake" }), asleep());
      return { status: "awake", tags: null };
    }),
    get("/is_sleeping", () => ({ is_sleeping: asleep().length > 0 })),
  ];
  return {
    get standing() {
      return standing;
    },
    routes,
  };
}

/**
 * What runs keeps its KV, or computes it again under what is loaded next. An engine that has neither ends its attempts: their
 * rollouts go on from their tokens when it runs again.
 */
function pauseMode({ pause }: Capabilities, clearCache: boolean): "keep" | "retract" | "abort" {
  const modes = clearCache
    ? (["retract", "keep", "abort"] as const)
    : (["keep", "retract", "abort"] as const);
  return modes.find((mode) => pause.includes(mode)) ?? "keep";
}

/** vLLM ignores parameters that it does not know. */
class Query {
  readonly #given: Readonly<Record<string, unknown>>;

  constructor(given: unknown) {
    this.#given = (given ?? {}) as Record<string, unknown>;
  }

  text(name: string, otherwise: string): string {
    const value = this.#given[name] ?? otherwise;
    if (typeof value !== "string") throw invalid(name, "may be given once only");
    return value;
  }

  flag(name: string, otherwise: boolean): boolean {
    const text = this.text(name, String(otherwise)).toLowerCase();
    return (
      ["true", "1"].includes(text) || oneOf(name, text, ["true", "false", "1", "0"]) === "true"
    );
  }
}
