// A reporter for node's test runner: the ten slowest files, and what was counted, in one closing line.
import { relative } from "node:path";

const SLOWEST = 10;

export default async function* summary(source) {
  const files = new Map();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of source) {
    if (type !== "test:pass" && type !== "test:fail") continue;
    if (data.details?.type === "suite") continue;
    if (data.skip !== undefined && data.skip !== false) counts.skipped++;
    else if (type === "test:pass") counts.passed++;
    else counts.failed++;
    if (data.nesting === 0 && data.file) {
      files.set(data.file, (files.get(data.file) ?? 0) + (data.details?.duration_ms ?? 0));
    }
  }
  const slowest = [...files].sort((a, b) => b[1] - a[1]).slice(0, SLOWEST);
  yield "\nSlowest test files:\n";
  for (const [file, ms] of slowest) {
    yield `  ${(ms / 1000).toFixed(1).padStart(6)} s  ${relative(process.cwd(), file)}\n`;
  }
  yield `\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`;
}
