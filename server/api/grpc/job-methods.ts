/** The calls of JobService, through the same checks and the same parts as `/v1/jobs`. */
import { decodeJobSettings, decodeTrainerReport, encodeJob, jobName } from "../codec/job.ts";
import type { JobRoutes } from "../http/jobs.ts";
import type { Methods } from "./control-methods.ts";

export const jobMethods = ({ jobs, rollouts }: JobRoutes): Methods => ({
  unary: {
    List: () => ({ jobs: jobs.list().map(encodeJob) }),
    Get: (body) => encodeJob(jobs.get(jobName(body["job"]))),
    Declare: async (body) =>
      encodeJob(
        await jobs.declare(jobName(body["job"]), decodeJobSettings(body["settings"] ?? {})),
      ),
    Report: async (body) =>
      encodeJob(await jobs.report(jobName(body["job"]), decodeTrainerReport(body["report"] ?? {}))),
    async Abort(body) {
      const job = jobName(body["job"]);
      return { job, aborted: await rollouts.abortJob(job, "client") };
    },
  },
});
