/** A reply whose text has a mark where routed experts belong, parsed and written again with the mark where it was. */
import { MARK } from "../marked-body.ts";

/** As JSON writes it. */
const ESCAPED_MARK = "\\u0000";

/** Only there: a token's text may hold the character, too. */
const named = (mark: string): string => `"routed_experts":"${mark}"`;

export const parseMarked = (text: string): unknown =>
  JSON.parse(text.replaceAll(named(MARK), () => named(ESCAPED_MARK)));

export const markedText = (reply: unknown): string =>
  JSON.stringify(reply).replaceAll(named(ESCAPED_MARK), () => named(MARK));
