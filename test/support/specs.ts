// Spec texts, and ways to spoil them.
import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("../cases/blurr/", import.meta.url);

/** The text of a recorded case's file. */
export function caseText(path: string): string {
  return readFileSync(new URL(path, FOLDER), "utf8");
}

/** All spec texts of the recorded cases, each once. */
export function caseSpecs(): string[] {
  const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" });
  return [
    ...new Set(
      files
        .filter((file) => file.endsWith(".yml"))
        .sort()
        .map(caseText),
    ),
  ];
}

type Spoil = (text: string, random: () => number) => string;

const whole = (random: () => number, below: number) => Math.floor(random() * below);

/** Changes one line of the text, or what stands between lines. */
function lines(change: (all: string[], at: number, random: () => number) => void): Spoil {
  return (text, random) => {
    const all = text.split("\n");
    change(all, whole(random, all.length), random);
    return all.join("\n");
  };
}

/** Puts something in the place of up to `most` characters. */
function characters(most: number, instead: (taken: string, random: () => number) => string): Spoil {
  return (text, random) => {
    const at = whole(random, text.length + 1);
    const end = Math.min(text.length, at + whole(random, most + 1));
    return text.slice(0, at) + instead(text.slice(at, end), random) + text.slice(end);
  };
}

const STRAY = [
  ...":-#'\"[]{}|>&*!%@`,=.()?~\t\u0000\ud800é😀",
  "\n",
  "\r\n",
  "- ",
  ": ",
  "<<: *x",
  "&x ",
  "---\n",
  "Type: ",
];

const SPOILS: readonly Spoil[] = [
  characters(3, () => ""),
  characters(12, (taken) => taken + taken),
  characters(2, (taken) => [...taken].reverse().join("")),
  characters(1, (_, random) => STRAY[whole(random, STRAY.length)]!),
  lines((all, at) => all.splice(at, 1)),
  lines((all, at) => all.splice(at, 0, all[at]!)),
  lines((all, at, random) => all.splice(whole(random, all.length), 0, ...all.splice(at, 1))),
  lines((all, at, random) => {
    all[at] = " ".repeat(whole(random, 5)) + all[at]!.trimStart();
  }),
  lines((all, at, random) => {
    for (let line = at; line < Math.min(all.length, at + 1 + whole(random, 6)); line++) all[line] = `  ${all[line]}`;
  }),
];

/** The text with one to four things wrong. */
export function spoiled(text: string, random: () => number): string {
  let out = text;
  for (let times = 1 + whole(random, 4); times > 0; times--) out = SPOILS[whole(random, SPOILS.length)]!(out, random);
  return out;
}
