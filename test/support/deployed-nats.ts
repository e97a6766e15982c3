// The configurations of deploy/nats/ as they ship, on free ports of the loopback and in folders of their own.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cable, layCable } from "./cable.ts";
import { freePort, type NatsServer, startNatsServer } from "./nats-server.ts";

/** Ports in the files: clients, leaf nodes, MQTT. */
const PORTS = { clients: "4222", leaves: "7422", mqtt: "1883" } as const;

/** What operators choose. */
export const PASSWORDS = {
  AISLE_HUB_PASSWORD: "hub-pass",
  AISLE_LEAF_PASSWORD: "leaf-pass",
  AISLE_DEVICE_PASSWORD: "device-pass",
  AISLE_TILL_PASSWORD: "till-pass",
  AISLE_BEACON_PASSWORD: "beacon-pass",
};

export interface DeployedNats extends AsyncDisposable {
  readonly server: NatsServer;
  readonly leafPort: number;
  readonly mqttPort: number;
  /** Of a user on it. */
  url(user: string, password: string): string;
}

/**
 * @param env  beside the passwords
 * @param change  of each file's text; default: as it ships
 */
export async function deployNats(
  file: string,
  env: Readonly<Record<string, string | undefined>> = {},
  change: (text: string) => string = (text) => text,
): Promise<DeployedNats> {
  const folder = mkdtempSync(join(tmpdir(), "aisle-deployed-"));
  const [port, leafPort, mqttPort] = [await freePort(), await freePort(), await freePort()];
  cpSync("deploy/nats", folder, { recursive: true });
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".conf")) continue;
    const path = join(folder, name);
    const text = change(readFileSync(path, "utf8"))
      .replaceAll(`127.0.0.1:${PORTS.clients}`, `127.0.0.1:${port}`)
      .replaceAll(`127.0.0.1:${PORTS.leaves}`, `127.0.0.1:${leafPort}`)
      .replaceAll(`127.0.0.1:${PORTS.mqtt}`, `127.0.0.1:${mqttPort}`);
    writeFileSync(path, text);
  }
  const all = { ...PASSWORDS, AISLE_NATS_DATA: join(folder, "data"), AISLE_PLACE: "box-7", ...env };
  const server = await startNatsServer({ port, file: join(folder, file), env: all });
  return {
    ...{ server, leafPort, mqttPort },
    url: (user, password) => `nats://${user}:${password}@127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface Chain extends AsyncDisposable {
  readonly hub: DeployedNats;
  readonly device: DeployedNats;
  /** Between the device's server and the hub's. */
  readonly cable: Cable;
  readonly deviceUrl: string;
  readonly hubUrl: string;
  readonly tillUrl: string;
}

/** A hub's server, a device's, and a cable between them. */
export async function deployChain(): Promise<Chain> {
  const hub = await deployNats("hub.conf");
  const cable = await layCable(hub.leafPort);
  const leaf = `nats-leaf://leaf:${PASSWORDS.AISLE_LEAF_PASSWORD}@127.0.0.1:${cable.port}`;
  const device = await deployNats("device.conf", { AISLE_HUB_URL: leaf });
  return {
    ...{ hub, device, cable },
    deviceUrl: device.url("aisle", PASSWORDS.AISLE_DEVICE_PASSWORD),
    hubUrl: hub.url("aisle", PASSWORDS.AISLE_HUB_PASSWORD),
    tillUrl: device.url("till", PASSWORDS.AISLE_TILL_PASSWORD),
    async [Symbol.asyncDispose]() {
      await device[Symbol.asyncDispose]();
      await cable[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}
