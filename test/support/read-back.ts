/** Side data by reference as a client of a whole server reads it: what `wholeResult` takes. */
import assert from "node:assert/strict";
import type { RolloutService } from "../../server/rollouts/service.ts";

export const readBack = (http: string): Pick<RolloutService, "side"> => ({
  side: (job, ref) => ({
    bytes: Number.NaN,
    async *read(from, to) {
      const headers = { range: `bytes=${from}-${to - 1}` };
      const reply = await fetch(`${http}/v1/side/${ref}?job=${job}`, { headers });
      assert.equal(reply.status, 206, `${ref}: ${reply.status}`);
      yield Buffer.from(await reply.arrayBuffer());
    },
    close: () => undefined,
  }),
});
