import { resolve } from "node:path";
import { nkeys } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { NatsBus, type NatsOptions } from "../../../runtime/bus/nats.ts";
import { text } from "../../contracts/bus.ts";
import { makeOperator } from "../../support/nats-jwt.ts";
import { describeWithNats, type NatsServer, startNatsServer } from "../../support/nats-server.ts";
import { untilSo } from "../../support/streaming.ts";

/** Made by `sh test/fixtures/tls/make.sh`, good for a hundred years. */
const FILES = resolve("test/fixtures/tls");
const pem = (name: string) => resolve(FILES, `${name}.pem`);

describeWithNats("a NATS server that wants to know who comes", () => {
  const buses: NatsBus[] = [];

  afterEach(async () => {
    await Promise.all(buses.splice(0).map((bus) => bus.drain()));
  });

  const open = (options: NatsOptions): NatsBus => {
    const bus = new NatsBus({ onError: () => {}, ...options });
    buses.push(bus);
    return bus;
  };

  /** Why a connection does not come about. */
  const refusal = async (options: NatsOptions): Promise<string> => {
    const bus = open(options);
    await untilSo(() => bus.lastError !== null);
    expect(bus.state).toBe("away");
    return bus.trouble!;
  };

  const echo = async (bus: NatsBus): Promise<string> => {
    await bus.whenHere();
    bus.subscribe("a", (message) => message.respond(message.payload.slice()));
    return text((await bus.request("a", new TextEncoder().encode("safe"))).payload);
  };

  describe("by TLS", () => {
    let server: NatsServer;
    let mutual: NatsServer;
    const addressOf = ({ port }: NatsServer) => `tls://localhost:${port}`;

    beforeAll(async () => {
      const own = `cert_file: "${pem("server")}", key_file: "${pem("server-key")}"`;
      server = await startNatsServer({ config: `tls: { ${own} }` });
      mutual = await startNatsServer({ config: `tls: { ${own}, ca_file: "${pem("ca")}", verify: true }` });
    });

    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await mutual[Symbol.asyncDispose]();
    });

    it("is known by the authority that signed it", async () => {
      const bus = open({ servers: addressOf(server), tls: { caFile: pem("ca") } });

      expect(await echo(bus)).toBe("safe");
    });

    it("is not known by another authority, and that is said", async () => {
      const trouble = await refusal({ servers: addressOf(server), tls: { caFile: pem("other-ca") } });

      expect(trouble).toBe(
        "NATS can't be reached: nobody known vouches for the certificate of the NATS server: is 'bus.tls.ca' the authority that signed it?",
      );
    });

    it("is not taken for another one, and that is said", async () => {
      await using other = await startNatsServer({
        config: `tls: { cert_file: "${pem("box")}", key_file: "${pem("box-key")}" }`,
      });

      expect(await refusal({ servers: addressOf(other), tls: { caFile: pem("ca") } })).toContain("is for another name");
    });

    it("takes a certificate of ours, and says when it wants one", async () => {
      const tls = { caFile: pem("ca"), certFile: pem("box"), keyFile: pem("box-key") };
      const bus = open({ servers: addressOf(mutual), tls });

      expect(await echo(bus)).toBe("safe");
      expect(await refusal({ servers: addressOf(mutual), tls: { caFile: pem("ca") } })).toContain(
        "demands a certificate of ours",
      );
    });

    it("says which file of ours can't be read", async () => {
      const trouble = await refusal({ servers: addressOf(server), tls: { caFile: pem("nowhere") } });

      expect(trouble).toContain("nowhere.pem");
    });
  });

  describe("by credentials", () => {
    const refused = /refuses our credentials/;

    it("takes user and password", async () => {
      await using server = await startNatsServer({ config: "authorization: { user: box, password: right }" });

      expect(await echo(open({ servers: server.url, user: "box", password: "right" }))).toBe("safe");
      expect(await refusal({ servers: server.url, user: "box", password: "wrong" })).toMatch(refused);
    });

    it("takes an NKey seed", async () => {
      const [pair, stranger] = [nkeys.createUser(), nkeys.createUser()];
      const seedOf = (of: typeof pair) => Buffer.from(of.getSeed()).toString();
      const config = `authorization: { users: [{ nkey: ${pair.getPublicKey()} }] }`;
      await using server = await startNatsServer({ config });

      expect(await echo(open({ servers: server.url, seed: seedOf(pair) }))).toBe("safe");
      expect(await refusal({ servers: server.url, seed: seedOf(stranger) })).toMatch(refused);
    });

    it("takes a credentials file", async () => {
      const { config, known, stranger } = makeOperator();
      await using server = await startNatsServer({ config });

      expect(await echo(open({ servers: server.url, credentials: known }))).toBe("safe");
      expect(await refusal({ servers: server.url, credentials: stranger })).toMatch(refused);
      expect(await refusal({ servers: server.url, credentials: "no file at all" })).toContain(
        "no NATS credentials file",
      );
    });
  });
});
