import type { NatsOptions } from "./nats.ts";
import { translated } from "./nats-errors.ts";
import type { Servers } from "./servers.ts";

/**
 * What a client says of itself in CONNECT to a server that sent this nonce: as the package would say it, for
 * connections that are not the package's.
 *
 * @throws AisleError `unauthorized` when the credentials can't be read
 */
export type Login = (nonce?: string) => Readonly<Record<string, string>>;

export async function loginOf(servers: Servers, options: NatsOptions): Promise<Login> {
  const { user, password, token } = options.user || options.token ? options : servers;
  const { credentials, seed } = options;
  const library = credentials === undefined && seed === undefined ? null : await import("nats");
  const utf8 = new TextEncoder();
  return (nonce) => {
    try {
      return {
        ...(user === undefined ? {} : { user, pass: password ?? "" }),
        ...(token === undefined ? {} : { auth_token: token }),
        ...(credentials === undefined ? {} : library!.credsAuthenticator(utf8.encode(credentials))(nonce)),
        ...(seed === undefined ? {} : library!.nkeyAuthenticator(utf8.encode(seed))(nonce)),
      } as Record<string, string>;
    } catch (error) {
      throw translated(error, "connect");
    }
  };
}
