import type { Readable } from "node:stream";

/** Calls back with each line of a UTF-8 stream. A line longer than `limit` characters comes in pieces. */
export function onLines(stream: Readable, limit: number, line: (text: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) line(part);
    while (rest.length > limit) {
      line(rest.slice(0, limit));
      rest = rest.slice(limit);
    }
  });
  stream.on("end", () => {
    if (rest !== "") line(rest);
  });
}
