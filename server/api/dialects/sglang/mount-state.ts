/** What one mount of the dialect keeps between calls. */
import { LIMITS } from "../../../limits.ts";
import type { SessionTurn } from "./generate-request.ts";
import { sessionId } from "./generate-request.ts";
import { Hold } from "./hold.ts";

export interface MountState {
  readonly hold: Hold;
  readonly sessions: SessionTurns;
  /** Rids of rollouts that run, for `/abort_request`. */
  readonly live: Set<string>;
}

export const createMountState = (): MountState => ({
  hold: new Hold(),
  sessions: new SessionTurns(),
  live: new Set(),
});

/**
 * Turns of sessions that a routing key names: the wire has no numbers. One turn at a time is a session's; what
 * runs beside it goes without.
 */
export class SessionTurns {
  readonly #known = new Map<string, { turn: number; busy: boolean }>();

  /** Null: a turn of this key runs, or there is no key. */
  begin(key: string | null): SessionTurn | null {
    if (key === null || key === "") return null;
    const id = sessionId(key);
    const known = this.#known.get(id) ?? { turn: 0, busy: false };
    if (known.busy) return null;
    known.busy = true;
    this.#known.delete(id);
    this.#known.set(id, known);
    for (const [oldest, { busy }] of this.#known) {
      if (this.#known.size <= LIMITS.liveSessions) break;
      if (!busy) this.#known.delete(oldest);
    }
    return { id, turn: known.turn };
  }

  /** `settled`: it ended by itself, so that the next one is another turn. */
  ended({ id }: SessionTurn, settled: boolean): void {
    const known = this.#known.get(id);
    if (known === undefined) return;
    known.busy = false;
    if (settled) known.turn++;
  }
}
