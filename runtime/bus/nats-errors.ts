import { AisleError, type Code } from "../errors.ts";
import { codeOf, ERR, NO_RESPONDERS } from "./nats-codes.ts";

/** By the package's codes; what is not here is `unavailable`. */
export const CODES: Readonly<Record<string, Code>> = {
  BAD_HEADER: "invalid",
  BAD_SUBJECT: "invalid",
  MAX_PAYLOAD_EXCEEDED: "too-large",
  AUTHORIZATION_VIOLATION: "unauthorized",
  BAD_AUTHENTICATION: "unauthorized",
  BAD_CREDS: "unauthorized",
  AUTHENTICATION_EXPIRED: "unauthorized",
  ACCOUNT_EXPIRED: "unauthorized",
  PERMISSIONS_VIOLATION: "forbidden",
};

const REFUSED = "the NATS server refuses our credentials: look at user, password, token, seed or credentials of 'bus'";
const UNVOUCHED =
  "nobody known vouches for the certificate of the NATS server: is 'bus.tls.ca' the authority that signed it?";

/** What the package, TLS and the operating system say, in words that say what to do. By code. */
const WORDS: Readonly<Record<string, string>> = {
  AUTHORIZATION_VIOLATION: REFUSED,
  BAD_AUTHENTICATION: REFUSED,
  BAD_CREDS: "the text of 'bus.credentials' is no NATS credentials file",
  CONNECTION_REFUSED: "nobody listens at its address",
  AUTHENTICATION_EXPIRED: "our NATS credentials have expired",
  ACCOUNT_EXPIRED: "our NATS account has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNVOUCHED,
  SELF_SIGNED_CERT_IN_CHAIN: UNVOUCHED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNVOUCHED,
  UNABLE_TO_GET_ISSUER_CERT: UNVOUCHED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNVOUCHED,
  CERT_HAS_EXPIRED: "the certificate of the NATS server has expired",
  CERT_NOT_YET_VALID: "the certificate of the NATS server is not valid yet: is the clock of this machine right?",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate of the NATS server is for another name than the one in its address",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    "the NATS server demands a certificate of ours: set 'bus.tls.cert' and 'bus.tls.key'",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the NATS server does not know who signed 'bus.tls.cert'",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE:
    "the NATS server demands a certificate of ours: set 'bus.tls.cert' and 'bus.tls.key'",
};

/** Why a connection does not stand, in words without secrets. */
export function reasonOf(error: unknown): string {
  const words = chain(error).map((each) => WORDS[String(codeOf(each))]);
  return words.find((word) => word !== undefined) ?? messageOf(error);
}

export function translated(error: unknown, subject: string): AisleError {
  if (error instanceof AisleError) return error;
  const code = String(codeOf(error));
  if (code === NO_RESPONDERS) return new AisleError("unavailable", `nobody listens on '${subject}'`, { cause: error });
  return new AisleError(CODES[code] ?? "unavailable", `'${subject}': NATS: ${reasonOf(error)}`, { cause: error });
}

/**
 * A failure of JetStream.
 *
 * @param what  was asked for, as in "the stream 'SALES'"
 */
export function failureOf(error: unknown, what: string): AisleError {
  if (error instanceof AisleError) return error;
  const code = codeOf(error);
  if (code === ERR.noStream)
    return new AisleError("not-found", `${what} is not there: waiting for it`, { cause: error });
  if (code === NO_RESPONDERS) {
    const why = "JetStream does not answer; it is not enabled on the server, or not for our account";
    return new AisleError("unavailable", `${what}: ${why}`, { cause: error });
  }
  if (code === "TIMEOUT")
    return new AisleError("unavailable", `${what}: no answer of JetStream in time`, { cause: error });
  const known = CODES[String(code)];
  const denied = known === "forbidden" ? "; our account needs the permission" : "";
  return new AisleError(known ?? "unavailable", `${what}: ${messageOf(error)}${denied}`, { cause: error });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An error and those behind it: the package wraps what TLS says. */
function chain(error: unknown): unknown[] {
  const found: unknown[] = [];
  for (let at = error; at !== null && at !== undefined && found.length < 5; ) {
    found.push(at);
    const { cause, chainedError } = at as { cause?: unknown; chainedError?: unknown };
    at = chainedError ?? cause;
  }
  return found;
}
