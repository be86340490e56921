export { seededRandom } from "../../server/seeded-random.ts";

/** The run's seed: `PACELINE_TEST_SEED`, else fresh; printed so that a failure can be run again. */
export function testSeed(name: string): number {
  const given = process.env["PACELINE_TEST_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
  console.log(`# seed ${name}: PACELINE_TEST_SEED=${seed}`);
  return seed;
}
