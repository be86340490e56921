/** Turns of sessions that a header names: it has no numbers. */
import { createHash } from "node:crypto";
import { AgeMap } from "../../age-map.ts";
import type { SessionRef } from "../../contract/rollout.ts";
import { LIMITS } from "../../limits.ts";
import type { DialectContext } from "./dialect.ts";

const ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** A client's key as a session's id: as it is where ids may be so, else its hash. */
export const sessionId = (key: string): string =>
  ID.test(key) ? key : createHash("sha256").update(key).digest("hex");

/**
 * Each call is the next turn of a branch that rests; a retried call, under the same request
 * id, is the turn that it was.
 */
export class SessionTurns {
  readonly #sessions: DialectContext["sessions"];
  readonly #given = new AgeMap<string, SessionRef>();

  constructor(sessions: DialectContext["sessions"]) {
    this.#sessions = sessions;
  }

  of(job: string, session: string, request: string | null): SessionRef {
    const id = sessionId(session);
    const before = request === null ? undefined : this.#given.get(request);
    if (before?.id === id) return before;
    const ref = this.#sessions.next(job, id);
    if (request !== null) this.#given.set(request, ref);
    this.#given.keep(LIMITS.liveSessions);
    return ref;
  }
}
