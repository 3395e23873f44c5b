import { createHash } from "node:crypto";
import { pageScript } from "./page-script.ts";
import { pageStyle } from "./page-style.ts";
import type { StatusView } from "./view.ts";

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Lets the page's own style and script run, and its stream be read; nothing else, from nowhere else. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src ${hashOf(pageScript)}`,
  `style-src ${hashOf(pageStyle)}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A coloured dot, so that no request for an icon is made. */
const icon =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='6' fill='%232a5bd0'/%3E%3C/svg%3E";

const card = (id: string, title: string, classes = ""): string =>
  `<section class="${classes}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2><div id="${id}"></div></section>`;

const columns = [
  "Started",
  "Result",
  "Duration",
  "Size",
  "Active",
  "Disabled",
  "Roles",
  "Grants",
  "Added",
  "Removed",
  "Changed role",
];

const before = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>baton-cursor</title>
<link rel="icon" href="${icon}">
<style>${pageStyle}</style>
</head>
<body>
<header><div><h1>Cursor connector for ConductorOne</h1><p class="meta" id="meta"></p></div><p role="status"><span class="pill" id="mood">Starting</span></p></header>
<div id="lost" role="alert" hidden><p>The connector does not answer; trying again. What is shown here is old.</p></div>
<noscript><p>This page needs JavaScript; <a href="status.json">status.json</a> holds the same.</p></noscript>
<main>
${card("connection", "Connection to C1")}
${card("tasks", "Running now")}
${card("changes", "Since the previous sync")}
${card("budgets", "Rate budgets", "half")}
${card("credentials", "Credentials", "half")}
<section class="wide" aria-labelledby="syncs-title"><div class="row"><h2 id="syncs-title">Syncs since the start<span id="sync-count"></span></h2><p class="small dim" id="sync-sum" hidden></p></div>
<p class="dim" id="no-syncs">No sync has ended yet.</p>
<div class="charts" id="charts" hidden></div>
<div class="scroll" id="sync-table" tabindex="0" role="region" aria-label="Table of syncs" hidden><table><thead><tr>${columns
  .map((name) => `<th scope="col">${name}</th>`)
  .join("")}</tr></thead><tbody id="sync-rows"></tbody></table></div></section>
<section class="wide" aria-labelledby="problems-title"><h2 id="problems-title">Recent problems<span id="problem-count"></span></h2><div id="problems"></div></section>
</main>
<footer><p>This page can only be read. <span id="people"></span> The same as JSON: <a href="status.json">status.json</a>.</p></footer>
<script type="application/json" id="state-data">`;

const after = `</script>
<script>${pageScript}</script>
</body>
</html>
`;

/** The whole page with `state` inside, so that it is complete before the first event arrives. */
export function renderPage(state: StatusView & { readonly nowMs: number }): string {
  // The only character that could end the element early.
  return before + JSON.stringify(state).replaceAll("<", "\\u003c") + after;
}
