import { shownAddress } from "../address.ts";
import { AisleError } from "../errors.ts";

/** What the addresses of NATS servers say, with the secrets taken out of them. */
export interface Servers {
  /** `host:port`, IPv6 in brackets. */
  readonly hosts: readonly string[];
  /** One of them is `tls://`: then all must be. */
  readonly tls: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const PORT = 4222;

/**
 * Reads `nats://user:password@host:4222`, `tls://token@host`, `host`. Several servers are one cluster: they share
 * their credentials, and the first that has some gives them.
 *
 * @throws AisleError `invalid`, without repeating what may hold a secret
 */
export function parseServers(servers: string | readonly string[]): Servers {
  const list = typeof servers === "string" ? servers.split(",") : servers;
  const urls = list.map((server) => parseUrl(server, list));
  if (urls.length === 0) throw new AisleError("invalid", "no NATS server is named");
  const owner = urls.find(({ username }) => username !== "");
  return {
    hosts: urls.map(({ hostname, port }) => `${hostname}:${port || PORT}`),
    tls: urls.some(({ protocol }) => protocol === "tls:"),
    ...credentials(owner),
  };
}

function parseUrl(server: string, all: readonly string[]): URL {
  const text = server.trim();
  const address = text.includes("://") ? text : `nats://${text}`;
  const url = URL.canParse(address) ? new URL(address) : null;
  const isNats = url !== null && url.hostname !== "" && (url.protocol === "nats:" || url.protocol === "tls:");
  // Else what stands before a '/', '?' or '#' of a password would be taken for the host.
  if (isNats && !`${url.pathname}${url.search}${url.hash}`.includes("@")) return url;
  // With all of them: a comma may belong to a password.
  const shown = shownAddress(all.join(","));
  throw new AisleError("invalid", `'${shown}' is no NATS server: expected nats://host:${PORT}`);
}

function credentials(url: URL | undefined): { user?: string; password?: string; token?: string } {
  if (url === undefined) return {};
  const first = decoded(url.username);
  return url.password === "" ? { token: first } : { user: first, password: decoded(url.password) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AisleError("invalid", "the credentials in the address of a NATS server have a stray '%'");
  }
}
