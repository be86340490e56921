/** A request's parts as a fault leaves them; what is no fault of the content passes through. */
import {
  type FakeFinish,
  type FakePart,
  type FakeTokens,
  type LabelSpan,
  NAN,
} from "./fake-output.ts";
import { type ContentFault, type Fault, isContentFault } from "./fault.ts";

/** The least integer that no double holds, as the wire writes it. */
export const BEYOND_DOUBLES = "9007199254740993";

/** Chunks of `interval` tokens, the first and the last excepted; one version and one age of KV in each. */
export async function* inChunks(
  parts: AsyncIterable<FakePart>,
  interval: number,
): AsyncGenerator<FakePart> {
  let gathered: FakeTokens | null = null;
  for await (const part of parts) {
    const joins: boolean =
      gathered !== null &&
      part.type === "tokens" &&
      part.label === gathered.label &&
      part.mixed === gathered.mixed;
    if (gathered !== null && !joins) {
      yield gathered;
      gathered = null;
    }
    if (part.type !== "tokens") {
      yield part;
      continue;
    }
    gathered = gathered === null ? part : joined(gathered, part);
    if (gathered.ids.length < interval && gathered.made > 1 && !gathered.last) continue;
    yield gathered;
    gathered = null;
  }
}

function joined(one: FakeTokens, two: FakeTokens): FakeTokens {
  return {
    ...two,
    ids: [...one.ids, ...two.ids],
    logprobs: [...one.logprobs, ...two.logprobs],
    top: one.top === null || two.top === null ? null : [...one.top, ...two.top],
    mask: one.mask === null || two.mask === null ? null : [...one.mask, ...two.mask],
  };
}

export async function* distorted(
  parts: AsyncIterable<FakePart>,
  fault: Fault | null,
): AsyncGenerator<FakePart> {
  if (fault === null || !isContentFault(fault.kind)) return yield* parts;
  const { kind, afterTokens } = fault;
  let struck = false;
  let kept: FakeTokens | null = null;
  let last: FakeTokens | null = null;
  for await (const part of parts) {
    if (part.type === "finished") {
      if (kept !== null) yield kept;
      yield finishOf(kind, part);
      if (kind === "past_end" && last !== null)
        yield { ...last, made: last.made + last.ids.length };
      continue;
    }
    if (part.type !== "tokens") {
      yield part;
      continue;
    }
    last = part;
    const strikes: boolean = !struck && part.made > afterTokens;
    struck ||= strikes;
    if (strikes && kind === "reorder") kept = part;
    else if (strikes) yield* tokensOf(kind, part);
    else yield part;
    if (!strikes && kept !== null) {
      yield kept;
      kept = null;
    }
  }
}

function* tokensOf(kind: ContentFault, part: FakeTokens): Generator<FakePart> {
  const { ids, logprobs } = part;
  switch (kind) {
    case "skip":
      return;
    case "repeat":
      yield part;
      yield part;
      return;
    case "null_logprob":
      yield { ...part, logprobs: [null, ...logprobs.slice(1)] };
      return;
    case "nan_logprob":
      yield { ...part, logprobs: [NAN, ...logprobs.slice(1)] };
      return;
    case "floor_logprob":
      yield { ...part, logprobs: [-9999, ...logprobs.slice(1)] };
      return;
    case "misaligned":
      yield { ...part, logprobs: logprobs.slice(1) };
      return;
    case "huge_id":
      yield { ...part, ids: [{ rawJSON: BEYOND_DOUBLES }, ...ids.slice(1)] };
      return;
    default:
      yield part;
  }
}

function finishOf(kind: ContentFault, finish: FakeFinish): FakeFinish {
  const { spans, made } = finish;
  const relabelled = (label: string): FakeFinish => ({
    ...finish,
    label,
    spans: [{ version: label, start: 0, end: made }],
  });
  switch (kind) {
    case "version_default":
      return relabelled("default");
    case "version_huge":
      return relabelled(spans.at(-1)?.version.replace(/\d+/, BEYOND_DOUBLES) ?? BEYOND_DOUBLES);
    case "spans_short":
      return { ...finish, spans: spans.map(shorterAt(made)) };
    case "versions_back":
      return { ...finish, spans: backwards(spans, made) };
    default:
      return finish;
  }
}

const shorterAt =
  (made: number) =>
  (span: LabelSpan): LabelSpan =>
    span.end === made ? { ...span, end: made - 1 } : span;

function backwards(spans: readonly LabelSpan[], made: number): LabelSpan[] {
  const last = spans.at(-1);
  if (last === undefined || made < 2) return [...spans];
  const middle = Math.max(last.start + 1, made - 1);
  return [
    ...spans.slice(0, -1),
    { ...last, end: middle },
    { version: olderThan(last.version), start: middle, end: made },
  ];
}

/** A label that names a version (`policy@7#3`), or ends in a number, has one before it. */
function olderThan(label: string): string {
  const [named, policy, version, rest] = /^(.*@)(\d+)(#\d+)?$/.exec(label) ?? [];
  if (named !== undefined) return `${policy}${Math.max(0, Number(version) - 1)}${rest ?? ""}`;
  const number = /\d+$/.exec(label)?.[0];
  if (number === undefined) return "default";
  return label.slice(0, -number.length) + String(Math.max(0, Number(number) - 1));
}
