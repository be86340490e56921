/**
 * Keeps worker processes alive: starts them, tells where they serve, starts them again with back-off when
 * they end, and ends them with us.
 */
import type { Logger } from "pino";
import type { Clock, Random, Timer } from "../contract/clock.ts";
import { type Child, type ChildCommand, launchChild } from "./child.ts";

export { type ChildCommand, CONTROL_FD } from "./child.ts";

export interface SupervisorOptions {
  /** Delay before a restart, ms; doubles with each child that ends before it was steady. Default 200. */
  readonly restartMs: number;
  /** Longest delay, ms: a crash loop costs one start in so long. Default 30,000. */
  readonly restartMaxMs: number;
  /** A child that lived for so long, ms, is no part of a crash loop. Default 30,000. */
  readonly steadyMs: number;
  /** A child that does not serve after so long, ms, is killed: loading weights takes seconds, not minutes. Default 120,000. */
  readonly readyMs: number;
}

const DEFAULTS: SupervisorOptions = {
  restartMs: 200,
  restartMaxMs: 30_000,
  steadyMs: 30_000,
  readyMs: 120_000,
};

export interface SupervisorParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, "warn">;
  readonly child: ChildCommand;
  readonly options?: Partial<SupervisorOptions>;
  /** The child serves at `url`. A promise that rejects is tried again while the child lives. */
  onReady(child: { readonly id: string; readonly url: string }): unknown;
  onExit(id: string, reason: string): void;
}

/** What became of one child; for the live page and its log. */
export interface ChildState {
  readonly id: string;
  readonly state: "starting" | "serving" | "waiting" | "stopped";
  readonly pid: number | null;
  /** Children in a row that ended before they were steady: above 1 it is a crash loop. */
  readonly failures: number;
  /** How the last one ended. */
  readonly reason: string | null;
}

export interface Supervisor {
  start(ids: readonly string[]): void;
  /** Pids of the children that run, by worker id. */
  pids(): ReadonlyMap<string, number>;
  states(): readonly ChildState[];
  /** SIGTERM to all, SIGKILL after `graceMs`; starts none again. */
  stop(graceMs: number): Promise<void>;
}

interface Post {
  readonly id: string;
  state: ChildState["state"];
  failures: number;
  reason: string | null;
  child: Child | null;
  startedAt: number;
  /** Of the restart, the wait until it serves, or the next try to make it known. */
  timer: Timer | null;
}

export function createSupervisor(parts: SupervisorParts): Supervisor {
  const { clock, random, log } = parts;
  const options = { ...DEFAULTS, ...parts.options };
  const posts = new Map<string, Post>();
  let stopping = false;

  const backOffMs = (times: number): number =>
    Math.min(options.restartMaxMs, options.restartMs * 2 ** times) * (0.75 + random.next() / 2);

  function later(post: Post, ms: number, action: () => void): void {
    post.timer?.cancel();
    post.timer = clock.timer(ms, action);
  }

  function launch(post: Post): void {
    const { id } = post;
    post.state = "starting";
    post.startedAt = clock.now();
    const child = launchChild(parts.child, {
      said: (line) => log.warn({ worker: id, line }, "worker says"),
      ready: (url) => {
        if (post.child === child) void makeKnown(post, child, url, 0);
      },
      ended: (reason) => ended(post, reason),
    });
    post.child = child;
    later(post, options.readyMs, () => {
      log.warn({ worker: id, ready_ms: options.readyMs }, "worker does not serve: killed");
      child.kill("SIGKILL");
    });
  }

  async function makeKnown(post: Post, child: Child, url: string, tries: number): Promise<void> {
    post.timer?.cancel();
    post.state = "serving";
    try {
      await parts.onReady({ id: post.id, url });
    } catch (thrown) {
      if (post.child !== child || stopping) return;
      const reason = thrown instanceof Error ? thrown.message : String(thrown);
      log.warn({ worker: post.id, url, reason }, "a worker serves but is not accepted yet");
      later(post, backOffMs(tries), () => void makeKnown(post, child, url, tries + 1));
    }
  }

  function ended(post: Post, reason: string): void {
    const { id } = post;
    post.child = null;
    post.reason = reason;
    post.timer?.cancel();
    post.state = stopping ? "stopped" : "waiting";
    if (!stopping) {
      const steady = clock.now() - post.startedAt >= options.steadyMs;
      post.failures = steady ? 1 : post.failures + 1;
      const delay = backOffMs(post.failures - 1);
      const { failures } = post;
      log.warn({ worker: id, reason, failures, restart_ms: Math.round(delay) }, "worker ended");
      later(post, delay, () => launch(post));
    }
    parts.onExit(id, reason);
  }

  return {
    start(ids) {
      for (const id of ids) {
        if (stopping || posts.has(id)) continue;
        const post: Post = {
          id,
          state: "starting",
          failures: 0,
          reason: null,
          child: null,
          startedAt: 0,
          timer: null,
        };
        posts.set(id, post);
        launch(post);
      }
    },
    pids: () =>
      new Map(
        [...posts.values()].flatMap(({ id, child }) =>
          child === null || child.pid === null ? [] : [[id, child.pid] as const],
        ),
      ),
    states: () =>
      [...posts.values()].map(({ id, state, failures, reason, child }) => ({
        id,
        state,
        pid: child?.pid ?? null,
        failures,
        reason,
      })),
    async stop(graceMs) {
      stopping = true;
      const running: Child[] = [];
      for (const post of posts.values()) {
        post.timer?.cancel();
        if (post.child === null) post.state = "stopped";
        else running.push(post.child);
      }
      for (const child of running) child.kill("SIGTERM");
      const timer = clock.timer(graceMs, () => {
        for (const child of running) child.kill("SIGKILL");
      });
      await Promise.all(running.map(({ over }) => over));
      timer.cancel();
    },
  };
}
