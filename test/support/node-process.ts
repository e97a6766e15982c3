// Nodes of a site as processes of their own, as a user starts them: `aisle run <site> --watch` of the built command line.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { type Method, ownerOf, type Sent } from "../../runtime/cli/client.ts";
import { AisleError } from "../../runtime/errors.ts";
import { CLI } from "./cli.ts";

export interface NodeProcessOptions {
  /** Folder of the site, or its plan's file. */
  readonly site: string;
  readonly name: string;
  readonly dataDir: string;
  readonly natsUrl: string;
}

/** Of what a process printed, that is kept for when something goes wrong: UTF-16, the end of it. */
const OUTPUT = 64 * 1024;

export class NodeProcess {
  readonly name: string;
  readonly dataDir: string;
  readonly #options: NodeProcessOptions;
  #child: ChildProcess | null = null;
  /** The process that was told to end last. */
  #told: ChildProcess | null = null;
  #ended: Promise<number | null> = Promise.resolve(null);
  #output = "";
  /** How processes ended that nobody had told to end. */
  readonly crashes: string[] = [];

  constructor(options: NodeProcessOptions) {
    if (!existsSync(CLI)) throw new Error("dist is not built: run 'npm run build'");
    this.#options = options;
    this.name = options.name;
    this.dataDir = options.dataDir;
  }

  /** What all its processes printed. */
  get output(): string {
    return this.#output;
  }

  /** Begins a process; when it answers, it is there. */
  start(): void {
    if (this.#child !== null) throw new Error(`node '${this.name}' is running`);
    const { site, name, dataDir, natsUrl } = this.#options;
    const args = [CLI, "run", site, "--watch", "--place", name, "--data", dataDir, "--nats", natsUrl];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH },
    });
    const keep = (text: string) => {
      this.#output = (this.#output + text).slice(-OUTPUT);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    this.#child = child;
    this.#ended = new Promise((resolve) =>
      child.once("exit", (code, signal) => {
        if (this.#told !== child) this.crashes.push(code === null ? `${signal}` : `code ${code}`);
        this.#child = null;
        resolve(code);
      }),
    );
  }

  /** Ends it with a signal; resolves to its code when it is gone, null: the signal was the end of it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#told = this.#child;
    this.#child?.kill(signal);
    return await this.#ended;
  }

  /** Stops it, and lets it go on after so many ms, as if nothing had been. What it started is not stopped. */
  async holdUp(ms: number): Promise<void> {
    this.#child?.kill("SIGSTOP");
    await new Promise((done) => setTimeout(done, ms));
    this.#child?.kill("SIGCONT");
  }

  /** Asks it over its control socket. Null: nobody answers. @throws AisleError with what it refused */
  async ask<T>(method: Method, path: string, sent?: Sent): Promise<T | null> {
    try {
      const owner = await ownerOf(this.dataDir);
      return owner === null ? null : await owner.call<T>(method, path, sent);
    } catch (error) {
      if (error instanceof AisleError && error.code === "unavailable") return null;
      throw error;
    }
  }
}
