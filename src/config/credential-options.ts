import { option, optional } from "./option.ts";
import { bool, path, text } from "./value-type.ts";

/** Where credentials come from, and what may follow them while the process runs. */
export const credentialOptions = {
  secretsDir: optional({
    flag: "secrets-dir",
    group: "Process",
    help: "Directory whose files are the five credentials, called like their variables; new versions are taken up without a restart",
    type: path,
  }),
  secretName: optional({
    env: "BATON_SECRET_NAME",
    group: "Process",
    help: "Name of the Secret that is mounted as the secrets directory, for messages",
    type: text(),
  }),
  service: option({
    env: "BATON_SERVICE",
    group: "Process",
    help: "Run as a service even while the secrets directory has no client id, and wait for it",
    type: bool,
    byDefault: false,
  }),
  allowRepoint: option({
    env: "BATON_ALLOW_REPOINT",
    group: "Process",
    help: "Take up a client id of another tenant, or a SCIM endpoint of another directory, while running",
    type: bool,
    byDefault: false,
  }),
};
