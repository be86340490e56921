/** Groups (NCCL, gloo) in which a trainer broadcasts: which process of which worker has joined. */
import { PacelineError } from "../../../contract/errors.ts";
import type { WorkerRecord } from "../../../fleet/fleet.ts";
import { invalid } from "../../codec/invalid.ts";

interface Member {
  readonly worker: string;
  readonly incarnation: string;
}

export class MoverGroups {
  readonly #members = new Map<string, readonly Member[]>();

  joined(name: string, workers: readonly WorkerRecord[]): void {
    this.#members.set(
      name,
      workers.map(({ id, description }) => ({ worker: id, incarnation: description.incarnation })),
    );
  }

  /** Forgets the group; answers those of `workers` that are still in it. */
  left(name: string, workers: readonly WorkerRecord[]): readonly WorkerRecord[] {
    const members = this.#members.get(name) ?? [];
    this.#members.delete(name);
    return workers.filter(({ description }) =>
      members.some(({ incarnation }) => incarnation === description.incarnation),
    );
  }

  /**
   * Whoever is not in the group, or not the process that joined it, would leave the others waiting for it. Throws
   * `invalid_argument` for a group that was never joined, `weights_rejected` for one that has lost a member.
   */
  assertWhole(name: string, workers: readonly WorkerRecord[]): void {
    const members = this.#members.get(name);
    if (members === undefined) throw invalid("group_name", `${name} was not joined here`);
    for (const { worker, incarnation } of members) {
      const now = workers.find(({ id }) => id === worker)?.description.incarnation;
      if (now === incarnation) continue;
      throw new PacelineError(
        "weights_rejected",
        `${worker} has left group ${name}: join it anew`,
        { details: { worker } },
      );
    }
  }
}
