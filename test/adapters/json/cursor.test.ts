/** The cursor against `JSON.parse`: the same values or a surprise, never other values. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { END, JsonCursor, UNKNOWN } from "../../../adapters/json/cursor.ts";
import { GrowingFloat32, GrowingUint32 } from "../../../adapters/json/growing.ts";
import { Keys } from "../../../adapters/json/keys.ts";
import { KnownPrefix } from "../../../adapters/json/known-prefix.ts";
import { LogprobPairs } from "../../../adapters/sglang/logprob-pairs.ts";
import { LogprobEntries } from "../../../adapters/vllm/logprob-entries.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { jsonText, mutated } from "./json-text.ts";

const SURPRISE = Symbol("surprise");
const cursor = new JsonCursor();

/** In the middle of other bytes, as an event lies in a socket's buffer. */
function at(text: string, use: () => void): boolean {
  const bytes = Buffer.from(text);
  const around = Buffer.concat([Buffer.from('9,"'), bytes, Buffer.from(',"9]}"')]);
  cursor.reset(around, 3, 3 + bytes.length);
  use();
  return cursor.finish();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return SURPRISE;
  }
}

const KEYS = new Keys("a", "b", "token_ids", "logprob");

describe("cursor: values", () => {
  /** The one element of an array, read as `read` says. */
  const element = (text: string, read: () => unknown): unknown => {
    let value: unknown;
    const whole = at(`[${text}]`, () => {
      cursor.enterArray();
      cursor.element();
      value = read();
      cursor.element();
    });
    return whole ? value : SURPRISE;
  };

  const numbers = [
    [
      "0",
      "-0",
      "1",
      "-1",
      "10",
      "9007199254740993",
      "123456789012345678901234567890",
      "1e5",
      "1E+2",
    ],
    ["1e-7", "-1.1920928955078125e-07", "1.5", "-7.5556488037109375", "0.1", "1e400", "-1e400"],
    [
      "1e-400",
      "4.9e-324",
      "2.2250738585072011e-308",
      "0.000000000000000000000001",
      "1.7976931348623157e308",
    ],
    [
      "-0.0",
      "0e0",
      "1e22",
      "1e23",
      "123456789e15",
      "0.30000000000000004",
      "5e-324",
      "16777217",
      "3.4028236e38",
    ],
    [
      "1e99999999999",
      "1e-99999999999",
      "100000000000000000000000000000000e-30",
      "33554433.0000001",
    ],
    [
      "01",
      "-",
      "1.",
      ".5",
      "1e",
      "1e+",
      "+1",
      "0x1",
      "--1",
      "1.5.5",
      "NaN",
      "Infinity",
      "-Infinity",
      "1_0",
      "1 1",
    ],
  ].flat();
  for (const text of numbers) {
    test(`the number ${text} is JSON.parse's`, () => {
      const expected = parsed(text);
      const rounded = typeof expected === "number" ? Math.fround(expected) : SURPRISE;
      assert.ok(
        Object.is(
          element(text, () => cursor.number()),
          expected,
        ),
        text,
      );
      assert.ok(
        Object.is(
          element(text, () => cursor.float32()),
          rounded,
        ),
        text,
      );
    });
  }

  test("random numbers are JSON.parse's, as doubles and as float32", () => {
    const random = seededRandom(testSeed("cursor numbers"));
    const digits = (most: number): string =>
      Array.from({ length: 1 + (random.u32() % most) }, () => random.u32() % 10).join("");
    const float = new Float32Array(1);
    const word = new Uint32Array(float.buffer);
    for (let round = 0; round < 50_000; round++) {
      word[0] = random.u32();
      const value = float[0] as number;
      const text = [
        Number.isFinite(value) ? String(value) : "0",
        String(-(random.u32() / 2 ** (random.u32() % 40))),
        `${digits(24)}.${digits(24)}e${random.u32() % 2 === 0 ? "-" : ""}${digits(2)}`,
        `-${digits(18)}.${digits(3)}`,
        digits(12),
      ][round % 5] as string;
      const expected = parsed(text);
      const rounded = typeof expected === "number" ? Math.fround(expected) : SURPRISE;
      assert.ok(
        Object.is(
          element(text, () => cursor.number()),
          expected,
        ),
        text,
      );
      assert.ok(
        Object.is(
          element(text, () => cursor.float32()),
          rounded,
        ),
        text,
      );
      const id = element(text, () => cursor.uint32());
      const isId = /^(0|[1-9]\d*)$/.test(text) && Number(text) < 2 ** 32;
      assert.equal(id, isId ? expected : SURPRISE, text);
    }
  });

  const strings = [
    '""',
    '"a"',
    '"é😀"',
    '"\\n\\u00e9\\ud83d"',
    '"\\"\\\\\\/"',
    '"\\x"',
    '"\\u12g4"',
    '"a\nb"',
    '"a',
  ];
  for (const text of strings) {
    test(`the string ${JSON.stringify(text)} is JSON.parse's`, () => {
      assert.equal(
        element(text, () => cursor.string()),
        parsed(text),
      );
    });
  }

  test("words, and what is none", () => {
    assert.equal(
      element("true", () => cursor.boolean()),
      true,
    );
    assert.equal(
      element(" false ", () => cursor.boolean()),
      false,
    );
    assert.equal(
      element("null", () => cursor.isNull()),
      true,
    );
    assert.equal(
      element("7", () => (cursor.isNull() ? null : cursor.uint32())),
      7,
    );
    for (const text of ["nul", "True", "NULL", "truee", "0", '"true"', ""]) {
      assert.equal(
        element(text, () => cursor.boolean()),
        SURPRISE,
        text,
      );
    }
  });

  test("another kind than expected is a surprise", () => {
    const reads: readonly (readonly [string, () => unknown])[] = [
      ["number", () => cursor.number()],
      ["uint32", () => cursor.uint32()],
      ["string", () => cursor.string()],
      ["object", () => cursor.enterObject()],
    ];
    for (const text of ["null", "[]", "true"]) {
      for (const [name, read] of reads)
        assert.equal(element(text, read), SURPRISE, `${text} ${name}`);
    }
  });
});

