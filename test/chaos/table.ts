/** The counts of a run, as lines to print. */

import type { ChaosOutcome } from "./chaos-run.ts";
import { sumOf } from "./checker.ts";
import type { Account } from "./evidence.ts";

export function table({ evidence, findings, regenerated }: ChaosOutcome): string {
  const { accounts, disturbances, events, metrics, footprints } = evidence;
  const results = accounts.flatMap(({ ending }) =>
    ending?.type === "result" ? [ending.result] : [],
  );
  const tokens = results.reduce((sum, { usage }) => sum + usage.outputTokens, 0);
  const several = results.filter(({ spans }) => spans.length > 1).length;
  const sum = (name: string): number => sumOf(metrics, name);
  const [before, after] = footprints.map((one) =>
    one == null ? "unknown" : `${(one.rssBytes / 2 ** 20).toFixed(0)} MiB, ${one.handles} handles`,
  );
  return [
    "calls by way and ending",
    ...counted(accounts.map((account) => `${account.way} · ${endingOf(account)}`)),
    "disturbances and what the server answered",
    ...counted(
      disturbances.map(({ kind, outcome }) => (outcome === "ok" ? kind : `${kind} · ${outcome}`)),
    ),
    "events",
    ...counted(events.map(({ type }) => type)),
    "totals",
    row("Results read", results.length),
    row("their tokens", tokens),
    row("Results over several spans", several),
    row("tokens made", sum("paceline_output_tokens_total")),
    row("tokens wasted", sum("paceline_wasted_tokens_total")),
    row("attempts", sum("paceline_attempts_total")),
    row("moves", sum("paceline_moves_total")),
    row("Results made again", regenerated.results),
    row("of them over an update", regenerated.mixed),
    row("tokens made again", regenerated.tokens),
    row("server before", String(before)),
    row("server after", String(after)),
    "found",
    ...(["lost", "duplicated", "misaligned", "misversioned", "other"] as const).map((fault) =>
      row(fault, findings.filter((one) => one.fault === fault).length),
    ),
  ].join("\n");
}

function endingOf({ ending }: Account): string {
  if (ending === null) return "open";
  if (ending.type === "error") return `error ${ending.code}`;
  if (ending.type !== "result") return ending.type;
  const { type, cause } = ending.result.finishReason;
  return type === "abort" ? `abort ${cause}` : type;
}

function counted(names: readonly string[]): string[] {
  const groups = [...Map.groupBy(names, (name) => name)];
  return groups.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, all]) => row(name, all.length));
}

const row = (name: string, value: number | string): string => `  ${name.padEnd(52)} ${value}`;
