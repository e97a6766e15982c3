// Runs in the browser: it is sent as text, so it stands on its own and uses nothing from outside of itself.

/** What a page may ask of the server that it came from. */
export interface Api {
  get(path: string): Promise<Response>;
  post(path: string, body: unknown): Promise<Response>;
  /** Server-sent events, for as long as the page is open; comes back by itself and resumes where it was. */
  follow(path: string, on: { event(data: string): void; state(open: boolean): void }): void;
}

/**
 * `fetch` with a token where one is needed. It is asked for once, kept until the tab closes, and sent nowhere else;
 * `EventSource` could not send it, so streams are read from `fetch` too.
 */
export function browserApi(): Api {
  const KEY = "aisle.token";

  async function call(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const token = sessionStorage.getItem(KEY);
    const headers = { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) };
    const response = await fetch(path, { ...init, headers });
    if (response.status !== 401) return response;
    const given = prompt("This place asks for a token (AISLE_TOKEN):");
    if (!given) return response;
    sessionStorage.setItem(KEY, given.trim());
    return call(path, init);
  }

  async function followOnce(
    path: string,
    lastId: string,
    event: (data: string, id: string) => void,
    opened: () => void,
  ) {
    const response = await call(path, lastId ? { headers: { "last-event-id": lastId } } : {});
    if (!response.ok || !response.body) throw new Error(String(response.status));
    opened();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const messages = (rest + value).split("\n\n");
      rest = messages.pop() ?? "";
      for (const message of messages) {
        const field = (name: string) =>
          message
            .split("\n")
            .find((line) => line.startsWith(`${name}: `))
            ?.slice(name.length + 2) ?? "";
        if (field("data")) event(field("data"), field("id"));
      }
    }
  }

  return {
    get: (path) => call(path, {}),
    post: (path, body) =>
      call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    async follow(path, on) {
      let lastId = "";
      for (;;) {
        try {
          await followOnce(
            path,
            lastId,
            (data, id) => {
              lastId = id;
              on.event(data);
            },
            () => on.state(true),
          );
        } catch {
          // Away: the server restarts, or the network is down. Tried again below.
        }
        on.state(false);
        await new Promise((resolve) => setTimeout(resolve, 2_000));
      }
    },
  };
}
