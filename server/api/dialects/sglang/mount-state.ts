/** What one mount of the dialect keeps between calls. */
import type { DialectContext } from "../dialect.ts";
import { SessionTurns } from "../session-turns.ts";
import { Hold } from "./hold.ts";

export interface MountState {
  readonly hold: Hold;
  readonly turns: SessionTurns;
  /** Rids of rollouts that run, for `/abort_request`. */
  readonly live: Set<string>;
}

export const createMountState = ({ sessions }: Pick<DialectContext, "sessions">): MountState => ({
  hold: new Hold(),
  turns: new SessionTurns(sessions),
  live: new Set(),
});
