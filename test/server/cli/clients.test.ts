/** The commands' client and the Python one against a server with mutual TLS and tokens. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { after, before, suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { readCertificates } from "../../../server/api/auth/certificates.ts";
import { createTokenGatekeeper } from "../../../server/api/auth/gatekeeper.ts";
import { LiveCertificates } from "../../../server/api/auth/live-certificates.ts";
import { createClient, type ServerOptions } from "../../../server/cli/client.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { type TestCertificate, testCertificate } from "../../support/certificates.ts";
import { skipWithout } from "../../support/require.ts";
import { type Serving, serveHttp } from "../../support/serve-http.ts";
import { testToken } from "../../support/tokens.ts";

const TOKEN = testToken({ name: "reader", scope: "read" });
const SHIMS = fileURLToPath(new URL("../../../trainer-shims", import.meta.url));
const hasPython =
  spawnSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]).status === 0;

const SCRIPT = `
import sys
from paceline import Client, PacelineError
server, ca, cert, key = sys.argv[1:]
client = Client(server, ca=ca, client_cert=cert, client_key=key)
print(len(client.call("GET", "/v1/workers")["workers"]))
try:
    client.call("POST", "/v1/workers/w-1/pause")
except PacelineError as error:
    print(error.code, error.details["needed_scope"])
`;

suite("clients of a guarded server", () => {
  let serving: Serving;
  let known: ServerOptions;
  let own: TestCertificate;
  before(async () => {
    const server = await testCertificate("server");
    own = await testCertificate("client");
    const { certFile: cert, keyFile: key } = server;
    const read = readCertificates({ cert, key, clientCa: own.certFile }, Date.now());
    const gate = createTokenGatekeeper([TOKEN.entry], liveClock);
    serving = await serveHttp({ gate, certificates: new LiveCertificates(read) });
    const client = { clientCert: own.certFile, clientKey: own.keyFile };
    known = { server: `https://127.0.0.1:${serving.port}`, ca: cert, ...client };
  });
  after(() => serving.close());

  const ask = async (options: ServerOptions): Promise<unknown> => {
    const client = createClient(options);
    try {
      return await client.json("GET", "/v1/workers/w-1");
    } finally {
      await client.close();
    }
  };

  test("a command with token, CA and certificate is served", async () => {
    assert.equal(Reflect.get(Object(await ask({ ...known, token: TOKEN.secret })), "id"), "w-1");
  });

  test("one without says what is missing", async () => {
    await assert.rejects(ask(known), { code: "unauthenticated" });
    const { server } = known;
    await assert.rejects(ask({ server }), { code: "engine_unreachable", message: /--ca/ });
    await assert.rejects(async () => ask({ server, ca: "/none" }), { code: "invalid_argument" });
  });

  test("the Python client", { skip: skipWithout("python", hasPython) }, async () => {
    const { server, ca = "" } = known;
    const { stdout } = await promisify(execFile)(
      "python3",
      ["-c", SCRIPT, server, ca, own.certFile, own.keyFile],
      { env: { ...process.env, PYTHONPATH: SHIMS, PACELINE_TOKEN: TOKEN.secret } },
    );
    assert.deepEqual(stdout.trim().split("\n"), ["1", "permission_denied admin"]);
  });
});