describe("cursor: structure", () => {
  test("known keys in any order and spacing, unknown ones skipped", () => {
    const texts = [
      '{"a":1,"b":2,"logprob":-0.5}',
      ' { "logprob" : -0.5 , "x\\n" : [ { } , [ ] ] , "b" : 2 ,\n"a":1 }\r\n',
    ];
    for (const text of texts) {
      const got: Record<string, number> = {};
      let unknown = 0;
      const whole = at(text, () => {
        cursor.enterObject();
        for (let key = cursor.key(KEYS); key !== END; key = cursor.key(KEYS)) {
          if (key === UNKNOWN) {
            unknown += 1;
            cursor.skip();
          } else {
            got[["a", "b", "token_ids", "logprob"][key] as string] = cursor.number();
          }
        }
      });
      // A key with an escape might be a known one.
      if (text.includes("\\")) assert.equal(whole, false);
      else assert.deepEqual([whole, got, unknown], [true, { a: 1, b: 2, logprob: -0.5 }, 0]);
    }
  });

  const surprises = [
    '{"a":1,"a":2}',
    '{"\\u0061":1}',
    '{"a":1,}',
    '{"a" 1}',
    "{a:1}",
    '{"a":1 "b":2}',
    '{"a":1}}',
    '{"a":1} x',
    '{"a":1',
    '{"a":',
    '{"a"',
    "{,}",
    '{"x":[1,]}',
    '{"x":01}',
    '{"x":nul}',
    "",
    "7",
    "{]",
  ];
  for (const text of surprises) {
    test(`${JSON.stringify(text)} is a surprise`, () => {
      const whole = at(text, () => {
        cursor.enterObject();
        for (let key = cursor.key(KEYS); key !== END; key = cursor.key(KEYS)) cursor.skip();
      });
      assert.equal(whole, false);
      assert.equal(cursor.surprised || text === '{"a":1}}' || text === '{"a":1} x', true);
    });
  }

  test("ids go into a growing array, which can be taken back", () => {
    const ids = new GrowingUint32();
    const expected = Array.from({ length: 1_000 }, (_, i) => (i * 4_294_967) % 2 ** 32);
    assert.ok(at(JSON.stringify(expected), () => cursor.uint32Array(ids)));
    assert.deepEqual([...ids.take()], expected);
    assert.equal(ids.length, 0);
    for (const bad of ["[1,-1]", "[1,1.0]", "[1,4294967296]", "[1,null]", "[1 2]", "[1,]", "[1"]) {
      assert.equal(
        at(bad, () => cursor.uint32Array(ids)),
        false,
        bad,
      );
      ids.rewind(0);
    }
    assert.equal(ids.take().length, 0);
  });

  test("random documents, whole and broken, are skipped exactly where JSON.parse accepts them", () => {
    const random = seededRandom(testSeed("cursor documents"));
    let kept = 0;
    for (let round = 0; round < 20_000; round++) {
      const good = `[${jsonText(random, 5)}]`;
      const text = round % 2 === 0 ? good : mutated(random, good);
      const skipped = at(text, () => cursor.skip());
      const expected = parsed(text);
      const structure = typeof expected === "object" && expected !== null;
      assert.equal(skipped, structure, JSON.stringify(text));
      if (skipped) kept += 1;
    }
    assert.ok(kept > 10_000);
  });

  test("lists of whole numbers, whole and broken, are skipped exactly where JSON.parse accepts them", () => {
    const random = seededRandom(testSeed("skipped lists"));
    const whole = (): number => random.u32() % 10 ** (random.u32() % 10);
    let kept = 0;
    for (let round = 0; round < 40_000; round++) {
      const good = `[${Array.from({ length: random.u32() % 12 }, whole).join(",")}]`;
      const text = round % 2 === 0 ? good : mutated(random, good);
      const value = parsed(text);
      const expected = typeof value === "object" && value !== null;
      assert.equal(
        at(text, () => cursor.skip()),
        expected,
        JSON.stringify(text),
      );
      if (expected) kept += 1;
    }
    assert.ok(kept > 20_000);
  });
});

