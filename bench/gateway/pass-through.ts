/** A Node process that hands requests on to one engine and reads nothing of what it carries. `node pass-through.ts ENGINE` */
import { createServer } from "node:http";
import { Pool } from "undici";

const engine = new Pool(process.argv[2] as string, { headersTimeout: 0, bodyTimeout: 0 });

const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    engine.dispatch(
      {
        method: "POST",
        path: request.url ?? "/",
        headers: { "content-type": "application/json" },
        body: Buffer.concat(parts),
      },
      {
        onRequestStart(controller) {
          response.once("close", () => {
            if (!response.writableFinished) controller.abort(new Error("the caller left"));
          });
        },
        onResponseStart(_controller, status, headers) {
          response.writeHead(status, { "content-type": String(headers["content-type"]) });
        },
        onResponseData(controller, chunk) {
          if (response.write(chunk)) return;
          controller.pause();
          response.once("drain", () => controller.resume());
        },
        onResponseEnd() {
          response.end();
        },
        onResponseError(_controller, error) {
          response.destroy(error);
        },
      },
    );
  });
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  process.stderr.write(`pass-through at http://127.0.0.1:${address.port}\n`);
});
