/** Jobs over HTTP: settings, load, the trainer's report, scoped abort. */
import type { JobView } from "../../jobs/job-view.ts";
import type { Jobs } from "../../jobs/jobs.ts";
import type { RolloutService } from "../../rollouts/service.ts";
import { decodeJobSettings, decodeTrainerReport, encodeJob, jobName } from "../codec/job.ts";
import { type Handler, noBody, param, query, sendJson } from "./request.ts";

type JobCall = "listJobs" | "getJob" | "declareJob" | "reportTrainer" | "abortJob";

export interface JobRoutes {
  readonly jobs: Pick<Jobs, "list" | "get" | "declare" | "report">;
  readonly rollouts: Pick<RolloutService, "abortJob">;
}

export function jobRoutes({ jobs, rollouts }: JobRoutes): Record<JobCall, Handler> {
  const json = (view: JobView): string => JSON.stringify(encodeJob(view));
  return {
    listJobs: (request, reply) => {
      query(request, []);
      return sendJson(reply, JSON.stringify({ jobs: jobs.list().map(encodeJob) }));
    },
    getJob: (request, reply) => sendJson(reply, json(jobs.get(param(request, "job")))),
    declareJob: async (request, reply) => {
      const job = jobName(param(request, "job"));
      return sendJson(reply, json(await jobs.declare(job, decodeJobSettings(request.body))));
    },
    reportTrainer: async (request, reply) => {
      const job = jobName(param(request, "job"));
      return sendJson(reply, json(await jobs.report(job, decodeTrainerReport(request.body))));
    },
    abortJob: async (request, reply) => {
      noBody(request);
      const job = jobName(param(request, "job"));
      const aborted = await rollouts.abortJob(job, "client");
      return sendJson(reply, JSON.stringify({ job, aborted }));
    },
  };
}
