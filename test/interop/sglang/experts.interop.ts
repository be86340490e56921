/** Routed experts of a mixture on real SGLang. */
import { test } from "node:test";
import { createSglangEngine } from "../../../adapters/sglang/engine.ts";
import { deadline } from "../../conformance/engines/attempt.ts";
import { ensureMixture } from "../engines/models.ts";
import { openSglang } from "../engines/sglang.ts";
import { assertRouted } from "../experts/routed.ts";

test("each position's experts are those that torch finds", async (t) => {
  const sglang = await openSglang();
  const model = await ensureMixture(sglang.python);
  const server = await sglang.start(["--model-path", model, "--enable-return-routed-experts"]);
  t.after(() => server.kill());
  const engine = createSglangEngine(server.url);
  t.after(() => engine.close());
  await engine.probe(deadline());
  await assertRouted({
    ...{ engine, model, python: sglang.python, head: { dtype: "int32", row: null } },
    tell: (line) => t.diagnostic(line),
  });
});
