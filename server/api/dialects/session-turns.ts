/** Turns of sessions that a header names: it has no numbers. */
import type { SessionRef } from "../../contract/rollout.ts";
import { LIMITS } from "../../limits.ts";
import { invalid } from "../codec/invalid.ts";
import type { DialectContext } from "./dialect.ts";

/**
 * Each call is the next turn of a branch that rests; a retried call, under the same request
 * id, is the turn that it was.
 */
export class SessionTurns {
  readonly #sessions: DialectContext["sessions"];
  readonly #given = new Map<string, SessionRef>();

  constructor(sessions: DialectContext["sessions"]) {
    this.#sessions = sessions;
  }

  of(job: string, session: string, request: string | null): SessionRef {
    if (!/^[A-Za-z0-9._:-]{1,128}$/.test(session)) {
      throw invalid("x-session-id", "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -");
    }
    const before = request === null ? undefined : this.#given.get(request);
    if (before?.id === session) return before;
    const ref = this.#sessions.next(job, session);
    if (request !== null) this.#given.set(request, ref);
    const oldest = this.#given.keys().next();
    if (this.#given.size > LIMITS.liveSessions && !oldest.done) this.#given.delete(oldest.value);
    return ref;
  }
}
