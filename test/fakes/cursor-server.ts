import type { IncomingMessage, ServerResponse } from "node:http";
import { seedPeople, seedSecret } from "../helpers/canaries.ts";
import { serve } from "../helpers/http-server.ts";
import { createRoster, sameEmail } from "./cursor/roster.ts";
import { applyRemovals, type Desk, keyOf, route } from "./cursor/routes.ts";
import type { CursorHook, CursorOptions, CursorRequest, CursorServer } from "./cursor/types.ts";
import { answerExchange, createFaultScript, type FaultScript, parsedOrText, readText } from "./fault-answer.ts";

export { type MemberRow, makeTeam, type TeamSize } from "./cursor/team.ts";
export type {
  CursorAnswer,
  CursorHook,
  CursorOptions,
  CursorRequest,
  CursorServer,
  MemberView,
  RemovalDelay,
} from "./cursor/types.ts";

type Recorded = { -readonly [K in keyof CursorRequest]: CursorRequest[K] };

interface State {
  readonly desk: Desk;
  readonly requests: Recorded[];
  readonly script: FaultScript;
  hook: CursorHook | undefined;
}

/** Starts the Admin API on a free port of this machine. It refuses what the real one refuses. */
export async function startCursorServer(options: CursorOptions = {}): Promise<CursorServer> {
  const roster = createRoster(options.members ?? []);
  if (options.team !== undefined) roster.setTeam(options.team);
  const apiKey = options.apiKey ?? `key_${"0123456789abcdef".repeat(4)}`;
  seedSecret("Cursor API key", apiKey);
  seedPeople(options.members);
  const desk: Desk = {
    apiKeys: [apiKey],
    roster,
    removals: options.removals ?? "at once",
    waiting: [],
    pageSize: options.pageSize,
  };
  const state: State = { desk, requests: [], script: createFaultScript(options.improvise), hook: undefined };
  const server = await serve((request, response) => {
    answer(state, request, response).catch(() => response.destroy());
  }, options.certificate);
  return {
    url: server.url,
    apiKey,
    requests: state.requests,
    get members() {
      return roster.members;
    },
    setMembers(rows) {
      seedPeople(rows);
      roster.setRows(rows);
    },
    setTeam: (team) => roster.setTeam(team),
    setPageSize(pageSize) {
      desk.pageSize = pageSize;
    },
    setKeys(...apiKeys) {
      for (const key of apiKeys) seedSecret("Cursor API key", key);
      desk.apiKeys = apiKeys;
    },
    markRemoved: (email) => roster.remove((row) => sameEmail(row, email)),
    signIn(email, name) {
      seedPeople(email);
      return roster.signIn(email, name);
    },
    applyRemovals: () => applyRemovals(desk),
    script: (...answers) => state.script.add(answers),
    setOnRequest(hook) {
      state.hook = hook;
    },
    clearScript: () => state.script.clear(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { desk, requests, script } = state;
  const url = new URL(request.url ?? "/", "http://localhost");
  const recorded: Recorded = {
    atMs: performance.now(),
    method: request.method ?? "",
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    body: undefined,
    userAgent: request.headers["user-agent"],
    accept: request.headers.accept,
    apiKey: keyOf(request),
    status: undefined,
    fault: undefined,
    played: false,
  };
  requests.push(recorded);
  const fault = script.take(recorded.method, recorded.path, url.searchParams);
  recorded.fault = fault;
  const text = await readText(request);
  recorded.body = parsedOrText(text);
  await answerExchange({
    request,
    response,
    fault,
    async work() {
      if ((await state.hook?.(recorded, "received")) === "drop") return undefined;
      const reply = route(desk, request, text);
      return (await state.hook?.(recorded, "done")) === "drop" ? undefined : reply;
    },
    onStatus(status) {
      recorded.status = status;
    },
    onPlayed() {
      recorded.played = true;
    },
  });
}
