/** Rollouts that are streamed while `kill -9` ends a worker amid the tokens of one of them. */
import type { Result } from "../../server/contract/result.ts";
import type { HttpClient } from "../support/http-client.ts";
import type { LiveServer } from "../support/live-server.ts";

export interface Streamed {
  readonly sampling: { readonly max_new_tokens: number };
}

/** Results in the order of `bodies`, with ids `storm-0` …. The first worker of which one that is not half done is heard is killed. */
export function streamStruck(
  server: LiveServer,
  http: HttpClient,
  bodies: readonly Streamed[],
): Promise<Result[]> {
  let killed = false;
  const struck = async (body: Streamed, i: number): Promise<Result> => {
    let worker = "";
    for await (const { event } of http.stream({ ...body, id: `storm-${i}` })) {
      if (event.type === "placed") worker = event.worker;
      if (event.type === "tokens" && !killed) {
        const made = event.chunk.start + event.chunk.ids.length;
        if (made < body.sampling.max_new_tokens / 2) {
          killed = true;
          process.kill(server.workerPids().get(worker) as number, "SIGKILL");
        }
      }
      if (event.type === "finished") return event.result;
    }
    throw new Error("a stream without an end");
  };
  return Promise.all(bodies.map(struck));
}
