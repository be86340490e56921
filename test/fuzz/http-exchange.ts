/** One request of any shape over a kept connection, and as much of its answer as there is in time. */
import { Agent, request } from "node:http";
import { patience } from "./patience.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** False: the caller had seen enough, or had waited long enough, of a body that goes on. */
  readonly whole: boolean;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
}

export interface HttpExchange {
  /**
   * Null: nothing came within `patienceMs`, and the caller left. Rejects when the connection broke before an answer, and
   * for what Node's client refuses to send.
   */
  send(
    call: HttpRequest,
    patienceMs: number,
    enough: (type: string) => boolean,
  ): Promise<HttpAnswer | null>;
  close(): void;
}

export function createHttpExchange(port: number): HttpExchange {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send: HttpExchange["send"] = ({ method, path, headers, body }, patienceMs, enough) =>
    new Promise((resolve, reject) => {
      const sized = body !== null && !("transfer-encoding" in headers);
      const length = sized ? { "content-length": String(body.length) } : {};
      const call = request({
        agent,
        port,
        host: "127.0.0.1",
        method,
        path,
        headers: { ...length, ...headers },
      });
      let status = 0;
      let type = "";
      let text = "";
      let over = false;
      const settle = (whole: boolean): void => {
        if (over) return;
        over = true;
        waited.stop();
        resolve(status === 0 ? null : { status, type, body: text, whole });
        if (!whole) call.destroy();
      };
      const waited = patience(patienceMs, () => settle(false));
      call.on("response", (reply) => {
        status = reply.statusCode ?? 0;
        type = reply.headers["content-type"] ?? "";
        reply.setEncoding("latin1");
        reply.on("data", (chunk: string) => {
          text += chunk;
        });
        reply.on("end", () => settle(true));
        reply.on("error", () => settle(false));
        if (enough(type)) settle(false);
      });
      call.on("error", (error) => {
        if (over) return;
        over = true;
        waited.stop();
        // A kept connection may be closed just as it is used again: only on a fresh one does that tell anything.
        if (call.reusedSocket && status === 0) {
          resolve(send({ method, path, headers, body }, patienceMs, enough));
        } else reject(error);
      });
      call.end(body ?? undefined);
    });
  return {
    send,
    close: () => agent.destroy(),
  };
}
