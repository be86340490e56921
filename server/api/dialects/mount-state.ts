/** What one mount of a dialect keeps between calls. */
import type { DialectContext } from "./dialect.ts";
import { Hold } from "./hold.ts";
import { LiveRequests } from "./live-requests.ts";
import { SessionTurns } from "./session-turns.ts";
import { VersionNames } from "./vllm/version-names.ts";

export interface MountState {
  readonly hold: Hold;
  readonly live: LiveRequests;
  readonly names: VersionNames;
  readonly turns: SessionTurns;
}

export const createMountState = (sessions: DialectContext["sessions"]): MountState => ({
  hold: new Hold(),
  live: new LiveRequests(),
  names: new VersionNames(),
  turns: new SessionTurns(sessions),
});
