/** Policies over HTTP: declare, publish a version, watch it commit. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { PacelineError } from "../../contract/errors.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Ledger, PolicyRecord } from "../../policy/ledger.ts";
import type { PublicationProgress, Publisher } from "../../weights/publisher.ts";
import { encodeError } from "../codec/error.ts";
import { invalid } from "../codec/invalid.ts";
import {
  decodeCommit,
  decodeDeclaration,
  decodePublication,
  decodeRollback,
  decodeRunOpening,
  encodePolicy,
  encodePublication,
  encodeRun,
} from "../codec/policy.ts";
import { holdersOf } from "../holders.ts";
import { toPacelineError } from "./errors.ts";
import {
  accepts,
  type Handler,
  noBody,
  oneOf,
  param,
  query,
  sendJson,
  versionParam,
} from "./request.ts";
import type { Streams } from "./streams.ts";

type PolicyCall =
  | "listPolicies"
  | "getPolicy"
  | "declarePolicy"
  | "publishVersion"
  | "getVersion"
  | "abortVersion"
  | "openRun"
  | "rollbackVersion"
  | "gateVersion"
  | "commitVersion";

export interface PolicyRoutes {
  readonly ledger: Ledger;
  readonly fleet: Pick<Fleet, "list">;
  readonly publisher: Publisher;
  readonly streams: Streams;
  /** Told of an error that ends a stream after its first byte. */
  readonly failed: (error: PacelineError) => void;
}

export function policyRoutes(context: PolicyRoutes): Record<PolicyCall, Handler> {
  const { ledger, publisher } = context;
  const wire = (record: PolicyRecord) =>
    encodePolicy(record, ledger.versions(record.policy), holdersOf(context, record.policy));
  const progressJson = (progress: PublicationProgress): string =>
    JSON.stringify(encodePublication(progress));

  /** 202 once the version is minted, or 200 once committed where the caller waits for that. */
  async function published(
    request: FastifyRequest,
    reply: FastifyReply,
    publish: (policy: string) => Promise<PublicationProgress>,
  ): Promise<FastifyReply> {
    const { wait } = query(request, ["wait"]);
    if (wait !== undefined) oneOf("wait", wait, ["committed"]);
    const policy = param(request, "policy");
    const opened = await publish(policy);
    if (wait === undefined) return sendJson(reply, progressJson(opened), 202);
    const committed = await publisher.committed(policy, opened.version.version);
    return sendJson(reply, progressJson(committed));
  }

  return {
    listPolicies: (request, reply) => {
      query(request, []);
      return sendJson(reply, JSON.stringify({ policies: ledger.policies().map(wire) }));
    },
    getPolicy: (request, reply) =>
      sendJson(reply, JSON.stringify(wire(ledger.policy(param(request, "policy"))))),
    declarePolicy: async (request, reply) => {
      const declaration = decodeDeclaration(param(request, "policy"), request.body);
      return sendJson(reply, JSON.stringify(wire(await ledger.declare(declaration))));
    },
    openRun: async (request, reply) => {
      const opening = decodeRunOpening(param(request, "policy"), request.body);
      return sendJson(reply, JSON.stringify(encodeRun(await ledger.openRun(opening))));
    },
    publishVersion: (request, reply) =>
      published(request, reply, (policy) => {
        const publication = decodePublication(policy, request.body);
        if ("external" in publication.source && query(request, ["wait"]).wait !== undefined) {
          throw invalid("wait", "an external version is committed by a call of its own");
        }
        return publisher.publish(publication);
      }),
    rollbackVersion: (request, reply) =>
      published(request, reply, (policy) =>
        publisher.rollback(policy, versionParam(request), decodeRollback(request.body)),
      ),
    getVersion: (request, reply) => {
      const policy = param(request, "policy");
      const version = versionParam(request);
      // Throws before the first byte when there is no such version.
      const progress = publisher.progress(policy, version);
      if (accepts(request) !== "sse") return sendJson(reply, progressJson(progress));
      return streamProgress(context, policy, version, reply, progressJson);
    },
    gateVersion: async (request, reply) => {
      noBody(request);
      const gated = await publisher.gate(param(request, "policy"), versionParam(request));
      return sendJson(reply, progressJson(gated));
    },
    commitVersion: async (request, reply) => {
      const proofs = decodeCommit(request.body);
      const policy = param(request, "policy");
      const committed = await publisher.commit(policy, versionParam(request), proofs);
      return sendJson(reply, progressJson(committed));
    },
    abortVersion: async (request, reply) => {
      noBody(request);
      const aborted = await publisher.abort(param(request, "policy"), versionParam(request));
      return sendJson(reply, progressJson(aborted));
    },
  };
}

async function streamProgress(
  { publisher, streams, failed }: PolicyRoutes,
  policy: string,
  version: number,
  reply: FastifyReply,
  json: (progress: PublicationProgress) => string,
): Promise<void> {
  const stream = streams.open(reply, "text/event-stream", "control");
  try {
    for await (const progress of publisher.watch(policy, version, stream.signal)) {
      if (!(await stream.write(`event: progress\ndata: ${json(progress)}\n\n`))) return;
    }
  } catch (thrown) {
    if (stream.signal.aborted) return;
    const error = toPacelineError(thrown);
    failed(error);
    await stream.write(`event: error\ndata: ${encodeError(error)}\n\n`);
  } finally {
    stream.end();
  }
}
