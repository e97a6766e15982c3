// A command in the test's process: what it prints, and the code that it ends with.
import { tmpdir } from "node:os";
import { Writable } from "node:stream";
import { type Command, CommanderError } from "commander";
import type { Shell } from "../../runtime/cli/shell.ts";
import { AisleError } from "../../runtime/errors.ts";
import { STORE } from "./place.ts";

class Exit {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

export interface Said {
  readonly code: number;
  /** Lines. */
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs a command as `cli.ts` would: with no environment and nobody looking. */
export async function runCommand(
  make: (shell: Shell) => Command,
  args: readonly string[],
  changes: Partial<Shell> = {},
): Promise<Said> {
  const out: string[] = [];
  const err: string[] = [];
  const shell: Shell = {
    env: {},
    home: tmpdir(),
    hostname: "test",
    version: "test",
    shippedSite: STORE,
    terminal: false,
    colour: false,
    write: (line) => void out.push(...line.split("\n")),
    warn: (line) => void err.push(...line.split("\n")),
    stdout: new Writable({
      write(chunk: Buffer, _, done) {
        out.push(...chunk.toString().trimEnd().split("\n"));
        done();
      },
    }),
    stdin: () => null,
    overwrite: null,
    onSignal: () => {},
    exit: (code) => {
      throw new Exit(code);
    },
    ...changes,
  };
  const command = make(shell)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void out.push(...text.trimEnd().split("\n")),
      writeErr: (text) => void err.push(text.trimEnd()),
    });
  try {
    await command.parseAsync(args, { from: "user" });
    return { code: 0, out, err };
  } catch (thrown) {
    if (thrown instanceof Exit) return { code: thrown.code, out, err };
    if (thrown instanceof CommanderError) return { code: thrown.exitCode === 0 ? 0 : 2, out, err };
    if (!(thrown instanceof AisleError)) throw thrown;
    return { code: 1, out, err: [...err, ...thrown.message.split("\n")] };
  }
}
