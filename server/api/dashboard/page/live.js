/** Keeps the newest overview: asks once a second while the page is seen, and says so when no answer comes. */
import { useEffect, useState } from "preact/hooks";
import { tokenHeaders } from "./token.js";

/** @typedef {import("../overview.ts").Overview} Overview */

/**
 * @typedef {object} Live
 * @property {Overview | null} overview the newest answer
 * @property {string | null} problem why there is no newer one
 * @property {boolean} refused that is for want of a token
 * @property {() => void} retry asks at once
 * @property {number | null} since wall time of the newest answer by the browser's clock, ms
 */

const POLL_MS = 1000;
const ANSWER_WITHIN_MS = 5000;

/** @returns {Live} */
export function useOverview() {
  const [live, setLive] = useState(
    /** @type {Live} */ ({
      overview: null,
      problem: null,
      refused: false,
      retry: () => {},
      since: null,
    }),
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
        setLive({ overview, problem: null, refused: false, retry: poll, since: Date.now() });
      } catch (thrown) {
        const problem = thrown instanceof Error ? thrown.message : String(thrown);
        const refused = thrown instanceof Refusal;
        setLive((last) => ({ ...last, problem, refused, retry: poll }));
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

class Refusal extends Error {}

/** @returns {Promise<Overview>} */
async function fetchOverview() {
  const reply = await fetch("/overview.json", {
    headers: tokenHeaders(),
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  const body = await reply.json();
  if (reply.status === 401 || reply.status === 403) throw new Refusal(body.error?.message);
  if (!reply.ok) throw new Error(body.error?.message ?? `HTTP ${reply.status}`);
  return body;
}
