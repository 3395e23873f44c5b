import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import axe from "axe-core";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where the Chromium of the system is; `undefined` when there is none. */
export function findChromium(): string | undefined {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const { status, stdout } = spawnSync("which", [name], { encoding: "utf8" });
    if (status === 0) return stdout.trim();
  }
  return undefined;
}

/** A page in a browser of its own, and everything that went wrong in it. */
export interface OpenedPage extends AsyncDisposable {
  readonly page: Page;
  /** What was written to the console as warning or error, and uncaught exceptions. */
  readonly complaints: readonly string[];
  /** Addresses that were asked for. */
  readonly requests: readonly string[];
  /** Violations of the WCAG rules and best practices that axe knows. */
  violations(): Promise<readonly string[]>;
  /** Leaves a picture of the whole page in build/status-page. */
  picture(name: string): Promise<void>;
}

const pictures = new URL("../../build/status-page/", import.meta.url).pathname;

/** Opens `url` in a fresh headless Chromium. */
export async function openInChromium(
  executablePath: string,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  // Chromium refuses to sandbox itself as root, and in most containers.
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (["warning", "error"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return {
    page,
    complaints,
    requests,
    async violations() {
      await page.evaluate(axe.source);
      const { violations } = (await page.evaluate("axe.run(document)")) as axe.AxeResults;
      return violations.map(({ help, id, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" ")}`);
    },
    async picture(name) {
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: `${pictures}${name}.png`, fullPage: true });
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
