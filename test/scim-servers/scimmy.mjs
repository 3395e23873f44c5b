import { run } from "./program.mjs";

/**
 * scimmy's protocol engine over a store of ours: uniqueness and "not found" are decided here, everything else by scimmy.
 * The packages are handed in, because each Express version has a folder of its own.
 */
export const runScimmy = ({ SCIMMY, SCIMMYRouters, express }) =>
  run((_origin, token) => {
    const users = new Map();
    let lastId = 0;

    const write = (id, data) => {
      if (id !== undefined && !users.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
      const key = data.userName.toLowerCase();
      for (const other of users.values()) {
        if (other.id !== id && other.userName.toLowerCase() === key)
          throw new SCIMMY.Types.Error(409, "uniqueness", `userName ${data.userName} is taken`);
      }
      const now = new Date().toISOString();
      const known = users.get(id);
      const user = {
        ...JSON.parse(JSON.stringify(data)),
        id: id ?? String(++lastId),
        meta: { resourceType: "User", created: known?.meta.created ?? now, lastModified: now },
      };
      users.set(user.id, user);
      return user;
    };
    const read = (id) => {
      const user = users.get(id);
      if (user === undefined) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
      return user;
    };

    SCIMMY.Resources.declare(SCIMMY.Resources.User)
      .ingress((resource, data) => write(resource.id, data))
      .egress((resource) => {
        if (resource.id !== undefined) return read(resource.id);
        const all = [...users.values()];
        return resource.filter === undefined ? all : resource.filter.match(all);
      })
      .degress((resource) => {
        users.delete(read(resource.id).id);
      });

    const handler = (request) => {
      if (request.headers.authorization !== `Bearer ${token}`) throw new Error("the token is wrong");
    };
    return {
      basePath: "/scim/v2",
      listener: express().use("/scim/v2", new SCIMMYRouters({ type: "bearer", handler })),
      users: () =>
        [...users.values()].map(({ id, userName, active, emails }) => ({
          id,
          userName,
          active: active !== false,
          emails: (emails ?? []).map(({ value }) => value),
        })),
      seed(resources) {
        for (const resource of resources) write(undefined, new SCIMMY.Schemas.User(resource, "in"));
      },
      reset() {
        users.clear();
        lastId = 0;
      },
    };
  });
