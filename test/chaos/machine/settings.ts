import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnConnector } from "../../helpers/daemon.ts";
import { type MountedSecret, mountSecret } from "../../helpers/mounted-secret.ts";
import { processEnv } from "../../integration/scene.ts";
import type { ChaosStage, ProgramUnderTest } from "../program.ts";
import { batonCursor, environment, watched } from "../run/baton-cursor.ts";
import { openLane } from "../run/lane.ts";
import { tracedEnv } from "../sweeps/calls.ts";
import { createWallClock } from "./clock.ts";
import { mountSmallDisk } from "./disk.ts";
import type { Bench, MachineFault, SettingName } from "./fault.ts";

type Machine = Omit<Bench, "lane" | typeof Symbol.asyncDispose>;

/** Builds a stage and its surroundings; no process runs yet. */
export async function openBench({ lane: name, setting }: Pick<MachineFault, "lane" | "setting">): Promise<Bench> {
  await using stack = new AsyncDisposableStack();
  const { program, ...machine } = await settings[setting](stack);
  const lane = stack.use(await openLane(name, program));
  const kept = stack.move();
  return { lane, ...machine, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const settings: Readonly<
  Record<SettingName, (stack: AsyncDisposableStack) => Promise<Machine & { readonly program: ProgramUnderTest }>>
> = {
  plain: async () => ({ program: batonCursor }),
  traced: async () => ({ program: startedWith(tracedEnv) }),
  async "kept-directory"(stack) {
    const place = await mkdtemp(join(tmpdir(), "kept-directory-"));
    stack.defer(() => rm(place, { recursive: true, force: true }));
    return { program: startedIn(join(place, "scratch")) };
  },
  async "small-disk"(stack) {
    const disk = stack.use(await mountSmallDisk());
    return { program: startedWith({ BATON_TMPDIR: disk.path }), disk };
  },
  async "movable-clock"(stack) {
    const clock = stack.use(createWallClock());
    return { program: startedWith(clock.env), clock };
  },
  async secret(stack) {
    const secret = stack.use(await mountSecret({ placeholder: "" }));
    return { program: startedFromSecret(secret), secret };
  },
};

function startedWith(more: Readonly<Record<string, string>>): ProgramUnderTest {
  return { ...batonCursor, start: (stage, env) => batonCursor.start(stage, { ...env, ...more }) };
}

/** Each process finds what the one before it has left, as on a volume. */
function startedIn(directory: string): ProgramUnderTest {
  const away = `${directory}.away`;
  return {
    ...batonCursor,
    async start(stage, env) {
      await mkdir(directory, { recursive: true });
      const process = await batonCursor.start(stage, { ...env, BATON_TMPDIR: directory });
      return {
        ...process,
        // Which takes the directory away.
        async [Symbol.asyncDispose]() {
          await rename(directory, away);
          await process[Symbol.asyncDispose]();
          await rename(away, directory);
        },
      };
    },
  };
}

/** The five credentials, as the files of a Secret are called. */
export function secretOf({ c1, cursor, scim }: ChaosStage): Readonly<Record<string, string>> {
  return {
    BATON_CLIENT_ID: c1.clientId,
    BATON_CLIENT_SECRET: c1.clientSecret,
    BATON_CURSOR_API_KEY: cursor.apiKey,
    BATON_CURSOR_SCIM_ENDPOINT: scim.endpoint,
    BATON_CURSOR_SCIM_TOKEN: scim.token,
  };
}

/** The credentials come from the Secret alone. */
function startedFromSecret(secret: MountedSecret): ProgramUnderTest {
  return {
    ...batonCursor,
    async start(stage, more) {
      const keys = secretOf(stage);
      await secret.write(keys);
      const env = { ...processEnv(stage, environment(stage, more)), BATON_SECRETS_DIR: secret.directory };
      return watched(
        await spawnConnector([], Object.fromEntries(Object.entries(env).filter(([name]) => !(name in keys)))),
      );
    },
  };
}
