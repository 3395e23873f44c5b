/**
 * Lays out what the image holds besides its base, below the directory given: the bundle, the licences of all that is inside
 * it, and `/baton-cursor` for exec probes. Times and modes are fixed, so that the same sources make the same layer.
 */
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readLock } from "./locked-packages.ts";

const root = new URL("../", import.meta.url).pathname;
const seconds = Number(process.env["SOURCE_DATE_EPOCH"] || 0);

/** Node starts this for `/baton-cursor health-check`: the image has no shell that could. */
const command = '#!/nodejs/bin/node\nimport("/app/main.mjs");\n';

function licenceTexts(): string {
  const rule = "=".repeat(80);
  return readLock(root)
    .packages.map(({ folder, name, version, license }) => {
      const texts = globSync("{LICEN[SC]E,licen[sc]e,NOTICE}*", { cwd: root + folder })
        .sort()
        .map((file) => readFileSync(join(root, folder, file), "utf8").trim());
      return `${rule}\n${name} ${version} (${license})\n${rule}\n\n${texts.join("\n\n")}\n`;
    })
    .join("\n");
}

function layOut(target: string): void {
  mkdirSync(`${target}/app`, { recursive: true });
  for (const file of globSync("*.mjs", { cwd: `${root}dist` }))
    copyFileSync(`${root}dist/${file}`, `${target}/app/${file}`);
  copyFileSync(`${root}LICENSE`, `${target}/app/LICENSE`);
  writeFileSync(`${target}/app/THIRD-PARTY-LICENSES`, licenceTexts());
  writeFileSync(`${target}/baton-cursor`, command);
  const files = globSync("{app/*,baton-cursor}", { cwd: target });
  for (const file of files) chmodSync(`${target}/${file}`, file === "baton-cursor" ? 0o555 : 0o444);
  chmodSync(`${target}/app`, 0o555);
  // Files first: writing into a directory changes the directory's own time.
  for (const path of [...files, "app", "."]) utimesSync(`${target}/${path}`, seconds, seconds);
}

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error("usage: node scripts/image-files.ts DIRECTORY");
layOut(target);
