const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether only this machine can reach an address to listen on: everywhere else a caller has to show a token. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
