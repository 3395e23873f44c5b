import type { Answers, C1Server, Call } from "../../fakes/c1-server.ts";
import type { FaultAnswer } from "../../fakes/fault-answer.ts";
import type { Fault, Play } from "../catalog/fault.ts";
import type { Injection, Lasting } from "../injection.ts";
import type { Lane } from "./lane.ts";
import { type Disturbance, disturb } from "./network.ts";

/** A fault that lies in wait. */
export interface Planted {
  /** Told when the task is in C1's queue: some faults wait for its moments. */
  watch(taskId: string): void;
  /** Whether it has happened, by what the stand-ins have written down. */
  seen(): boolean;
  /** Takes back what is left of it, and waits for a disturbed network. */
  end(): Promise<void>;
}

const times: Readonly<Record<Lasting, number>> = { once: 1, thrice: 3, always: Number.POSITIVE_INFINITY };
/** How many hits prove it: a process may rightly give up before the third. */
const proof: Readonly<Record<Lasting, number>> = { once: 1, thrice: 2, always: 1 };
/** One that goes by rules of its own may give up at the first. */
const proofOf = ({ program }: Lane, { lasting }: Injection): number =>
  program.silenceMs === undefined ? proof[lasting] : 1;

/** Lays a fault out in the stand-ins. */
export function plant(lane: Lane, entry: Fault, injection: Injection): Planted {
  const { play } = entry;
  switch (play.at) {
    case "c1":
      return plantCall(lane, play, injection);
    case "token":
      return plantToken(lane, play, injection);
    case "token-terms":
      return plantTerms(lane.stage.c1, play);
    case "network": {
      const { c1 } = lane.stage;
      const before = c1.network.totalConnections;
      // Nobody sees an attempt at a closed port but the one who makes it.
      const tries = (): boolean =>
        play.action === "outage" ? /refused/i.test(lane.process()?.log() ?? "") : c1.network.totalConnections > before;
      const disturbance = disturb(c1, play.action, tries);
      return { watch: () => undefined, seen: disturbance.seen, end: () => disturbance.over };
    }
    case "cursor":
      return plantCursor(lane, play, injection);
    case "scim": {
      const { scim } = lane.stage;
      const answers = series(play.answer, play.on, injection);
      scim.script(...answers);
      return {
        watch: () => undefined,
        seen: hits(scim.requests, answers, proofOf(lane, injection)),
        end: async () => scim.clearScript(),
      };
    }
  }
}

function plantCall(lane: Lane, play: Extract<Play, { at: "c1" }>, injection: Injection): Planted {
  const { c1, cursor } = lane.stage;
  const { attempt, lasting } = injection;
  const disturbances: Disturbance[] = [];
  const { network } = play;
  const also = network === undefined ? {} : { also: () => void disturbances.push(disturb(c1, network)) };
  const chunk = injection.phase === "at-last-chunk" ? lane.chunks() : attempt;
  const answer = { ...play.answer, ...atChunk(play, chunk), ...also, times: times[lasting] };
  // The shape of each answer was checked against its method where the catalog was written.
  const script = (answers: readonly object[]): void =>
    c1.script(play.method, answers as readonly Answers[typeof play.method][]);
  if (attempt > 1 && injection.target !== "upload") script([{ times: attempt - 1 }]);
  script([answer]);
  if (play.paced === true) {
    const delayMs = lasting === "always" ? 14_000 : 5_000;
    cursor.script({ on: { path: /^\/teams\/members$/ }, delayMs });
  }
  return {
    watch: () => undefined,
    seen() {
      const hit = c1.calls(play.method).filter((call) => call.scripted === answer && isPlayed(call, answer));
      const isFelt =
        network === undefined || (disturbances.length === hit.length && disturbances.every((d) => d.seen()));
      return hit.length >= proofOf(lane, injection) && isFelt;
    },
    async end() {
      c1.unscript(play.method);
      await Promise.all(disturbances.map(({ over }) => over));
    },
  };
}

/** What a part of an answer needs none of its own for: how often, in which words. */
const unplayed: readonly string[] = ["times", "message"];

/** Whether every part of the answer has happened, and the call ended with the status that was to come. */
function isPlayed({ code, played }: Call, answer: Call["scripted"] & { readonly [part: string]: unknown }): boolean {
  // A network that breaks at this moment may break the connection first.
  const overtaken = (part: string): boolean => part === "dropConnection" && "also" in answer;
  const parts = Object.keys(answer).filter((part) => !unplayed.includes(part) && !overtaken(part));
  return parts.every((part) => played.has(part)) && (answer.error === undefined || code === answer.error);
}

