/** One act at every engine of a job, for trainers that know one engine's calls and not our fleet. */
import { type ErrorCode, PacelineError } from "../../contract/errors.ts";
import type { WorkerRecord } from "../../fleet/fleet.ts";

/** Worker → why it did not. */
export type Failures = ReadonlyMap<string, PacelineError>;

/** At all of them at once; answers when each has done it or failed. */
export async function fanOut(
  workers: readonly WorkerRecord[],
  act: (worker: WorkerRecord, index: number) => Promise<void>,
): Promise<Failures> {
  const failures = new Map<string, PacelineError>();
  await Promise.all(
    workers.map(async (worker, index) => {
      try {
        await act(worker, index);
      } catch (thrown) {
        failures.set(worker.id, PacelineError.from(thrown));
      }
    }),
  );
  return failures;
}

/** `what` some did not do; `details.workers` says of each of `asked` how it went. */
export function notByAll(
  code: ErrorCode,
  what: string,
  asked: Iterable<string>,
  failures: Failures,
): PacelineError {
  const workers = Array.from(asked, (worker) => {
    const error = failures.get(worker);
    return { worker, ok: error === undefined, ...(error && { error: error.toBody() }) };
  });
  const said = [...failures].map(([worker, { message }]) => `${worker}: ${message}`).join("; ");
  return new PacelineError(code, `${failures.size} workers ${what} (${said})`, {
    details: { workers },
  });
}
