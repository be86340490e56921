/** TLS and mutual TLS of both fronts on real sockets, and their certificates changed while they listen. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, suite, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { Client, credentials } from "@grpc/grpc-js";
import { pino } from "pino";
import { Agent, request } from "undici";
import { readCertificates } from "../../../server/api/auth/certificates.ts";
import { createOpenGatekeeper } from "../../../server/api/auth/gatekeeper.ts";
import { LiveCertificates } from "../../../server/api/auth/live-certificates.ts";
import { createGrpcFront, type GrpcFront } from "../../../server/api/grpc/front.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { type TestCertificate, testCertificate } from "../../support/certificates.ts";
import { fakeControl } from "../../support/front-fakes.ts";
import { connectRaw, rawPost } from "../../support/raw-http.ts";
import { createScriptedRollouts } from "../../support/scripted-rollouts.ts";
import { type Serving, serveHttp } from "../../support/serve-http.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

function read(own: TestCertificate, clients: TestCertificate | null) {
  const files = { cert: own.certFile, key: own.keyFile, clientCa: clients?.certFile ?? null };
  return readCertificates(files, Date.now());
}

interface Ends {
  readonly http: Serving;
  readonly grpc: GrpcFront;
  readonly grpcPort: number;
  close(): Promise<void>;
}

async function serve(certificates: LiveCertificates, over = {}): Promise<Ends> {
  const http = await serveHttp({ certificates, options: { version: "0", ...over } });
  const grpc = createGrpcFront({
    rollouts: createScriptedRollouts(),
    mint: { id: () => "m", seed: () => 1 },
    control: fakeControl(),
    readiness: { ready: () => true, listen: () => () => {} },
    clock: liveClock,
    log: pino({ level: "silent" }),
    gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
    audit: () => {},
    certificates,
    ...over,
  });
  const { port: grpcPort } = await grpc.listen("127.0.0.1", 0);
  const close = async (): Promise<void> => {
    await grpc.close(0);
    await http.close();
  };
  return { http, grpc, grpcPort, close };
}

interface Trust {
  readonly ca: TestCertificate;
  readonly own?: TestCertificate;
}

async function askHttp(port: number, { ca, own }: Trust): Promise<number> {
  const identity = own === undefined ? {} : { cert: own.cert, key: own.key };
  const dispatcher = new Agent({ connect: { ca: ca.cert, ...identity } });
  try {
    const reply = await request(`https://127.0.0.1:${port}/healthz`, { dispatcher });
    await reply.body.dump();
    return reply.statusCode;
  } finally {
    await dispatcher.destroy();
  }
}

function grpcClient(port: number, { ca, own }: Trust): Client {
  const [key, cert] = own === undefined ? [] : [Buffer.from(own.key), Buffer.from(own.cert)];
  const secure = credentials.createSsl(Buffer.from(ca.cert), key ?? null, cert ?? null);
  // grpc-js asks for the target's name, and Node allows no address as one.
  const named = { "grpc.ssl_target_name_override": "localhost" };
  return new Client(`127.0.0.1:${port}`, secure, named);
}

function check(client: Client): Promise<void> {
  const pass = (bytes: Buffer): Buffer => bytes;
  const deadline = new Date(Date.now() + 10_000);
  return new Promise((resolve, reject) => {
    const path = "/grpc.health.v1.Health/Check";
    client.makeUnaryRequest(path, pass, pass, Buffer.of(), { deadline }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}

async function askGrpc(port: number, trust: Trust): Promise<void> {
  const client = grpcClient(port, trust);
  try {
    await check(client);
  } finally {
    client.close();
  }
}

const nameOf = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject?.CN;

suite("TLS", () => {
  let first: TestCertificate;
  let second: TestCertificate;
  let live: LiveCertificates;
  let ends: Ends;
  before(async () => {
    [first, second] = [await testCertificate("first"), await testCertificate("second")];
    live = new LiveCertificates(read(first, null));
    ends = await serve(live);
  });
  after(() => ends.close());

  test("whoever trusts the certificate is served, whoever does not connects to nobody", async () => {
    assert.equal(await askHttp(ends.http.port, { ca: first }), 200);
    await askGrpc(ends.grpcPort, { ca: first });
    await assert.rejects(askHttp(ends.http.port, { ca: second }));
    await assert.rejects(askGrpc(ends.grpcPort, { ca: second }));
  });

  test("plain HTTP is no way in", async () => {
    await assert.rejects(request(`http://127.0.0.1:${ends.http.port}/healthz`));
    assert.equal(await askHttp(ends.http.port, { ca: first }), 200);
  });

  test("new connections get the new certificate, and old ones live on", async () => {
    const raw = connect({ port: ends.http.port, host: "127.0.0.1", ca: first.cert });
    await once(raw, "secureConnect");
    assert.equal(nameOf(raw), "first");
    const old = grpcClient(ends.grpcPort, { ca: first });
    await check(old);

    live.replace(read(second, null));
    assert.equal(await askHttp(ends.http.port, { ca: second }), 200);
    await askGrpc(ends.grpcPort, { ca: second });
    await assert.rejects(askHttp(ends.http.port, { ca: first }));

    raw.write("GET /healthz HTTP/1.1\r\nhost: h\r\n\r\n");
    const [reply] = await once(raw, "data");
    assert.match(String(reply), /^HTTP\/1\.1 200 /);
    await check(old);
    raw.destroy();
    old.close();
  });
});

test("whoever begins no handshake is cut, by both fronts", async () => {
  const own = await testCertificate("own");
  const ends = await serve(new LiveCertificates(read(own, null)), { handshakeMs: 50 });
  try {
    for (const port of [ends.http.port, ends.grpcPort]) {
      const silent = await connectRaw(port);
      assert.equal(await silent.closed(), "");
    }
    await askGrpc(ends.grpcPort, { ca: own });
  } finally {
    await ends.close();
  }
});

test("whoever begins no handshake does not hold up an end", async () => {
  const own = await testCertificate("own");
  const ends = await serve(new LiveCertificates(read(own, null)));
  const silent = await connectRaw(ends.grpcPort);
  try {
    await ends.grpc.close(0);
    await silent.closed();
  } finally {
    await ends.close();
  }
});

test("whoever takes nothing over TLS is cut too", async () => {
  const own = await testCertificate("own");
  const clock = new VirtualClock();
  const http = await serveHttp({ clock, certificates: new LiveCertificates(read(own, null)) });
  const raw = connect({ port: http.port, host: "127.0.0.1", ca: own.cert });
  try {
    await once(raw, "secureConnect");
    const body = { prompt_token_ids: [72], sampling: { max_new_tokens: 1_000_000 } };
    raw.write(rawPost("/v1/rollouts", JSON.stringify(body)));
    await once(raw, "readable");
    while (http.failed.length === 0) {
      assert.ok(clock.now() < 3_600_000, "nobody was cut");
      await clock.advance(1_000);
    }
    assert.equal(http.failed[0]?.code, "deadline_exceeded");
  } finally {
    raw.destroy();
    await http.close();
  }
});

suite("mutual TLS", () => {
  let own: TestCertificate;
  let known: TestCertificate;
  let stranger: TestCertificate;
  let ends: Ends;
  before(async () => {
    own = await testCertificate("own");
    known = await testCertificate("known");
    stranger = await testCertificate("stranger");
    ends = await serve(new LiveCertificates(read(own, known)));
  });
  after(() => ends.close());

  test("a client that shows a certificate of the CA is served", async () => {
    assert.equal(await askHttp(ends.http.port, { ca: own, own: known }), 200);
    await askGrpc(ends.grpcPort, { ca: own, own: known });
  });

  test("one that shows none, or a stranger's, is not", async () => {
    for (const trust of [{ ca: own }, { ca: own, own: stranger }]) {
      await assert.rejects(askHttp(ends.http.port, trust));
      await assert.rejects(askGrpc(ends.grpcPort, trust));
    }
  });
});
