import type { IncomingMessage, ServerResponse } from "node:http";
import { seedSecret } from "../helpers/canaries.ts";
import { serve } from "../helpers/http-server.ts";
import {
  answerExchange,
  createFaultScript,
  type FaultScript,
  parsedOrText,
  type Reply,
  readText,
} from "./fault-answer.ts";
import { createDirectory } from "./scim/directory.ts";
import { type Desk, handle } from "./scim/handle.ts";
import type { ScimFake, ScimHook, ScimOptions, ScimRequest } from "./scim/types.ts";

export type {
  ScimAnswer,
  ScimChange,
  ScimClaims,
  ScimEdit,
  ScimEffect,
  ScimEmail,
  ScimFake,
  ScimFilterForm,
  ScimHook,
  ScimName,
  ScimOptions,
  ScimQuirks,
  ScimRecord,
  ScimRequest,
  ScimSeed,
} from "./scim/types.ts";

type Recorded = { -readonly [K in keyof ScimRequest]: ScimRequest[K] };
type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface State {
  readonly desk: Writable<Desk>;
  readonly requests: Recorded[];
  readonly script: FaultScript;
  readonly inFlight: { now: number; max: number };
  hook: ScimHook | undefined;
}

/** Starts a directory on a free port of this machine. Its quirks and faults are for tests of what real servers do. */
export async function startScimServer(options: ScimOptions = {}): Promise<ScimFake> {
  const directory = createDirectory();
  const requests: Recorded[] = [];
  const script = createFaultScript(options.improvise);
  const inFlight = { now: 0, max: 0 };
  const firstToken = options.token ?? "scim-token-0123456789abcdefghijklmnop";
  seedSecret("SCIM token", firstToken);
  const desk: Writable<Desk> = {
    directory,
    quirks: options.quirks ?? {},
    url: "",
    basePath: `/scim/v2/${options.directoryId ?? "directory_01HZX4Q8B7EXAMPLE"}`,
    options,
    tokens: [firstToken],
    violations: [],
  };
  const state: State = { desk, requests, script, inFlight, hook: options.onRequest };
  const server = await serve((request, response) => {
    inFlight.now += 1;
    inFlight.max = Math.max(inFlight.max, inFlight.now);
    response.once("close", () => {
      inFlight.now -= 1;
    });
    answer(state, request, response).catch(() => response.destroy());
  }, options.certificate);
  desk.url = server.url;
  for (const user of options.users ?? []) directory.add(user, "outside");
  return {
    url: server.url,
    endpoint: server.url + desk.basePath,
    token: firstToken,
    records: directory.records,
    effects: directory.effects,
    requests,
    violations: desk.violations,
    inFlight,
    seed: (...users) => users.map((user) => directory.add(user, "outside")),
    edit: (id, changes) => void directory.change(id, changes, "outside"),
    remove: (id) => void directory.remove(id, "outside"),
    setQuirks(quirks) {
      desk.quirks = quirks;
    },
    setToken(...tokens) {
      for (const token of tokens) seedSecret("SCIM token", token);
      desk.tokens = tokens;
    },
    setOnRequest(hook) {
      state.hook = hook;
    },
    script: (...answers) => script.add(answers),
    clearScript: () => script.clear(),
    onChange: (listener) => directory.onChange(listener),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { desk } = state;
  const url = new URL(request.url ?? "/", desk.url);
  const { authorization, accept, "content-type": contentType, "if-match": ifMatch } = request.headers;
  const recorded: Recorded = {
    atMs: performance.now(),
    method: request.method ?? "",
    path: url.pathname.startsWith(`${desk.basePath}/`) ? url.pathname.slice(desk.basePath.length) : url.pathname,
    query: Object.fromEntries(url.searchParams),
    body: undefined,
    hasAuthorization: authorization !== undefined,
    token: authorization?.replace(/^Bearer /, ""),
    contentType,
    accept,
    ifMatch,
    userAgent: request.headers["user-agent"],
    status: undefined,
    fault: undefined,
    played: false,
  };
  state.requests.push(recorded);
  const fault = state.script.take(recorded.method, recorded.path, url.searchParams);
  recorded.fault = fault;
  const text = await readText(request);
  recorded.body = parsedOrText(text);
  const work = async (): Promise<Reply | undefined> => {
    if ((await state.hook?.(recorded, "received")) === "drop") return undefined;
    const reply = handle(desk, request, text);
    return (await state.hook?.(recorded, "done")) === "drop" ? undefined : reply;
  };
  await answerExchange({
    request,
    response,
    fault,
    work,
    onStatus(status) {
      recorded.status = status;
    },
    onPlayed() {
      recorded.played = true;
    },
  });
}
