/** How much of this job is under way. Trainers poll it until nothing is, so that other jobs must not show. */
import { PacelineError } from "../../../contract/errors.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import type { MountState } from "../mount-state.ts";

interface Load {
  readonly running: number;
  readonly waiting: number;
}

export function loadRoutes(context: DialectContext, state: MountState): DialectRoute[] {
  const { job, clock, fleet } = context;
  const read = (path: string, body: (load: Load) => unknown): DialectRoute => ({
    method: "GET",
    path,
    scope: "read",
    touches: "job",
    handler: (_request, reply) => sendJson(reply, JSON.stringify(body(loadOf(context, state)))),
  });
  const tokens = () => {
    let used = 0;
    let total = 0;
    for (const { load } of fleet.list()) {
      used += load?.kvUsedTokens ?? 0;
      total += load?.kvTotalTokens ?? 0;
    }
    return { used, total };
  };
  return [
    read("/v1/loads", ({ running, waiting }) => {
      const { used, total } = tokens();
      const one = {
        dp_rank: 0,
        num_running_reqs: running,
        num_waiting_reqs: waiting,
        num_used_tokens: used,
        max_total_num_tokens: total,
        token_usage: total === 0 ? 0 : used / total,
      };
      return { timestamp: clock.wall() / 1000, version: "paceline", job, loads: [one] };
    }),
    read("/get_load", ({ running, waiting }) => [
      {
        dp_rank: 0,
        num_reqs: running + waiting,
        num_waiting_reqs: waiting,
        num_tokens: tokens().used,
        ts_tic: clock.wall() / 1000,
      },
    ]),
    read("/get_loads", ({ running, waiting }) => ({
      workers: [{ worker: job, load: running + waiting }],
    })),
  ];
}

function loadOf({ jobs, job }: DialectContext, { hold }: MountState): Load {
  try {
    const { inFlight, running } = jobs.get(job).load;
    return { running, waiting: Math.max(0, inFlight - running) + hold.waiting };
  } catch (thrown) {
    // A job of which nothing has come yet is not known.
    if (thrown instanceof PacelineError && thrown.code === "not_found") {
      return { running: 0, waiting: hold.waiting };
    }
    throw thrown;
  }
}
