import assert from "node:assert/strict";
import { newCredentials, startConnector, startCursor } from "./daemon.ts";
import { type Event, startTinyC1, type TinyC1 } from "./tools.ts";

/** A report as the tiny C1 prints it. */
export interface Finish extends Event {
  readonly taskId: string;
  readonly type: string;
  readonly ok: boolean;
  readonly code: number;
  readonly message: string;
  readonly nonRetryable: boolean;
  readonly annotations: readonly object[];
  readonly response: ({ readonly "@type": string } & Readonly<Record<string, unknown>>) | null;
}

/** Runs the daemon in service mode against the tiny C1 until every task of the script has ended. */
export async function serve(
  directory: string,
  script: readonly object[],
  cursorDelayMs = 0,
  env: Readonly<Record<string, string>> = {},
): Promise<TinyC1> {
  await using cursor = await startCursor(cursorDelayMs);
  const c1 = await startTinyC1(directory, script);
  const { clientId, clientSecret } = newCredentials();
  const connector = startConnector([], {
    BATON_CLIENT_ID: clientId,
    BATON_CLIENT_SECRET: clientSecret,
    BATON_C1_API_HOST: `127.0.0.1:${c1.port}`,
    BATON_CURSOR_BASE_URL: cursor.url,
    BATON_HEALTH_CHECK: "false",
    BATON_STATUS: "false",
    BATON_TMPDIR: directory,
    SSL_CERT_FILE: `${directory}/ca.pem`,
    ...env,
  });
  const code = await Promise.race([c1.exited, connector.ended.then(() => undefined)]);
  connector.stop();
  const { code: connectorCode, output: log } = await connector.ended;
  const story = () => `${c1.events.map((event) => JSON.stringify(event)).join("\n")}\n${log}`;
  assert.equal(code, 0, `the tiny C1 is not content\n${story()}`);
  assert.equal(connectorCode, 0, `the daemon did not end cleanly\n${story()}`);
  return c1;
}

/** The reports that it got, in order. */
export const finishes = ({ events }: TinyC1) => events.filter(({ event }) => event === "finish") as Finish[];
