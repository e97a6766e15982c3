import { nkeys } from "nats";

// Who may connect to a server with decentralised accounts, as `nsc` would write it.

export interface Credentials {
  /** Lines of the server's configuration. */
  readonly config: string;
  /** The text of a `.creds` file. */
  readonly creds: string;
}

type Keys = ReturnType<typeof nkeys.createUser>;

export function newCredentials(): Credentials {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()];
  const all = { subs: -1, data: -1, payload: -1 };
  const limits = { ...all, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
  const operatorJwt = signed(operator, operator, { type: "operator" });
  const accountJwt = signed(account, operator, { type: "account", limits, default_permissions: { pub: {}, sub: {} } });
  const userJwt = signed(user, account, { type: "user", pub: {}, sub: {}, ...all });
  const seed = Buffer.from(user.getSeed()).toString();
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
    creds: `${block("NATS USER JWT", userJwt)}\n${block("USER NKEY SEED", seed)}`,
  };
}

export function newSeed(): { readonly publicKey: string; readonly seed: string } {
  const user = nkeys.createUser();
  return { publicKey: user.getPublicKey(), seed: Buffer.from(user.getSeed()).toString() };
}

function signed(subject: Keys, issuer: Keys, nats: object): string {
  const claims = { jti: subject.getPublicKey(), iat: 1, iss: issuer.getPublicKey(), sub: subject.getPublicKey() };
  const text = [
    { typ: "JWT", alg: "ed25519-nkey" },
    { ...claims, name: "box", nats: { ...nats, version: 2 } },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}

function block(name: string, text: string): string {
  return `-----BEGIN ${name}-----\n${text}\n------END ${name}------\n`;
}
