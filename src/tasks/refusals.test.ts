import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { NewTask } from "../../test/fakes/c1-client.ts";
import { startWorker } from "../../test/helpers/worker.ts";
import type { StatusCode } from "../baton/status-error.ts";
import type { TaskType } from "../baton/task.ts";

type Answer = readonly [StatusCode, string] | "success";
interface Row {
  readonly task: NewTask;
  readonly off: Answer;
  /** Where it differs with provisioning switched on. */
  readonly on?: Answer;
}

const disabled = ["failed_precondition", "provisioning is not enabled"] as const;
const noTickets = ["unimplemented", "ticketing is not enabled"] as const;
const nameRequired = ["invalid_argument", "action name required"] as const;
const malformed = (what: string) => ["invalid_argument", `malformed ${what} task`] as const;
const user = { resourceType: "user", resource: "user_1" };
const ticket = { malformed: false, annotations: [] };
const badTicket = { malformed: true, annotations: [] };

const rows: readonly Row[] = [
  {
    task: { type: "grant", input: { resourceType: "role" } },
    off: disabled,
    on: ["unimplemented", "resource type role does not have provisioner configured"],
  },
  { task: { type: "grant", input: { resourceType: undefined } }, off: malformed("grant") },
  {
    task: { type: "revoke", input: { resourceType: "role" } },
    off: disabled,
    on: ["unimplemented", "resource type role does not have provisioner configured"],
  },
  { task: { type: "revoke", input: { resourceType: undefined } }, off: ["invalid_argument", "invalid task type"] },
  {
    task: {
      type: "create_account",
      input: {
        accountInfo: { emails: [], login: "a@b.c", profile: {} },
        resourceTypeId: "user",
        credentials: "absent",
      },
    },
    off: disabled,
    on: ["unimplemented", "connector does not have account manager configured"],
  },
  {
    task: { type: "create_account", input: { accountInfo: undefined, resourceTypeId: "", credentials: "absent" } },
    off: malformed("create account"),
  },
  {
    task: { type: "create_resource", input: { resourceType: "role" } },
    off: disabled,
    on: ["unimplemented", "resource type role does not have resource Create() configured"],
  },
  { task: { type: "create_resource", input: { resourceType: undefined } }, off: malformed("create resource") },
  {
    task: { type: "delete_resource", input: { resourceId: user } },
    off: disabled,
    on: ["unimplemented", "resource type user does not have resource Delete() configured"],
  },
  { task: { type: "delete_resource", input: { resourceId: undefined } }, off: malformed("delete resource") },
  {
    task: { type: "delete_resource", input: { resourceId: { ...user, resource: "" } } },
    off: malformed("delete resource"),
  },
  {
    task: { type: "delete_resource", input: { resourceId: { ...user, resourceType: "" } } },
    off: malformed("delete resource"),
  },
  {
    task: { type: "rotate_credentials", input: { resourceId: user } },
    off: disabled,
    on: ["unimplemented", "resource type does not have credential manager configured"],
  },
  { task: { type: "rotate_credentials", input: { resourceId: undefined } }, off: malformed("rotate credentials") },
  {
    task: { type: "issue_credential", input: { malformed: false } },
    off: disabled,
    on: ["unimplemented", "resource type does not have credential issuer configured"],
  },
  { task: { type: "issue_credential", input: { malformed: true } }, off: malformed("issue credential") },
  { task: { type: "create_ticket_task", input: ticket }, off: noTickets },
  { task: { type: "create_ticket_task", input: badTicket }, off: malformed("create ticket") },
  { task: { type: "get_ticket", input: ticket }, off: noTickets },
  { task: { type: "get_ticket", input: badTicket }, off: malformed("get ticket") },
  { task: { type: "bulk_create_tickets", input: ticket }, off: noTickets },
  { task: { type: "bulk_create_tickets", input: badTicket }, off: malformed("bulk create tickets") },
  { task: { type: "bulk_get_tickets", input: ticket }, off: noTickets },
  { task: { type: "bulk_get_tickets", input: badTicket }, off: malformed("bulk get tickets") },
  { task: { type: "list_ticket_schemas", input: ticket }, off: noTickets },
  { task: { type: "action_list_schemas", input: {} }, off: "success" },
  { task: { type: "action_get_schema", input: { name: "lock" } }, off: ["not_found", "action lock not found"] },
  { task: { type: "action_get_schema", input: { name: "" } }, off: nameRequired },
  {
    task: { type: "action_invoke", input: { name: "lock", resourceTypeId: "" } },
    off: ["not_found", "handler for action lock not found"],
  },
  {
    task: { type: "action_invoke", input: { name: "lock", resourceTypeId: "user" } },
    off: ["not_found", "no actions found for resource type user"],
  },
  { task: { type: "action_invoke", input: { name: "", resourceTypeId: "user" } }, off: nameRequired },
  { task: { type: "action_status", input: { id: "42" } }, off: ["not_found", "action id 42 not found"] },
  { task: { type: "action_status", input: { id: "" } }, off: ["invalid_argument", "action id required"] },
  { task: { type: "list_event_feeds", input: {} }, off: "success" },
  {
    task: { type: "list_events", input: { eventFeedId: "logins" } },
    off: ["not_found", "error: event feed id logins not found"],
  },
  {
    task: { type: "list_events", input: { eventFeedId: "" } },
    off: ["not_found", "error: event feed id baton_feed_event not found"],
  },
  ...["event_feed", "create_sync_diff", "compact_syncs", "unset", "124"].map(
    (name): Row => ({
      task: { type: "unsupported", input: { name } },
      off: ["unimplemented", "unsupported task type"],
    }),
  ),
];

