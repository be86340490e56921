/** Plain calls of a fake, for tests of the fakes themselves. */
import { request } from "undici";

// biome-ignore lint/suspicious/noExplicitAny: bodies of another program
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** `null` where the body is no JSON. */
  readonly json: Json;
}

/** `route` is `"POST /path?query"`. Rejects where the connection breaks. */
export async function call(url: string, route: string, body?: unknown): Promise<Answer> {
  const [method = "", path = ""] = route.split(" ");
  const reply = await request(`${url}${path}`, {
    method: method as "GET",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.body.text();
  let json: Json = null;
  try {
    json = JSON.parse(text);
  } catch {
    // Plain text or events.
  }
  return { status: reply.statusCode, text, json };
}

/** Bodies of server-sent events, the terminator left out. */
export const eventsOf = (text: string): Json[] =>
  text
    .split("\n\n")
    .filter((line) => line.startsWith("data: {"))
    .map((line) => JSON.parse(line.slice(6)));
