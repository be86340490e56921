/** Once a version is on every worker that counts, its state says so. */
import { PacelineError } from "../../contract/errors.ts";
import type { Ledger } from "../../policy/ledger.ts";
import type { ObserveUpdates } from "./observation.ts";
import type { ProgressBoard } from "./progress-board.ts";

/** Answers what is to be called when a worker's progress with a version has changed. */
export function createInstalled(
  ledger: Ledger,
  board: ProgressBoard,
  observe: ObserveUpdates,
): (policy: string, version: number) => void {
  const settling = new Set<string>();
  return (policy, version) => {
    const key = `${policy}/${version}`;
    if (settling.has(key) || !board.everywhere(policy, version)) return;
    if (ledger.version(policy, version).state !== "committed") return;
    settling.add(key);
    ledger
      .transition(policy, version, "installed")
      .catch((thrown: unknown) => {
        const error = PacelineError.from(thrown);
        // A newer commit came first: nothing is lost.
        if (error.code !== "version_conflict") observe({ type: "trouble", policy, version, error });
      })
      .finally(() => settling.delete(key));
  };
}