/** Every type that this table must have a row for; the compiler asks for new ones. */
const refused: Readonly<Record<Exclude<TaskType, "hello" | "sync_full">, true>> = {
  grant: true,
  revoke: true,
  create_account: true,
  create_resource: true,
  delete_resource: true,
  rotate_credentials: true,
  issue_credential: true,
  create_ticket_task: true,
  get_ticket: true,
  bulk_create_tickets: true,
  bulk_get_tickets: true,
  list_ticket_schemas: true,
  action_list_schemas: true,
  action_get_schema: true,
  action_invoke: true,
  action_status: true,
  list_event_feeds: true,
  list_events: true,
  unsupported: true,
};

suite("answers to tasks that this connector has no use for", () => {
  test("every type has a row", () => {
    const types: ReadonlySet<string> = new Set(rows.map(({ task }) => task.type));
    assert.deepEqual(
      Object.keys(refused).filter((type) => !types.has(type)),
      [],
    );
  });

  for (const provisioning of [false, true]) {
    for (const { task, off, on } of rows) {
      const row = task.type === "unsupported" ? "T1" : "T2";
      test(`${row} ${task.type} ${JSON.stringify(task.input)}, provisioning ${provisioning ? "on" : "off"}`, async () => {
        await using running = startWorker({ provisioning });
        const { outcome } = await running.c1.report(running.c1.enqueue(task));
        const expected = provisioning ? (on ?? off) : off;
        if (expected === "success") {
          assert.deepEqual(outcome, { ok: true });
          return;
        }
        assert.ok(!outcome.ok);
        const { code, message, retryable } = outcome.error;
        assert.deepEqual([code, message, retryable], [...expected, false]);
      });
    }
  }

  test("a name from C1 cannot break the line or flood it", async () => {
    await using running = startWorker();
    const name = `a\r\nb\u2028${"x".repeat(5_000)}`;
    const { outcome } = await running.c1.report(running.c1.enqueue({ type: "action_get_schema", input: { name } }));
    assert.ok(!outcome.ok);
    assert.match(outcome.error.message, /^action a b x{196}… not found$/);
  });
});
