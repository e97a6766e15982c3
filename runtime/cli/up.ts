import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { systemClock } from "../clock.ts";
import type { Overrides } from "../config.ts";
import { readScenario, type Step } from "../data/scenario.ts";
import { createLog } from "../log.ts";
import { type Place, start } from "../main.ts";
import { play } from "../player.ts";
import type { PlayConfig } from "../site.ts";
import { Teller } from "../teller.ts";
import { dataFolder, planReader, readSite, type Shell } from "./shell.ts";

interface Options {
  readonly port?: number;
  readonly host?: string;
  readonly data?: string;
  readonly place?: string;
  readonly play?: string | false;
  readonly speed?: number;
  readonly nats?: string;
  readonly logLevel?: string;
}

/** `aisle up`: runs a site until it is told to stop. */
export function upCommand(shell: Shell): Command {
  return new Command("up")
    .description("Run a site: take events in, decide, offer")
    .argument("[site]", "folder of the site; default: this one, or the one that ships")
    .option("--port <n>", "port of the HTTP faces; 0 takes any free one", port)
    .option("--host <name>", "address to listen on; other than loopback needs AISLE_TOKEN or 'auth: none'")
    .option("--data <folder>", "where the journal is kept")
    .option("--place <name>", "name of this installation; default: AISLE_PLACE, or the name of the host")
    .option("--nats <url>", "bus over this NATS server; default: AISLE_NATS_URL, or within the process")
    .option("--log-level <level>", "debug, info, warn or error")
    .option("--play <file>", "play recorded paths from a file, instead of the site's own")
    .option("--speed <n>", "seconds of the store in a second of the clock", speed)
    .option("--no-play", "play nothing")
    .action((site: string | undefined, options: Options) => up(shell, site, options));
}

async function up(shell: Shell, named: string | undefined, options: Options): Promise<void> {
  const began = systemClock.monotonic();
  const run = new Run(shell);
  const overrides = overridesOf(options);
  const opened = readSite(shell, named, overrides);
  const { site } = opened;
  const log = await createLog(site.log, shell.terminal);
  const dataDir = dataFolder(shell, options.data, site.name);
  let teller: Teller | null = null;
  const place = await start({
    ...opened,
    dataDir,
    log,
    version: shell.version,
    env: shell.env,
    rereadPlan: planReader(shell, site, named, overrides),
    teller: {
      applied: (entry, applied, now) => teller?.applied(entry, applied, now),
      decided: (decision, now) => teller?.decided(decision, now),
    },
  });
  run.place = place;
  teller = new Teller({ write: shell.write, colour: shell.colour, publish: place.loaded.publish });
  const ms = Math.round(systemClock.monotonic() - began);
  shell.write(`Aisle ${shell.version}: site '${site.name}', place '${site.place}', ready in ${ms} ms`);
  shell.write(`  open  ${place.url}`);
  shell.write(`  data  ${dataDir}`);
  if (site.play !== null) await tellPlay(shell, run, place, site.play, teller);
}

/** What is under way, for a signal to end: the first stops in order, a second at once. */
class Run {
  place: Place | null = null;
  stopping = false;

  constructor(shell: Shell) {
    shell.onSignal((signal) => {
      // Before it is ready a place has accepted nothing.
      if (this.stopping || this.place === null) shell.exit(this.stopping ? 1 : 0);
      this.stopping = true;
      shell.write(`${signal}: finishing what was accepted …`);
      this.place!.stop().then(
        () => shell.exit(0),
        (error: Error) => {
          shell.warn(error.message);
          shell.exit(1);
        },
      );
    });
  }
}

async function tellPlay(shell: Shell, run: Run, place: Place, config: PlayConfig, teller: Teller): Promise<void> {
  const steps = stepsOf(config, systemClock.now());
  const names = config.files.map((file) => basename(file)).join(", ");
  shell.write(`  plays ${names} at ${config.speed} times the speed of the store; Ctrl-C ends\n`);
  const send = (type: string, body: Uint8Array) =>
    place.ingest.accept({ principal: "player", subject: `play/${type}`, type, headers: {}, body });
  try {
    const sent = await play({ steps, speed: config.speed, clock: systemClock, send, stopped: () => run.stopping });
    await place.runner.idle();
    if (run.stopping) return;
    shell.write(
      `\nPlayed: ${sent} events, ${teller.decisions} decisions, ${teller.offers} offers. Still here: ${place.url}`,
    );
  } catch (error) {
    if (!run.stopping) shell.warn(`the recorded paths could not be played: ${(error as Error).message}`);
  }
}

/**
 * The steps of all files, in order of time. They end now and a bit: an event is never ahead of the clock, at any speed.
 *
 * @param now  ms since epoch
 */
export function stepsOf({ files, paceMs, seed, speed }: PlayConfig, now: number): Step[] {
  const read = (startAt: number) =>
    files.flatMap((file) => readScenario(readFileSync(file, "utf8"), basename(file), { paceMs, seed, startAt }));
  const steps = read(0).sort((a, b) => a.at - b.at);
  const span = steps.at(-1)?.at ?? 0;
  const startAt = Math.trunc(now - Math.max(0, span - span / speed));
  return steps.map((step) => ({ ...step, at: step.at + startAt }));
}

function overridesOf({ port, host, place, play, speed, nats, logLevel }: Options): Overrides {
  return {
    ...(nats === undefined ? {} : { nats }),
    ...(logLevel === undefined ? {} : { logLevel }),
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(place === undefined ? {} : { place }),
    ...(speed === undefined ? {} : { speed }),
    ...(play === undefined ? {} : { play: play === false ? null : [resolve(play)] }),
  };
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535)
    throw new InvalidArgumentError("Expected a whole number from 0 to 65535.");
  return value;
}

function speed(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("Expected a number above 0, such as 1 or 20.");
  return value;
}
