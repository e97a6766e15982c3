// An operator, an account and users of a NATS server that knows nobody by password, as `nsc` would make them.
import { nkeys } from "nats";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

type Pair = ReturnType<typeof nkeys.createUser>;

function jwt(issuer: Pair, subject: string, name: string, nats: Record<string, unknown>): string {
  const claims = {
    jti: name,
    iat: 1_600_000_000,
    iss: issuer.getPublicKey(),
    name,
    sub: subject,
    nats: { version: 2, ...nats },
  };
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part(claims)}`;
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString("base64url")}`;
}

/** The server's configuration, and credentials files of one whom it knows and of one whom it does not. */
export function makeOperator(): { readonly config: string; readonly known: string; readonly stranger: string } {
  const [operator, account, other] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const unlimited = { conn: -1, leaf: -1, subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true };
  const accountJwt = jwt(operator, account.getPublicKey(), "lab", { type: "account", limits: unlimited });
  const config = [
    `operator: ${jwt(operator, operator.getPublicKey(), "lab", { type: "operator" })}`,
    "resolver: MEMORY",
    `resolver_preload: { ${account.getPublicKey()}: ${accountJwt} }`,
  ];
  return { config: config.join("\n"), known: credentialsOf(account), stranger: credentialsOf(other) };
}

function credentialsOf(account: Pair): string {
  const user = nkeys.createUser();
  const token = jwt(account, user.getPublicKey(), "box", {
    type: "user",
    pub: {},
    sub: {},
    subs: -1,
    data: -1,
    payload: -1,
  });
  return [
    ...["-----BEGIN NATS USER JWT-----", token, "------END NATS USER JWT------", ""],
    ...["-----BEGIN USER NKEY SEED-----", Buffer.from(user.getSeed()).toString(), "------END USER NKEY SEED------", ""],
  ].join("\n");
}
