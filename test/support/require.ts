/**
 * Prerequisites that a machine may lack. A test that needs one is skipped by name; `PACELINE_REQUIRE`
 * (a comma-separated list, set in CI) turns the skip into a failure.
 */

/**
 * For node:test's `skip` option: `false` when `present`, else the reason to skip. Throws when
 * `PACELINE_REQUIRE` names the prerequisite.
 */
export function skipWithout(
  prerequisite: string,
  present: boolean,
  environment: NodeJS.ProcessEnv = process.env,
): string | false {
  if (present) return false;
  const required = (environment["PACELINE_REQUIRE"] ?? "").split(",").map((name) => name.trim());
  if (required.includes(prerequisite)) {
    throw new Error(`${prerequisite} is missing and PACELINE_REQUIRE names it`);
  }
  return `${prerequisite} is not installed here`;
}
