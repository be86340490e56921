/** What an engine's cache gained and lost since it was last asked: told in few events, as engines publish them. */
import type { SchedulerEvent } from "../scheduler/events.ts";

type CacheEvent = Extract<SchedulerEvent, { type: "cache" }>;
type Told = Pick<CacheEvent, "kind" | "blocks">;

export class CacheChanges {
  #runs: { kind: CacheEvent["kind"]; blocks: number[] }[] = [];

  add(kind: CacheEvent["kind"], hash: number): void {
    let last = this.#runs.at(-1);
    if (last?.kind !== kind) {
      // Nothing that was before a clearing is worth telling.
      if (kind === "cleared") this.#runs = [];
      last = { kind, blocks: [] };
      this.#runs.push(last);
    }
    if (kind !== "cleared") last.blocks.push(hash);
  }

  /** Oldest first; forgotten here. */
  take(): readonly Told[] {
    const runs = this.#runs;
    this.#runs = [];
    return runs;
  }
}