describe("cursor: a shape of replies", () => {
  const OUTER = new Keys("id", "token_ids", "logprobs", "finish_reason");
  const ENTRY = new Keys("token_id", "logprob");

  interface Shape {
    ids: number[];
    named: number[];
    logprobs: number[];
    reason: string | null;
  }

  function readShape(): Shape {
    const ids = new GrowingUint32();
    const logprobs = new GrowingFloat32();
    const named: number[] = [];
    let reason: string | null = null;
    cursor.enterObject();
    for (let key = cursor.key(OUTER); key !== END; key = cursor.key(OUTER)) {
      if (key === 1) cursor.uint32Array(ids);
      else if (key === 2) {
        cursor.enterArray();
        while (cursor.element()) {
          cursor.enterObject();
          for (let entry = cursor.key(ENTRY); entry !== END; entry = cursor.key(ENTRY)) {
            if (entry === 0) named.push(cursor.uint32());
            else if (entry === 1) logprobs.push(cursor.float32());
            else cursor.skip();
          }
        }
      } else if (key === 3) reason = cursor.isNull() ? null : cursor.string();
      else cursor.skip();
    }
    return { ids: [...ids.take()], named, logprobs: [...logprobs.take()], reason };
  }

  test("what is read from whole and broken replies is what JSON.parse gives", () => {
    const random = seededRandom(testSeed("cursor replies"));
    let accepted = 0;
    for (let round = 0; round < 10_000; round++) {
      const entries = Array.from({ length: random.u32() % 6 }, () => ({
        token_id: random.u32() % 150_000,
        logprob: -Math.fround(random.u32() / 2 ** 30),
        rank: 1,
        top_logprobs: [{ token_id: 5, logprob: -1.5 }],
      }));
      const reply = {
        id: "é\n",
        token_ids: entries.map((entry) => entry.token_id),
        logprobs: entries,
        finish_reason: random.u32() % 2 === 0 ? null : "stop",
      };
      const spaces = random.u32() % 3 === 0 ? 1 : 0;
      const good = JSON.stringify(reply, null, spaces);
      const text = round % 2 === 0 ? good : mutated(random, good);
      let got: Shape | null = null;
      const whole = at(text, () => {
        got = readShape();
      });
      if (round % 2 === 0) assert.ok(whole, text);
      if (!whole) continue;
      accepted += 1;
      const expected = JSON.parse(text);
      const all = (key: string): number[] =>
        (expected.logprobs ?? []).flatMap((entry: Record<string, number>) => entry[key] ?? []);
      const ids = expected.token_ids ?? [];
      const reason = expected.finish_reason ?? null;
      const wanted = {
        ids,
        named: all("token_id"),
        logprobs: all("logprob").map(Math.fround),
        reason,
      };
      assert.deepEqual(got, wanted, text);
    }
    assert.ok(accepted >= 5_000);
  });
});

