/**
 * `--api-key` and `--admin-api-key`. With both, SGLang wants the first for generation and looking and nothing but the
 * second for what changes it, aborts among that; with one alone, that one for both, or for changes alone (its
 * `srt/utils/auth.py` of 0.5.23).
 */
import type { EngineKeys } from "../engine.ts";
import type { Connections, Request } from "../http/connections.ts";

/** Shows the key that each call wants, if there is one. */
export function keyed(connections: Connections, keys: () => EngineKeys): Connections {
  return {
    send(request, taker) {
      const { api, admin } = keys();
      const key = changes(request) ? (admin ?? api) : api;
      if (key === null) return connections.send(request, taker);
      const headers = { ...request.headers, authorization: `Bearer ${key}` };
      return connections.send({ ...request, headers }, taker);
    },
    close: () => connections.close(),
  };
}

const changes = ({ method, path }: Request): boolean => method !== "GET" && path !== "/generate";
