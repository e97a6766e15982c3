/** The server's numbers for what is no failure of ours. */
export const ERR = {
  noMessage: 10037,
  noStream: 10059,
  noConsumer: 10014,
  inUse: 10058,
  wrongRevision: 10071,
  noRoom: 10047,
  full: 10077,
};
export const NO_RESPONDERS = "503";

/** What the server says that was wrong: a number of JetStream, or a code of NATS. */
export function codeOf(error: unknown): string | number {
  const { api_error, code } = (error ?? {}) as { api_error?: { err_code: number }; code?: string };
  return api_error?.err_code ?? code ?? "";
}
