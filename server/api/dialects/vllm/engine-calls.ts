/** The same call to every engine of a job, for trainers that know one engine's calls and not our fleet. */
import { request } from "undici";
import { PacelineError } from "../../../contract/errors.ts";
import type { WorkerRecord } from "../../../fleet/fleet.ts";

/** Of an engine's refusal. */
const TOLD_BYTES = 512;

export interface EngineCall {
  readonly path: string;
  readonly body: object;
}

/**
 * Posts to each worker at once what `callOf` makes for it (null: nothing) and answers when all have. Without a time of its
 * own: such a call lasts as long as the trainer's broadcast. Throws `engine_error` with what each engine answered
 * where one refused.
 */
export async function fanOut(
  workers: readonly WorkerRecord[],
  callOf: (worker: WorkerRecord, index: number) => EngineCall | null,
): Promise<void> {
  const outcomes = await Promise.allSettled(
    workers.map(async (worker, index) => {
      const call = callOf(worker, index);
      if (call !== null) await post(worker, call);
    }),
  );
  const answers = outcomes.map((outcome, at) => {
    const { id } = workers[at] as WorkerRecord;
    return outcome.status === "fulfilled"
      ? { worker: id, ok: true }
      : { worker: id, ok: false, error: PacelineError.from(outcome.reason).toBody() };
  });
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed === undefined) return;
  const { code, message } = PacelineError.from(failed.reason);
  throw new PacelineError(code, message, { details: { workers: answers } });
}

async function post({ id, url }: WorkerRecord, { path, body }: EngineCall): Promise<void> {
  let reply: Awaited<ReturnType<typeof request>>;
  try {
    reply = await request(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  } catch (thrown) {
    const { message } = PacelineError.from(thrown);
    throw new PacelineError("engine_unreachable", `${id}${path}: ${message}`, { cause: thrown });
  }
  const bytes = Buffer.from(await reply.body.bytes());
  if (reply.statusCode < 300) return;
  const text = bytes.subarray(0, TOLD_BYTES).toString();
  throw new PacelineError("engine_error", `${id}${path}: ${reply.statusCode} ${text}`, {
    details: { worker: id, status: reply.statusCode },
  });
}
