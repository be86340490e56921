/**
 * Serves the live page and that of `/openapi.json`: their own modules and two libraries from `node_modules`, from this origin only,
 * so that it works without any other network.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import type { Handler } from "./request.ts";

const PAGE = fileURLToPath(new URL("../dashboard/page/", import.meta.url));

/** Bare names that the page's import map points at. */
const LIBRARIES = ["preact", "preact/hooks", "htm"] as const;

const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
} as const;

/** The pages themselves; the files that they load are under `/page/`. */
export function pageRoutes(): Record<"page" | "docs", Handler> {
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${createHash("sha256").update(importMap()).digest("base64")}'`,
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  const page = (file: string): Handler => {
    const html = readFileSync(`${PAGE}${file}`, "utf8").replace(
      "<!-- import map -->",
      `<script type="importmap">${importMap()}</script>`,
    );
    return (_request, reply) =>
      reply
        .headers({ ...HEADERS, "content-security-policy": policy, "cache-control": "no-cache" })
        .header("content-type", "text/html; charset=utf-8")
        .send(html);
  };
  return { page: page("index.html"), docs: page("docs.html") };
}

function importMap(): string {
  const imports = Object.fromEntries(LIBRARIES.map((name) => [name, `/page/lib/${name}.mjs`]));
  return JSON.stringify({ imports });
}

export async function registerPageFiles(app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: PAGE,
    prefix: "/page/",
    index: false,
    // A checkout may be updated under a running server.
    cacheControl: false,
    setHeaders: (reply) => {
      for (const [name, value] of Object.entries(HEADERS)) reply.setHeader(name, value);
    },
  });
  for (const name of LIBRARIES) {
    const file = fileURLToPath(import.meta.resolve(name));
    app.get(`/page/lib/${name}.mjs`, { exposeHeadRoute: false }, (_request, reply) =>
      reply.sendFile(basename(file), dirname(file)),
    );
  }
}
