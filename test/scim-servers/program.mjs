import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";

/**
 * What a server program supplies; `create` gets the origin it is served at and the token it has to demand.
 * @typedef {{ id: string, userName: string, active: boolean, emails: string[] }} StoredUser
 * @typedef {object} ScimProgram
 * @property {string} basePath where SCIM begins
 * @property {import("node:http").RequestListener} listener
 * @property {() => StoredUser[]} users what the store holds
 * @property {(resources: object[]) => unknown} seed puts SCIM User resources into the store
 * @property {() => void} reset empties the store
 */

/**
 * Serves one SCIM server on a free port of 127.0.0.1, and its store to tests under `/control/users`, outside SCIM and
 * without a token: GET lists, POST adds an array of SCIM resources, DELETE empties. Prints one JSON line when it listens.
 * The token is read from `SCIM_TOKEN`. The process ends with its standard input, that is with the process that started it.
 * @param {(origin: string, token: string) => ScimProgram} create
 */
export async function run(create) {
  const token = process.env.SCIM_TOKEN;
  if (!token) throw new Error("SCIM_TOKEN is not set");
  process.stdin.resume().on("close", () => process.exit(0));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${server.address().port}`;
  const program = create(origin, token);
  server.on("request", (request, response) => {
    if (!request.url.startsWith("/control/")) return program.listener(request, response);
    return control(program, request).then(
      (body) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error) => response.writeHead(500, { "content-type": "text/plain" }).end(String(error?.stack ?? error)),
    );
  });
  console.log(JSON.stringify({ url: origin + program.basePath, control: `${origin}/control/users` }));
}

async function control(program, request) {
  if (request.url !== "/control/users") throw new Error(`there is no ${request.url}`);
  if (request.method === "GET") return program.users();
  if (request.method === "DELETE") program.reset();
  if (request.method === "POST") await program.seed(await json(request));
  return {};
}

async function json(request) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += part;
  return JSON.parse(text);
}
