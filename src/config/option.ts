import type { ValueType } from "./value-type.ts";

/** Facts about the machine that some defaults depend on. */
export interface Facts {
  /** The operating system's host name; may be empty. */
  readonly hostname: string;
  /** `BATON_TMPDIR` where set, else the operating system's temporary directory. */
  readonly tempDir: string;
  /** Name of the pod; empty outside Kubernetes. */
  readonly podName: string;
}

export const groups = [
  "Connection to C1",
  "Cursor",
  "What is synced",
  "Accounts",
  "Logging",
  "Health and metrics",
  "Kubernetes",
  "Process",
] as const;
export type Group = (typeof groups)[number];

/** One row of the option table: the whole declaration of an option. */
export interface OptionRow<T = unknown> {
  /** `works`; `ignored`: accepted without effect, with a warning; `refused`: ends the start with exit code 12. */
  readonly standing: "works" | "ignored" | "refused";
  /** Why it is ignored or refused; empty for what works. */
  readonly reason: string;
  /** Long flag without its dashes, and key in the YAML file; `undefined` where only the environment sets it. */
  readonly flag: string | undefined;
  readonly env: string;
  /** One-letter flag. */
  readonly short: string | undefined;
  readonly group: Group;
  /** One sentence without a full stop. */
  readonly help: string;
  readonly type: ValueType<T>;
  /** The value when nothing sets it; absent for required options. */
  readonly byDefault?: (facts: Facts) => T;
  /** The default for people; empty when there is none. */
  readonly defaultText: string;
  readonly required: boolean;
  /** The value never appears in any output, and may come from a file of the secrets directory. */
  readonly secret: boolean;
  /** Left out of `--help`; docs/configuration.md lists it all the same. */
  readonly hidden: boolean;
  /** Means something to a one-shot run only; in service mode it is ignored. */
  readonly oneShot: boolean;
  /** Who sees it in the schema that `config` prints: C1's form (`gui`), its operators (`ops`), or nobody. */
  readonly exported: "gui" | "ops" | undefined;
  readonly displayName: string;
  readonly placeholder: string;
  /** First version that knows it. */
  readonly since: string;
}

/** What one writes in the table; the rest follows. */
export interface RowInput<T> {
  readonly group: Group;
  readonly help: string;
  readonly type: ValueType<T>;
  readonly short?: string;
  readonly secret?: boolean;
  readonly hidden?: boolean;
  readonly oneShot?: boolean;
  readonly exported?: "gui" | "ops";
  readonly displayName?: string;
  readonly placeholder?: string;
  readonly since?: string;
}
type Named = { readonly flag: string } | { readonly env: string };

/** `--foo-bar` is `BATON_FOO_BAR` in the environment. */
export function envName(flag: string): string {
  return `BATON_${flag.replaceAll("-", "_").toUpperCase()}`;
}

function row<T>(input: RowInput<T> & Named) {
  const flag = "flag" in input ? input.flag : undefined;
  return {
    standing: "works",
    reason: "",
    flag,
    env: "env" in input ? input.env : envName(input.flag),
    short: input.short,
    group: input.group,
    help: input.help,
    type: input.type,
    defaultText: "",
    required: false,
    secret: input.secret ?? false,
    hidden: input.hidden ?? false,
    oneShot: input.oneShot ?? false,
    exported: input.exported,
    displayName: input.displayName ?? "",
    placeholder: input.placeholder ?? "",
    since: input.since ?? "0.1.0",
  } as const;
}

/** An option with a default of its own. */
export function option<T>(input: RowInput<T> & Named & { readonly byDefault: NoInfer<T> }): OptionRow<T> {
  const { byDefault } = input;
  return { ...row(input), byDefault: () => byDefault, defaultText: input.type.format(byDefault) };
}

/** An option whose default depends on the machine; `defaultText` says how. */
export function machineOption<T>(
  input: RowInput<T> & Named & { readonly byDefault: (facts: Facts) => T; readonly defaultText: string },
): OptionRow<T> {
  return { ...row(input), byDefault: input.byDefault, defaultText: input.defaultText };
}

/** An option that may be left out; its value is then `undefined`. */
export function optional<T>(input: RowInput<T> & Named & { readonly defaultText?: string }): OptionRow<T | undefined> {
  return { ...row<T | undefined>(input), byDefault: () => undefined, defaultText: input.defaultText ?? "" };
}

/** A credential without which nothing works; a service with a secrets directory waits for it, and has `undefined` till then. */
export function requiredCredential<T>(input: RowInput<T> & Named): OptionRow<T | undefined> {
  return { ...row<T | undefined>(input), required: true };
}

/** An option that other connectors of the family know, and this one does not act on. */
export function inert(
  standing: "ignored" | "refused",
  input: Partial<RowInput<unknown>> & Named & { readonly reason: string; readonly defaultText?: string },
  fallback: { readonly type: ValueType<unknown>; readonly group: Group },
): OptionRow {
  const base = row({ help: "", ...fallback, hidden: true, ...input });
  return { ...base, standing, reason: input.reason, defaultText: input.defaultText ?? "" };
}

/** A table of options by the name of their value in `Config`. */
export type OptionTable = Readonly<Record<string, OptionRow>>;

/** The values that a table's rows produce, by their names. */
export type InferConfig<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends OptionRow<infer V> ? V : never;
};

/** Both spellings of an option, as messages name it. */
export function fieldName(option: Pick<OptionRow, "flag" | "env">): string {
  return option.flag === undefined ? option.env : `--${option.flag} (${option.env})`;
}
