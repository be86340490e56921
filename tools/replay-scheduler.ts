/**
 * Replays a recording of a live scheduler (`paceline serve --record FILE`) and says what it decided.
 *
 *   node tools/replay-scheduler.ts FILE
 */
import { readFileSync } from "node:fs";
import { type Recording, replay } from "../server/scheduler/recording.ts";
import { seededRandom } from "../server/seeded-random.ts";

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("usage: node tools/replay-scheduler.ts FILE");
  process.exit(2);
}
const recording = JSON.parse(readFileSync(file, "utf8")) as Recording;
const began = performance.now();
const commands = replay(recording, seededRandom).flat();
const ms = performance.now() - began;
const counts: Record<string, number> = {};
for (const { type } of commands) counts[type] = (counts[type] ?? 0) + 1;
const { inputs, dropped } = recording;
console.log(
  JSON.stringify({
    inputs: inputs.length,
    dropped,
    exact: dropped === 0,
    commands: counts,
    replay_ms: Math.round(ms),
  }),
);
