/** Who is let in, from the settings, and again whenever the tokens file changes. */
import {
  createOpenGatekeeper,
  createTokenGatekeeper,
  type Gatekeeper,
} from "../api/auth/gatekeeper.ts";
import { readTokensFile } from "../api/auth/tokens-file.ts";
import { watchFiles } from "../api/auth/watched-files.ts";
import type { Config } from "../config.ts";
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";

export interface Entrance {
  readonly gate: Gatekeeper;
  /** Reads the tokens again; what cannot be read leaves the former in force, and is logged. */
  reload(): void;
  close(): void;
}

interface Log {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

type EntranceSettings = Pick<Config, "tokens_file" | "anonymous_rate" | "anonymous_concurrency">;

/** Throws `invalid_argument` for a tokens file that cannot be used. */
export async function createEntrance(
  config: EntranceSettings,
  clock: Clock,
  log: Log,
): Promise<Entrance> {
  const { tokens_file: file, anonymous_rate: rate, anonymous_concurrency: concurrency } = config;
  if (file === "") {
    const limits = { rate: rate || null, concurrency: concurrency || null };
    return { gate: createOpenGatekeeper(limits, clock), reload: () => {}, close: () => {} };
  }
  const gate = createTokenGatekeeper(readTokensFile(file), clock);
  const reload = (): void => {
    try {
      const entries = readTokensFile(file);
      gate.replace(entries);
      log.info({ audit: true, file, entries: entries.length }, "tokens read again");
    } catch (thrown) {
      const { message } = PacelineError.from(thrown);
      log.error({ audit: true, file, reason: message }, "tokens not read again; the former stay");
    }
  };
  const watched = await watchFiles([file], clock, reload);
  return { gate, reload, close: () => watched.close() };
}
