import { randomBytes } from "node:crypto";
import { scim } from "@better-auth/scim";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { run } from "../program.mjs";

await run((origin, token) => {
  const plugin = scim({ connections: [{ id: "tests", credentials: [{ type: "bearer", id: "tests", token }] }] });
  const tableNames = ["user", "session", "account", "verification", ...Object.keys(plugin.schema)];
  // The adapter wants a plain object with an array for every table: its transactions clone it.
  const tables = Object.fromEntries(tableNames.map((name) => [name, []]));
  const auth = betterAuth({
    baseURL: origin,
    secret: randomBytes(32).toString("base64"),
    database: memoryAdapter(tables),
    plugins: [plugin],
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
  const basePath = "/api/auth/scim/v2";

  const create = async (resource) => {
    const response = await auth.handler(
      new Request(`${origin}${basePath}/Users`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
        body: JSON.stringify(resource),
      }),
    );
    if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  };
  return {
    basePath,
    listener: toNodeHandler(auth),
    users: () =>
      tables.scimUser.map(({ id, userName, active, serializedEmails }) => ({
        id,
        userName,
        active,
        emails: JSON.parse(serializedEmails).map(({ value }) => value),
      })),
    async seed(resources) {
      // Every write clones the whole store, so each user is created in a store without the others, which then come back.
      const perUser = ["user", "scimSubject", "scimUser"];
      const taken = new Set(tables.scimUser.map(({ userName }) => userName.toLowerCase()));
      const others = Object.fromEntries(perUser.map((name) => [name, tables[name].splice(0)]));
      try {
        for (const resource of resources) {
          const key = resource.userName.toLowerCase();
          if (taken.has(key)) throw new Error(`userName ${resource.userName} is taken`);
          taken.add(key);
          await create(resource);
          for (const name of perUser) others[name].push(...tables[name].splice(0));
        }
      } finally {
        for (const name of perUser) tables[name].push(...others[name], ...tables[name].splice(0));
      }
    },
    reset() {
      for (const name of tableNames) tables[name].length = 0;
    },
  };
});