function atChunk({ answer, chunk }: Extract<Play, { at: "c1" }>, at: number): Partial<Answers["UploadAsset"]> {
  switch (chunk) {
    case "fail":
      return { failAtChunk: at };
    case "ok":
      return { okAtChunk: at };
    case "stall":
      return { stallAtChunk: at };
    case "drop":
      return { dropAtChunk: at };
    case "network":
      return { alsoAtChunk: at };
    default:
      return answer;
  }
}

function plantToken(lane: Lane, play: Extract<Play, { at: "token" }>, injection: Injection): Planted {
  const { c1 } = lane.stage;
  const answers = series(play.answer, undefined, injection);
  const begin = (): void => {
    if (play.moment !== "start") c1.token.revokeAll();
    c1.token.script(...answers);
  };
  let forget = (): void => undefined;
  if (play.moment === "start" || play.moment === "now") begin();
  // One heartbeat, and then nothing but the upload asks for a token.
  if (play.moment === "first-beat") c1.defaults.nextHeartbeatMs = 60_000;
  return {
    watch(taskId) {
      if (play.moment !== "hand-out" && play.moment !== "first-beat") return;
      forget = c1.onEvent((event) => {
        const handedOut = event.type === "poll" && event.taskIds.includes(taskId);
        const beaten = event.type === "heartbeat" && event.taskId === taskId;
        if (play.moment === "hand-out" ? !handedOut : !beaten) return;
        forget();
        begin();
      });
    },
    seen: hits(c1.token.requests, answers, proofOf(lane, injection)),
    async end() {
      forget();
      c1.token.clearScript();
    },
  };
}

function plantTerms({ token, calls }: C1Server, { at: _at, ...terms }: Extract<Play, { at: "token-terms" }>): Planted {
  const before = { tokens: token.requests.length, hellos: calls("Hello").length };
  const lives = terms.expiresIn !== undefined && terms.expiresIn < 10 ? { lives: 600 } : {};
  Object.assign(token, terms, lives);
  return {
    watch: () => undefined,
    seen: () =>
      token.requests.slice(before.tokens).some(({ status }) => status === 200) &&
      calls("Hello")
        .slice(before.hellos)
        .some(({ code }) => code === 0),
    end: async () => void Object.assign(token, { tokenType: "Bearer", expiresIn: 600, lives: undefined }),
  };
}

const wholeRow = { id: "", name: "", email: "", role: "", isRemoved: false };

function plantCursor(lane: Lane, play: Extract<Play, { at: "cursor" }>, injection: Injection): Planted {
  const { cursor } = lane.stage;
  const rows = cursor.members.map((row) => ({ ...wholeRow, ...row }));
  const answer = typeof play.answer === "function" ? play.answer({ rows }) : play.answer;
  const answers = series(answer, play.on, injection);
  if (play.pageSize !== undefined) cursor.setPageSize(play.pageSize);
  cursor.script(...answers);
  return {
    watch: () => undefined,
    seen: hits(cursor.requests, answers, proofOf(lane, injection)),
    async end() {
      cursor.clearScript();
      cursor.setPageSize(undefined);
    },
  };
}

/** Right answers before the attempt that is meant, then the fault as often as it lasts. */
function series(answer: FaultAnswer, on: FaultAnswer["on"], { attempt, lasting }: Injection): readonly FaultAnswer[] {
  const only = on === undefined ? {} : { on };
  const before = attempt > 1 ? [{ ...only, times: attempt - 1 }] : [];
  return [...before, { ...only, ...answer, times: times[lasting] }];
}

interface Recorded {
  readonly fault: FaultAnswer | undefined;
  readonly played: boolean;
  readonly status: number | undefined;
}

/** Whether so many requests got the last answer of the series whole, with the status that it has. */
function hits(requests: readonly Recorded[], answers: readonly FaultAnswer[], needed: number): () => boolean {
  const answer = answers.at(-1);
  const broken = answer?.hang ?? answer?.reset ?? answer?.hangAfterEffect ?? answer?.resetAfterEffect ?? answer?.raw;
  const isHit = ({ fault, played, status }: Recorded): boolean =>
    fault === answer &&
    played &&
    (broken === undefined ? status !== undefined && status === (answer?.status ?? status) : status === undefined);
  return () => requests.filter(isHit).length >= needed;
}
