/** What one mount of vLLM's or OpenAI's dialect keeps between calls. */
import { Hold } from "./hold.ts";
import { LiveRequests } from "./live-requests.ts";
import { VersionNames } from "./vllm/version-names.ts";

export interface MountState {
  readonly hold: Hold;
  readonly live: LiveRequests;
  readonly names: VersionNames;
}

export const createMountState = (): MountState => ({
  hold: new Hold(),
  live: new LiveRequests(),
  names: new VersionNames(),
});
