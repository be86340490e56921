import type { Server } from "node:net";
import { PacelineError } from "../contract/errors.ts";

/** Beyond `most` a new connection is closed unread; `dropped` is told of each. */
export function boundConnections(
  server: Server,
  most: number,
  dropped: (error: PacelineError) => void,
): void {
  server.maxConnections = most;
  server.on("drop", () =>
    dropped(new PacelineError("overloaded", `more than ${most} connections: closed unread`)),
  );
}
