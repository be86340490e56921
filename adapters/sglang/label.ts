/** What an SGLang server's tokens say of the weights that made them: its `weight_version` comes with every reply. */
import { PacelineError } from "../../server/contract/errors.ts";
import { shown } from "../http/shown.ts";
import { parseLabel } from "../label.ts";

/** The version of tokens that the engine says were made by `text`. Throws `engine_error`, misversioned, for any other policy. */
export function versionOf(text: string, policy: string): number {
  const label = parseLabel(text);
  if (label?.policy === policy) return label.version;
  throw new PacelineError(
    "engine_error",
    `tokens of policy ${policy} come from weights that the engine calls ${shown(text)}`,
    { details: { misversioned: true, label: text } },
  );
}
