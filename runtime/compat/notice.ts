import type { CompatConfig } from "./config.ts";
import type { Keys } from "./guards.ts";
import type { Outcome } from "./outcome.ts";

/** What the original mails when an agent could not do its work. Somebody else delivers it. */
export interface CompatNotice {
  /** As configured; null: nobody is. */
  readonly from: string | null;
  readonly to: string | null;
  /** Host, name and text of each key cell, goal. */
  readonly subject: string;
  /** What the agent and its body have printed. */
  readonly body: string;
  readonly host: string;
  readonly page: string;
  readonly keys: Keys;
  readonly goal: string;
  readonly outcome: Outcome;
}

export interface Noticed extends Pick<CompatNotice, "host" | "page" | "keys" | "goal" | "outcome"> {
  readonly config: CompatConfig;
  readonly printed: string;
}

export function noticeOf({ config, printed, ...about }: Noticed): CompatNotice {
  const { host, keys, goal } = about;
  return {
    ...about,
    from: config.replyEmail,
    to: config.sendTo,
    subject: [host, namesOf(config, keys), goal].join(" "),
    body: printed,
  };
}

/** "lab lab1 sample a": the cells of a key with their names, in rank order. */
export function namesOf({ keys: rules }: CompatConfig, keys: Keys): string {
  return rules
    .filter(({ name }) => keys[name] !== undefined)
    .map(({ name }) => `${name} ${keys[name]}`)
    .join(" ");
}
