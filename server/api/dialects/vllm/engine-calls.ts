/** A call of vLLM's own to every engine of a job, as the trainer sent it: what it moves is between the two. */
import { request } from "undici";
import { PacelineError } from "../../../contract/errors.ts";
import type { WorkerRecord } from "../../../fleet/fleet.ts";
import { fanOut, notByAll } from "../fan-out.ts";

/** Of an engine's refusal. */
const TOLD_BYTES = 512;

export interface EngineCall {
  readonly path: string;
  readonly body: object;
}

/**
 * Posts to each worker what `callOf` makes for it (null: nothing). Without a time of its own: such a call lasts as long as the
 * trainer's broadcast. Throws `engine_error` or `engine_unreachable` with what each engine answered where one refused.
 */
export async function callEngines(
  workers: readonly WorkerRecord[],
  callOf: (worker: WorkerRecord, index: number) => EngineCall | null,
): Promise<void> {
  const failures = await fanOut(workers, async (worker, index) => {
    const call = callOf(worker, index);
    if (call !== null) await post(worker, call);
  });
  const [first] = failures.values();
  if (first === undefined) return;
  const asked = workers.map(({ id }) => id);
  throw notByAll(first.code, "did not take the call", asked, failures);
}

async function post({ url }: WorkerRecord, { path, body }: EngineCall): Promise<void> {
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
    throw new PacelineError("engine_unreachable", `${path}: ${message}`, { cause: thrown });
  }
  const bytes = Buffer.from(await reply.body.bytes());
  if (reply.statusCode < 300) return;
  const text = bytes.subarray(0, TOLD_BYTES).toString();
  throw new PacelineError("engine_error", `${path}: ${reply.statusCode} ${text}`, {
    details: { status: reply.statusCode },
  });
}
