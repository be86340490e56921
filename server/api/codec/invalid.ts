/** Bodies checked against a schema; the first thing wrong becomes a typed error with its path. */
import type { z } from "zod";
import { PacelineError } from "../../contract/errors.ts";

export const invalid = (path: string, message: string): PacelineError =>
  new PacelineError("invalid_argument", path === "" ? message : `${path}: ${message}`, {
    details: { path },
  });

/** Throws `invalid_argument` with `details.path` (`sampling.top_p`, `prompt_token_ids[3]`, "" = the body). */
export function check<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue === undefined) throw invalid("", "invalid");
  if (issue.code === "unrecognized_keys") {
    throw invalid(pathText([...issue.path, issue.keys[0] ?? ""]), "unknown field");
  }
  throw invalid(pathText(issue.path), issue.message);
}

function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text;
}
