/** A value of an engine's reply as an error's message tells it. `String` would run what a body calls `toString`. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value.slice(0, MOST);
  return (JSON.stringify(value) ?? "nothing").slice(0, MOST);
}

const MOST = 400;
