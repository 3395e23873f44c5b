/**
 * Cursor's Admin API as a process of its own, so that making up a team costs the daemon nothing: every answer is made
 * before the address is printed. `node cursor-process.ts '{"active": 1000, "removed": 2}'`; ends with its standard input.
 */
import { makeTeam } from "../fakes/cursor/team.ts";
import { serve } from "../helpers/http-server.ts";
import type { Team } from "./plan.ts";

const apiKey = `key_${"b".repeat(64)}`;
const authorization = `Basic ${Buffer.from(`${apiKey}:`).toString("base64")}`;

function makeAnswers(team: Team): Buffer[] {
  const { pageSize } = team;
  const total = team.active + team.removed;
  const answers: Buffer[] = [];
  let rows: string[] = [];
  let made = 0;
  for (const row of makeTeam(team)) {
    rows.push(JSON.stringify(row));
    made += 1;
    if (made < total && rows.length !== pageSize) continue;
    const pagination = JSON.stringify({ page: answers.length + 1, pageSize, hasNextPage: made < total });
    const more = pageSize === undefined ? "" : `,"pagination":${pagination}`;
    answers.push(Buffer.from(`{"teamMembers":[${rows.join(",")}]${more}}`));
    rows = [];
  }
  return answers;
}

const answers = makeAnswers(JSON.parse(process.argv[2] ?? "{}"));
const server = await serve((request, response) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  const page = answers[Number(url.searchParams.get("page") ?? "1") - 1];
  const known = request.method === "GET" && url.pathname === "/teams/members" && page !== undefined;
  const status = request.headers.authorization !== authorization ? 401 : known ? 200 : 404;
  const body = status === 200 && page !== undefined ? page : Buffer.from("{}");
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length }).end(body);
});
const bytes = answers.reduce((sum, { length }) => sum + length, 0);
process.stdout.write(`${JSON.stringify({ url: server.url, apiKey, bytes, pages: answers.length })}\n`);
process.stdin.on("end", () => process.exit(0)).resume();
