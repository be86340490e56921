/** Whether every claim of a version could be true when it was made, by the server's own events. */

import type { Report } from "./checker.ts";
import { type Account, type Evidence, keyOf, type LifeEvent } from "./evidence.ts";

interface Commit {
  readonly version: number;
  readonly offset: number;
  readonly at: number;
}

/** A client's clock and the server's are one, but read apart. */
const CLOCK_MS = 2;

export function checkVersions({ accounts, events }: Evidence, report: Report): void {
  const commits = events.flatMap((event): Commit[] =>
    event.type === "version" && event["state"] === "committed"
      ? [{ version: Number(event["version"]), offset: event.offset, at: event.at }]
      : [],
  );
  const committedAt = new Map(commits.map(({ version, at }) => [version, at]));
  const heldSince = provedTimes(events);
  const ends = new Map(
    events
      .filter(({ type }) => type === "rollout_finished")
      .map((event) => [
        keyOf({ job: String(event["job"]), id: String(event["rollout"]) }),
        event.offset,
      ]),
  );
  for (const account of accounts) {
    const about = `${keyOf(account.body)} (${account.way})`;
    const claimed = (version: number, by: number, where: string): void => {
      const since = committedAt.get(version);
      if (since === undefined || since > by + CLOCK_MS)
        report("misversioned", `${about}: ${where} claims version ${version} before its commit`);
    };
    for (const { at, event } of account.events) {
      if (event.type === "tokens" && event.chunk.version !== null)
        claimed(event.chunk.version, at, `tokens from ${event.chunk.start}`);
    }
    if (account.ending?.type !== "result") continue;
    const { spans, segments } = account.ending.result;
    for (const { version, start, end, attested } of spans) {
      claimed(version, account.endedAt, `span [${start}, ${end})`);
      if (attested === "none")
        report("misversioned", `${about}: nobody attests [${start}, ${end})`);
      for (const { worker, incarnation, start: from, end: to } of segments) {
        if (to <= start || from >= end) continue;
        const since = heldSince.get(`${worker}/${incarnation}/${version}`);
        if (since === undefined || since > account.endedAt + CLOCK_MS)
          report("misversioned", `${about}: ${worker}/${incarnation} never proved ${version}`);
      }
    }
    checkLag(about, account, commits, ends, report);
  }
}

/** When each incarnation first proved each version. */
function provedTimes(events: readonly LifeEvent[]): Map<string, number> {
  const since = new Map<string, number>();
  for (const event of events) {
    if (event.type !== "holds") continue;
    const holds = event["holds"] as readonly { readonly version: number }[];
    for (const { version } of holds) {
      const key = `${event["worker"]}/${event["incarnation"]}/${version}`;
      if (!since.has(key)) since.set(key, event.at);
    }
  }
  return since;
}

/** A lag limit holds against what was committed when the rollout ended. */
function checkLag(
  about: string,
  { body, ending }: Account,
  commits: readonly Commit[],
  ends: ReadonlyMap<string, number>,
  report: Report,
): void {
  const end = ends.get(keyOf(body));
  if (body.version === undefined || end === undefined || ending?.type !== "result") return;
  const committed = commits.findLast(({ offset }) => offset < end)?.version ?? 0;
  const oldest = Math.min(...ending.result.spans.map(({ version }) => version));
  if (committed - oldest > body.version.max_lag)
    report("misversioned", `${about}: lag ${committed - oldest} of ${body.version.max_lag}`);
}
