/** The rows of `docs/security.md`: which scope each call asks for, and what a token bound to jobs may do there. */
import type { Access } from "../server/api/auth/access.ts";
import { METHOD_ACCESS } from "../server/api/grpc/method-access.ts";
import { accessOfRoute } from "../server/api/http/route-access.ts";
import { ROUTES } from "../server/api/http/route-table.ts";

const BOUND: Readonly<Record<Access["jobs"], string>> = {
  named: "its jobs only",
  filtered: "sees its jobs only",
  fleet: "as any other",
  all: "refused",
};

const row = (call: string, { scope, jobs }: Access, served = true): string =>
  `| \`${call}\` | ${scope} | ${served ? BOUND[jobs] : "not served yet"} |`;

const table = (front: string, rows: readonly string[]): string =>
  [`| ${front} | scope | token bound to jobs |`, "|---|---|---|", ...rows].join("\n");

export function securityTables(): string {
  const http = ROUTES.map((route) =>
    row(`${route.method} ${route.path}`, accessOfRoute(route), route.served),
  );
  const grpc = [...METHOD_ACCESS].map(([path, access]) => row(path.slice(1), access));
  return `${table("HTTP", http)}\n\n${table("gRPC", grpc)}`;
}
