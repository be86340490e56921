/** Keeps the newest overview: asks once a second while the page is seen, and says so when no answer comes. */
import { useEffect, useState } from "preact/hooks";

/** @typedef {import("../overview.ts").Overview} Overview */

/**
 * @typedef {object} Live
 * @property {Overview | null} overview the newest answer
 * @property {string | null} problem why there is no newer one
 * @property {number | null} since wall time of the newest answer by the browser's clock, ms
 */

const POLL_MS = 1000;
const ANSWER_WITHIN_MS = 5000;

/** @returns {Live} */
export function useOverview() {
  const [live, setLive] = useState(
    /** @type {Live} */ ({ overview: null, problem: null, since: null }),
  );
  useEffect(() => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let busy = false;
    const poll = async () => {
      clearTimeout(timer);
      if (busy || document.hidden) return;
      busy = true;
      try {
        const overview = await fetchOverview();
        setLive({ overview, problem: null, since: Date.now() });
      } catch (thrown) {
        const problem = thrown instanceof Error ? thrown.message : String(thrown);
        setLive((last) => ({ ...last, problem }));
      }
      busy = false;
      timer = setTimeout(poll, POLL_MS);
    };
    document.addEventListener("visibilitychange", poll);
    poll();
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", poll);
    };
  }, []);
  return live;
}

/** @returns {Promise<Overview>} */
async function fetchOverview() {
  const reply = await fetch("/overview.json", { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  const body = await reply.json();
  if (!reply.ok) throw new Error(body.error?.message ?? `HTTP ${reply.status}`);
  return body;
}
