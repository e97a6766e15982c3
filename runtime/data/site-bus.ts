// The part of `site.yml` that says who we are on the bus, and which streams of it are consumed.
import { encodeToken } from "../bus/subject.ts";
import { limits } from "../limits.ts";
import type { BusConfig, BusTls, ConsumedStreamConfig } from "../site.ts";
import { readText } from "./files.ts";
import { flag, list, map, optionalText, says, secret, text, word } from "./schema.ts";
import type { Say } from "./site-parts.ts";

const PEM = "the path of a PEM file, within the site's folder";
/** What names a stream, a consumer or a domain on a NATS server. */
const NAME = /^[^\s.*>/\\]{1,200}$/;
const name = (what: string) => text(what).regex(NAME, says(`${what}, without spaces, dots, '*', '>' and slashes`));
const PATTERN = /^(?:[^\s.*>]+|\*)(?:\.(?:[^\s.*>]+|\*))*(?:\.>)?$|^>$/;

/** Keys of `bus`. */
export const credentialKeys = {
  credentials: secret().describe(
    "Text of a NATS credentials file: ${file:nats.creds}; AISLE_NATS_CREDENTIALS names the file",
  ),
  token: secret().describe("AISLE_NATS_TOKEN goes before it"),
  user: optionalText("the name of a user of the NATS server").describe("AISLE_NATS_USER goes before it"),
  password: secret().describe("AISLE_NATS_PASSWORD goes before it"),
  seed: secret().describe("An NKey seed; AISLE_NATS_SEED goes before it"),
  tls: map({
    ca: optionalText(PEM).describe(
      "Who vouches for the server; empty: the system's authorities. AISLE_NATS_CA goes before it",
    ),
    cert: optionalText(PEM).describe("Our certificate, where the server demands one. AISLE_NATS_CERT goes before it"),
    key: optionalText(PEM).describe("Its key. AISLE_NATS_KEY goes before it"),
  })
    .nullable()
    .default(null)
    .describe("Demands TLS, as tls:// in the address does"),
};

const consumed = map({
  stream: name("the name of a stream"),
  consumer: name("the name of a durable consumer").optional().describe("Default: <site>-<place>"),
  filter: text("a subject, with '*' and '>'")
    .regex(PATTERN, says("a subject such as 'aisle.store.*.events.>'"))
    .optional()
    .describe("Which subjects of the stream; default: all"),
  type: text("a type of events")
    .optional()
    .describe("Of events that name none; default: what the subject has behind 'events'"),
  from: word(["all", "new"])
    .default("all")
    .describe("Where the first start begins; later ones go on where the last one was"),
  domain: name("a JetStream domain").optional().describe("Of a stream on the other side of a leaf node"),
  synced: flag()
    .default(false)
    .describe("Whether its server has 'sync_interval: always' (from 2.10): it can't be asked"),
});

export const streamsKey = list(consumed, "streams")
  .max(limits.consumedStreams, says(`at most ${limits.consumedStreams} streams`))
  .default([])
  .describe("Streams of JetStream whose messages are taken in as events, each once");

/** What the schema made of `bus`. */
export interface WrittenBus extends Pick<BusConfig, "credentials" | "token" | "user" | "password" | "seed"> {
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null } | null;
  readonly streams: readonly (Pick<ConsumedStreamConfig, "stream" | "from" | "synced"> & {
    readonly consumer?: string | undefined;
    readonly filter?: string | undefined;
    readonly type?: string | undefined;
    readonly domain?: string | undefined;
  })[];
}

export interface BusWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether there is a NATS server to be known by. */
  readonly hasServer: boolean;
  /** Of a path within the site's folder. */
  readonly path: (file: string) => string;
  readonly say: Say;
  /** Of what stands in the environment. */
  readonly sayOf: (origin: string, message: string) => void;
}

type Credentials = Pick<BusConfig, "credentials" | "token" | "user" | "password" | "seed" | "tls">;

