/** A value of an engine's reply as an error's message tells it. `String` would run what a body calls `toString`. */
export function shown(value: unknown): string {
  if (typeof value === "string") return value.slice(0, MOST);
  try {
    return (JSON.stringify(value) ?? "nothing").slice(0, MOST);
  } catch {
    // Deeper than the stack.
    return "what cannot be shown";
  }
}

const MOST = 400;
