// Secrets that must not reach a terminal, a log or an error message.

const MASK = "***";
const USER_INFO = /\/\/([^/?#\s,]*)@/g;
const SECRET_QUERY = /([?&][^=&#\s]*(?:token|key|secret|password|passwd|auth)[^=&#\s]*=)[^&#\s]*/gi;

/** `***` for a secret that is set; null says that there is none. */
export function maskSecret(secret: string | null): string | null {
  return secret === null ? null : MASK;
}

/**
 * Hides the password of every URL in the text, the token that NATS takes in place of a user, and query
 * parameters that are called like secrets: "nats://box:***@host", "nats://***@host", "?key=***".
 */
export function maskUrls(text: string): string {
  return text
    .replace(USER_INFO, (_, info: string) => {
      const colon = info.indexOf(":");
      return colon < 0 ? `//${MASK}@` : `//${info.slice(0, colon)}:${MASK}@`;
    })
    .replace(SECRET_QUERY, `$1${MASK}`);
}