/** Who we are on the bus; the environment goes before the file. */
export function readCredentials(written: WrittenBus, world: BusWorld): Credentials {
  const { env, say } = world;
  const credentials = {
    credentials: credentialsFile(world) ?? written.credentials,
    token: env.AISLE_NATS_TOKEN || written.token,
    user: env.AISLE_NATS_USER || written.user,
    password: env.AISLE_NATS_PASSWORD || written.password,
    seed: env.AISLE_NATS_SEED || written.seed,
  };
  const kinds = (["credentials", "token", "user", "seed"] as const).filter((kind) => credentials[kind] !== null);
  if (kinds.length > 1) say(["bus"], `says in several ways who we are (${kinds.join(", ")}): expected one`);
  if (credentials.password !== null && credentials.user === null)
    say(["bus"], "has a password and no user: expected 'user' beside 'password'");
  checkSeed(credentials.seed, world);
  checkServer(written, world);
  return { ...credentials, tls: readTls(written.tls, world) };
}

/** An NKey of a user: a prefix, 32 bytes and a checksum, in base 32. */
const SEED = /^SU[A-Z2-7]{56}$/;

function checkSeed(seed: string | null, { env, say, sayOf }: BusWorld): void {
  if (seed === null || SEED.test(seed)) return;
  // What stands there may be a secret of another kind: it is not shown.
  const message =
    "expected the NKey seed of a user: 58 capital letters and digits that begin with SU, as 'nk -gen user' makes them";
  if (env.AISLE_NATS_SEED) sayOf("AISLE_NATS_SEED", message);
  else say(["bus", "seed"], message);
}

/** Who says who it is means a server; without one the bus is in this process, and nobody would notice. */
function checkServer(written: WrittenBus, { hasServer, say }: BusWorld): void {
  if (hasServer) return;
  const keys = ["credentials", "token", "user", "seed", "tls"] as const;
  const key = keys.find((each) => written[each] !== null);
  if (key !== undefined)
    say(["bus", key], "needs 'nats' beside it, the URL of the server that it is for (or AISLE_NATS_URL)", "key");
}

function credentialsFile({ env, sayOf }: BusWorld): string | null {
  const file = env.AISLE_NATS_CREDENTIALS;
  if (file === undefined || file === "") return null;
  try {
    return readText(file, file, limits.substitutedBytes);
  } catch (error) {
    sayOf("AISLE_NATS_CREDENTIALS", (error as Error).message);
    return null;
  }
}

function readTls(written: WrittenBus["tls"], { env, path, say, sayOf }: BusWorld): BusTls | null {
  const pem = (key: "ca" | "cert" | "key", from: string, what: string): string | null => {
    const outside = env[from] || null;
    const inside = written?.[key] ?? null;
    const file = outside ?? (inside === null ? null : path(inside));
    if (file === null) return null;
    const tell = (message: string) => (outside === null ? say(["bus", "tls", key], message) : sayOf(from, message));
    try {
      const shown = outside ?? inside!;
      if (!readText(file, shown, limits.substitutedBytes).includes("-----BEGIN "))
        tell(`the file '${shown}' holds no ${what} in PEM`);
    } catch (error) {
      tell((error as Error).message);
    }
    return file;
  };
  const caFile = pem("ca", "AISLE_NATS_CA", "certificate");
  const certFile = pem("cert", "AISLE_NATS_CERT", "certificate");
  const keyFile = pem("key", "AISLE_NATS_KEY", "key");
  if ((certFile === null) !== (keyFile === null))
    say(["bus"], "has one of 'tls.cert' and 'tls.key': expected both, or neither");
  return written === null && caFile === null && certFile === null ? null : { caFile, certFile, keyFile };
}

export function readStreams(
  { streams }: WrittenBus,
  { site, place, hasServer, hasEvents }: { site: string; place: string; hasServer: boolean; hasEvents: boolean },
  say: Say,
): readonly ConsumedStreamConfig[] {
  if (streams.length > 0 && !hasServer)
    say(["bus", "streams"], "needs 'nats' beside it: streams stand on a NATS server", "key");
  if (streams.length > 0 && !hasEvents)
    say(["bus", "streams"], "needs 'events' in the file: messages are read as events", "key");
  const seen = new Set<string>();
  return streams.map(({ stream, consumer: named, filter = null, type = null, domain = null, from, synced }, index) => {
    const consumer = named ?? `${encodeToken(site)}-${encodeToken(place)}`;
    const id = `${domain ?? ""} ${stream} ${consumer}`;
    if (seen.has(id))
      say(
        ["bus", "streams", index],
        `'${stream}' is read by the consumer '${consumer}' above: give each its 'consumer'`,
      );
    seen.add(id);
    return { stream, consumer, filter, type, domain, from, synced };
  });
}
