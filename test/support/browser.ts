/**
 * Headless Chromium for tests of pages. playwright-core's own types need the DOM's, which would then be
 * global in every file of the server, so the few calls that tests make are named here.
 */
import { existsSync } from "node:fs";
import { skipWithout } from "./require.ts";

const CHROMIUM = process.env["PACELINE_CHROMIUM"] ?? "/usr/bin/chromium";

export interface Locator {
  count(): Promise<number>;
  innerText(): Promise<string>;
  locator(selector: string): Locator;
  waitFor(): Promise<void>;
}

export interface Page {
  on(event: "request", listener: (request: { url(): string }) => void): void;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
  goto(url: string): Promise<unknown>;
  waitForSelector(selector: string, options?: { state: "attached" | "detached" }): Promise<unknown>;
  innerText(selector: string): Promise<string>;
  fill(selector: string, value: string): Promise<void>;
  click(selector: string): Promise<void>;
  locator(selector: string, options?: { hasText: string }): Locator;
  evaluate(expression: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Browser {
  newPage(options?: {
    viewport?: { width: number; height: number };
    colorScheme?: "light" | "dark";
  }): Promise<Page>;
  close(): Promise<void>;
}

interface Playwright {
  readonly chromium: {
    launch(options: { executablePath: string; args: readonly string[] }): Promise<Browser>;
  };
}

/** For node:test's `skip` option. */
export const skipWithoutChromium = (): string | false =>
  skipWithout("chromium", existsSync(CHROMIUM));

export async function launchChromium(): Promise<Browser> {
  const { chromium }: Playwright = await import(import.meta.resolve("playwright-core"));
  // Containers seldom allow the sandbox; the pages are our own.
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}