describe("cursor: cumulative pieces", () => {
  const KEY = new Keys("text", "ids");

  test("each piece costs its new part; what changed before is a surprise", () => {
    const texts = new KnownPrefix();
    const known = new KnownPrefix();
    const ids = new GrowingUint32();
    const read = (text: string): boolean =>
      at(text, () => {
        cursor.enterObject();
        for (let key = cursor.key(KEY); key !== END; key = cursor.key(KEY)) {
          if (key === 0) cursor.skipStringAfter(texts);
          else if (key === 1) {
            if (!cursor.enterArrayAfter(known)) continue;
            while (cursor.element()) ids.push(cursor.uint32());
            cursor.remember(known);
          } else cursor.skip();
        }
      });
    const all: number[] = [];
    let text = "";
    for (let piece = 0; piece < 200; piece++) {
      for (let i = 0; i < piece % 4; i++) {
        all.push(piece * 7 + i);
        text += i === 0 ? 'é"' : "\n";
      }
      assert.ok(read(JSON.stringify({ text, ids: all })), String(piece));
      assert.equal(ids.length, all.length);
    }
    assert.deepEqual([...ids.take()], all);
    const longer = JSON.stringify({
      text,
      ids: [...all.slice(0, -1), 10 * (all.at(-1) as number)],
    });
    assert.equal(read(longer), false, "an id that goes on");
    assert.equal(read(JSON.stringify({ text, ids: [1, ...all] })), false, "another id");
    assert.equal(read(JSON.stringify({ text: "x", ids: all })), false, "another text");
    assert.equal(read(JSON.stringify({ text, ids: all.slice(0, -1) })), false, "fewer ids");
    assert.ok(read(JSON.stringify({ text, ids: all })), "the same again");
    known.forget();
    texts.forget();
    ids.rewind(0);
    assert.ok(read(JSON.stringify({ text: "x", ids: [5] })));
    assert.deepEqual([...ids.take()], [5]);
  });
});

