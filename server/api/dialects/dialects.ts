/** All mounted dialects of a server: those with a port of their own listen here, the others lie on the main front. */
import type { FastifyInstance } from "fastify";
import type { Clock } from "../../contract/clock.ts";
import { DEFAULT_POLICY } from "../../contract/job.ts";
import { LIMITS } from "../../limits.ts";
import type { TextCodec } from "../../text/tokenizer.ts";
import { createServer, type ServerOptions } from "../http/server.ts";
import { createStreams } from "../http/streams.ts";
import type { Dialect, DialectContext, DialectName, Mount } from "./dialect.ts";
import { answerOf, jobPath, mountAtRoot, mountUnderJob } from "./mount.ts";

type Given = Omit<DialectContext, "job" | "policy" | "tokenizer" | "streams" | "routedExperts">;

export interface DialectsParts extends Given, Omit<ServerOptions, "answer"> {
  readonly mounts: readonly Mount[];
  readonly dialectOf: (name: DialectName) => Dialect;
  /** Of a policy; null where none is known. */
  readonly tokenizerOf: (policy: string) => TextCodec | null;
  readonly clock: Clock;
  /** How long `close` lets replies in progress end, ms; default 5,000. */
  readonly closeGraceMs?: number;
}

/** A mount that is served. */
export interface Mounted {
  readonly name: DialectName;
  readonly job: string;
  /** Of its own listener; null under the main one. */
  readonly port: number | null;
  /** From the server's root. */
  readonly path: string;
}

export interface Dialects {
  /** Adds those without a port to the main front. */
  extend(app: FastifyInstance): void;
  /** Opens the ports. Throws what `listen` throws. */
  listen(host: string): Promise<readonly Mounted[]>;
  close(): Promise<void>;
}

/** Throws `unimplemented` for a dialect that is not spoken. */
export function createDialects(parts: DialectsParts): Dialects {
  const { clock, failed } = parts;
  const streams = createStreams(clock, {
    heartbeatMs: LIMITS.sseHeartbeatMs,
    controlStreams: LIMITS.controlStreams,
  });
  const mounts = parts.mounts.map((mount) => ({ ...mount, dialect: parts.dialectOf(mount.name) }));
  const apps = new Set<FastifyInstance>();

  const contextOf = ({ job, routedExperts = null }: Mount): DialectContext => {
    const policy = (): string => parts.jobs.settings(job).policy ?? DEFAULT_POLICY;
    return {
      ...parts,
      job,
      policy,
      routedExperts,
      tokenizer: () => parts.tokenizerOf(policy()),
      streams,
    };
  };

  return {
    extend(app) {
      for (const { dialect, ...mount } of mounts) {
        if (mount.port === null) mountUnderJob(app, dialect, contextOf(mount));
      }
    },
    async listen(host) {
      const served: Mounted[] = [];
      for (const { dialect, ...mount } of mounts) {
        const { name, job } = mount;
        if (mount.port === null) {
          served.push({ name, job, port: null, path: jobPath(job) });
          continue;
        }
        const app = createServer({ ...parts, answer: answerOf(dialect) }, failed);
        apps.add(app);
        mountAtRoot(app, dialect, contextOf(mount));
        await app.listen({ host, port: mount.port });
        served.push({ name, job, port: portOf(app), path: "" });
      }
      return served;
    },
    async close() {
      streams.close();
      const grace = clock.timer(parts.closeGraceMs ?? 5_000, () => {
        for (const app of apps) app.server.closeAllConnections();
      });
      await Promise.all([...apps].map((app) => app.close()));
      grace.cancel();
    },
  };
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}