describe("cursor: rows that an engine writes alike", () => {
  const ids = new GrowingUint32();
  const logprobs = new GrowingFloat32();
  const entry = (id: number, logprob: number, rank = 1): string =>
    `{"token_id":${id},"logprob":${logprob},"rank":${rank}`;
  const vllm = (id: number, logprob: number, top: string): string =>
    `${entry(id, logprob)},"top_logprobs":[${top}]}`;
  const kinds = [
    {
      name: "vLLM's entries",
      reader: new LogprobEntries(ids, logprobs),
      row: (id: number, logprob: number) => vllm(id, logprob, `${entry(id, logprob)}}`),
      others: [
        vllm(7, -1, `${entry(8, -1)}}`),
        vllm(7, -1, `${entry(7, -1, 12)}}`),
        vllm(7, -1, `${entry(7, -1)}},${entry(8, -2)}}`),
        '{"token_id": 7,"logprob":-1}',
        '{"token_id":07,"logprob":-1}',
        '{"token_id":7,"logprob":null}',
        '{"token_id":7,"logprob":-1,"rank":1,"top_logprobs":[]}',
      ],
    },
    {
      name: "SGLang's pairs",
      reader: new LogprobPairs(ids, logprobs),
      row: (id: number, logprob: number) => `[${logprob},${id},null]`,
      others: [
        '[-1,7,"a"]',
        "[-1, 7,null]",
        "[null,7,null]",
        "[-1,07,null]",
        "[-1,7]",
        "[-1,7,nul]",
      ],
    },
  ];
  for (const { name, reader, row, others } of kinds) {
    const rows = (texts: readonly string[]): readonly [boolean, number] => {
      let left = 0;
      const whole = at(`[${texts.join(",")}]`, () => {
        cursor.enterArray();
        cursor.rows(reader);
        while (cursor.element()) {
          left += 1;
          cursor.skip();
        }
      });
      return [whole, left];
    };

    test(`${name} are read, numbers as JSON.parse has them`, () => {
      const random = seededRandom(testSeed(name));
      const pairs = Array.from({ length: 3_000 }, () => [
        random.u32() % 10 ** (1 + (random.u32() % 9)),
        Math.fround(-random.u32() / 2 ** (random.u32() % 60)),
      ]) as [number, number][];
      assert.deepEqual(rows(pairs.map(([id, logprob]) => row(id, logprob))), [true, 0]);
      assert.deepEqual(
        [...ids.take()],
        pairs.map(([id]) => id),
      );
      assert.deepEqual(
        [...logprobs.take()],
        pairs.map(([, logprob]) => logprob),
      );
    });

    test(`${name}: the first that is written otherwise, and all after it, are left to the cursor`, () => {
      for (const other of others) {
        const [whole, left] = rows([row(1, -0.5), row(2, -0.25), other, row(3, -0.125)]);
        assert.equal(whole, parsed(other) !== SURPRISE, other);
        if (whole) assert.equal(left, 2, other);
        assert.deepEqual([...ids.take()], [1, 2], other);
        assert.deepEqual([...logprobs.take()], [-0.5, -0.25], other);
      }
      assert.deepEqual(rows([]), [true, 0]);
    });

    test(`${name}, broken anywhere, are what JSON.parse gives or a surprise`, () => {
      const random = seededRandom(testSeed(`broken ${name}`));
      for (let round = 0; round < 5_000; round++) {
        const texts = [row(11, -0.5), row(222, -1.5), row(3, -2.25)];
        const text = mutated(random, `[${texts.join(",")}]`);
        let element = 0;
        const whole = at(text, () => {
          cursor.enterArray();
          cursor.rows(reader);
          while (cursor.element()) {
            element += 1;
            cursor.skip();
          }
        });
        const count = ids.length;
        const [gotIds, got] = [[...ids.take()], [...logprobs.take()]];
        if (!whole) continue;
        const expected = JSON.parse(text) as Record<string, number>[];
        assert.equal(expected.length, count + element, text);
        const read = expected.slice(0, count);
        assert.deepEqual(
          gotIds,
          read.map((one) => one["token_id"] ?? one[1]),
          text,
        );
        assert.deepEqual(
          got,
          read.map((one) => Math.fround((one["logprob"] ?? one[0]) as number)),
          text,
        );
      }
    });
  }
});
