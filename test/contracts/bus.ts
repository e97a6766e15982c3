import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bus, Message, OnError } from "../../runtime/bus/bus.ts";
import { encodeToken } from "../../runtime/bus/subject.ts";
import { AisleError } from "../../runtime/errors.ts";

export type BusFactory = (options: { readonly onError: OnError }) => Promise<Bus>;

interface Received {
  readonly subject: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What every bus does. `make` gives one that is here; the suite drains it. */
export function busContract(make: BusFactory): void {
  let bus: Bus;
  let errors: { error: unknown; subject: string }[];

  beforeEach(async () => {
    errors = [];
    bus = await make({ onError: (error, subject) => errors.push({ error, subject }) });
  });

  afterEach(async () => {
    await bus.drain();
  });

  /** Keeps what a subscription gets, copied. */
  const keep = (subject: string, queue?: string) => {
    const got: Received[] = [];
    const subscription = bus.subscribe(
      subject,
      ({ subject, payload, headers }) => got.push({ subject, text: text(payload), headers }),
      queue === undefined ? {} : { queue },
    );
    return { got, subscription, texts: () => got.map(({ text }) => text) };
  };

  const code = async (call: () => unknown): Promise<string> => {
    try {
      await call();
    } catch (error) {
      expect(error).toBeInstanceOf(AisleError);
      return (error as AisleError).code;
    }
    return "no error";
  };

  describe("publish and subscribe", () => {
    it("delivers subject and payload to a subscriber of exactly that subject", async () => {
      const { got } = keep("shop.events.entry");

      bus.publish("shop.events.entry", bytes("4711"));
      bus.publish("shop.events.exit", bytes("4711"));
      bus.publish("shop.events", bytes("4711"));
      bus.publish("shop.events.entry.deeper", bytes("4711"));
      await bus.flush();

      expect(got).toEqual([{ subject: "shop.events.entry", text: "4711", headers: {} }]);
    });

    it("delivers to all subscribers of a subject", async () => {
      const first = keep("a.b");
      const second = keep("a.b");

      bus.publish("a.b", bytes("x"));
      await bus.flush();

      expect([first.texts(), second.texts()]).toEqual([["x"], ["x"]]);
    });

    it("takes an answer to what was published with a subject for it", async () => {
      const inbox = bus.inbox();
      const { got } = keep(`${inbox}.*`);
      bus.subscribe("a", (message) => {
        if (message.wantsReply) message.respond(bytes(`got ${text(message.payload)}`));
      });

      bus.publish("a", bytes("x"), { reply: `${inbox}.1` });

      await expect.poll(() => got.map(({ subject, text }) => [subject, text])).toEqual([[`${inbox}.1`, "got x"]]);
    });

    it("brings an empty message to the subject for answers when nobody listens", async () => {
      const inbox = bus.inbox();
      const { got } = keep(`${inbox}.*`);
      await bus.flush();

      bus.publish("nobody.here", bytes("x"), { reply: `${inbox}.7` });

      await expect.poll(() => got.map(({ subject, text }) => [subject, text])).toEqual([[`${inbox}.7`, ""]]);
    });

    it("never runs a subscriber on the stack of the publisher", async () => {
      const { got } = keep("a");

      bus.publish("a", bytes("x"));
      const during = got.length;
      await bus.flush();

      expect([during, got.length]).toEqual([0, 1]);
    });

    it("keeps the order of a publisher", async () => {
      const { texts } = keep("count.>");
      const sent = Array.from({ length: 1_000 }, (_, i) => String(i));

      for (const each of sent) bus.publish(`count.${Number(each) % 7}`, bytes(each));
      await bus.flush();

      expect(texts()).toEqual(sent);
    });

    it("knows that who listens hears", async () => {
      bus.subscribe("board.*", () => {});
      await bus.flush();

      expect(bus.hears("board.visits")).toBe(true);
    });

    it("does nothing with a message that nobody wants", async () => {
      bus.publish("nobody.here", bytes("x"));
      await bus.flush();

      expect(bus.stats()).toMatchObject({ published: 1, delivered: 0 });
    });

    it("delivers an empty payload", async () => {
      const { got } = keep("a");

      bus.publish("a", new Uint8Array(0));
      await bus.flush();

      expect(got).toEqual([{ subject: "a", text: "", headers: {} }]);
    });

    it("delivers a payload of a million bytes as it is", async () => {
      const sent = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 31) % 256);
      const got: Uint8Array[] = [];
      bus.subscribe("big", ({ payload }) => got.push(payload.slice()));

      bus.publish("big", sent);
      await bus.flush();

      expect(got.length).toBe(1);
      expect(Buffer.compare(got[0]!, sent)).toBe(0);
    });

    it("delivers any text in payloads and encoded tokens", async () => {
      const name = "Grün & 緑 🛒 a.b*c> d=e";
      const subject = `offers.${encodeToken(name)}`;
      const { got } = keep("offers.*");

      bus.publish(subject, bytes(name));
      await bus.flush();

      expect(got).toEqual([{ subject, text: name, headers: {} }]);
    });

    it("lets a handler publish", async () => {
      const { texts } = keep("echo");
      bus.subscribe("call", ({ payload }) => bus.publish("echo", payload.slice()));

      bus.publish("call", bytes("x"));
      await until(() => texts().length === 1);

      expect(texts()).toEqual(["x"]);
    });
  });

  describe("wildcards", () => {
    it.each([
      ["a.*", ["a.b", "a.c"]],
      ["*.b", ["a.b", "x.b"]],
      ["a.>", ["a.b", "a.c", "a.b.c", "a.b.c.d"]],
      ["*.*.c", ["a.b.c"]],
      ["*.>", ["a.b", "a.c", "x.b", "a.b.c", "a.b.c.d"]],
      ["a.*.>", ["a.b.c", "a.b.c.d"]],
      [">", ["a", "a.b", "a.c", "x.b", "a.b.c", "a.b.c.d"]],
    ])("'%s' gets %j", async (pattern, expected) => {
      const { got } = keep(pattern);

      for (const subject of ["a", "a.b", "a.c", "x.b", "a.b.c", "a.b.c.d"]) bus.publish(subject, bytes(""));
      await bus.flush();

      expect(got.map(({ subject }) => subject)).toEqual(expected);
    });
  });

  describe("queue groups", () => {
    it("gives each message to one of a group", async () => {
      const members = [keep("work", "tills"), keep("work", "tills"), keep("work", "tills")];

      for (let i = 0; i < 300; i++) bus.publish("work", bytes(String(i)));
      await bus.flush();

      const all = members.flatMap(({ texts }) => texts());
      expect(all.length).toBe(300);
      expect(new Set(all).size).toBe(300);
      for (const { got } of members) expect(got.length).toBeGreaterThan(0);
    });

    it("gives each message to each group, and to those in no group", async () => {
      const groups = [keep("work", "a"), keep("work", "b"), keep("work")];

      bus.publish("work", bytes("x"));
      await bus.flush();

      expect(groups.map(({ texts }) => texts())).toEqual([["x"], ["x"], ["x"]]);
    });

    it("sees one group where the same name subscribes to different subjects", async () => {
      const one = keep("work.*", "tills");
      const other = keep("work.>", "tills");

      for (let i = 0; i < 50; i++) bus.publish("work.now", bytes(String(i)));
      await bus.flush();

      expect(one.got.length + other.got.length).toBe(50);
    });

    it("goes on with the rest when a member leaves", async () => {
      const leaver = keep("work", "tills");
      const stayer = keep("work", "tills");

      leaver.subscription.unsubscribe();
      for (let i = 0; i < 20; i++) bus.publish("work", bytes(String(i)));
      await bus.flush();

      expect([leaver.got.length, stayer.got.length]).toEqual([0, 20]);
    });
  });

  describe("unsubscribe", () => {
    it("delivers what was published before and nothing after", async () => {
      const { subscription, texts } = keep("a");

      bus.publish("a", bytes("before"));
      subscription.unsubscribe();
      bus.publish("a", bytes("after"));
      await bus.flush();

      expect(texts()).toEqual(["before"]);
    });

    it("leaves other subscriptions to the same subject alone, and may be called twice", async () => {
      const leaver = keep("a");
      const stayer = keep("a");

      leaver.subscription.unsubscribe();
      leaver.subscription.unsubscribe();
      bus.publish("a", bytes("x"));
      await bus.flush();

      expect([leaver.texts(), stayer.texts()]).toEqual([[], ["x"]]);
    });

    it("works from inside the handler", async () => {
      let calls = 0;
      const subscription = bus.subscribe("a", () => {
        calls++;
        subscription.unsubscribe();
      });

      bus.publish("a", bytes("1"));
      await bus.flush();
      bus.publish("a", bytes("2"));
      await bus.flush();

      expect(calls).toBe(1);
    });
  });

  describe("headers", () => {
    it("arrive as they were sent, case and text included", async () => {
      const headers = {
        "Content-Type": "application/json",
        traceparent: "00-ab-cd-01",
        note: "Grün: 緑, ja",
        empty: "",
      };
      const { got } = keep("a");

      bus.publish("a", bytes("{}"), { headers });
      await bus.flush();

      expect(got).toEqual([{ subject: "a", text: "{}", headers }]);
    });

    it("lose the white space round a value", async () => {
      const { got } = keep("a");

      bus.publish("a", bytes(""), { headers: { id: "  7 " } });
      await bus.flush();

      expect(got[0]?.headers).toEqual({ id: "7" });
    });

    it.each([
      ["a line break in a value", { id: "7\r\nPUB evil 0" }],
      ["a line break in a name", { "id\r\n": "7" }],
      ["a colon in a name", { "a:b": "7" }],
      ["white space in a name", { "a b": "7" }],
      ["an empty name", { "": "7" }],
    ])("are refused with %s", async (_, headers) => {
      expect(await code(() => bus.publish("a", bytes(""), { headers }))).toBe("invalid");
      expect(await code(() => bus.request("a", bytes(""), { headers }))).toBe("invalid");
    });
  });

  describe("request and reply", () => {
    it("brings back the answer with its headers", async () => {
      bus.subscribe("sum", (message) => {
        const [a, b] = text(message.payload).split("+").map(Number);
        message.respond(bytes(String(a! + b!)), {
          kind: message.headers.kind ?? "none",
          asked: String(message.wantsReply),
        });
      });

      const answer = await bus.request("sum", bytes("3+4"), { headers: { kind: "addition" } });

      expect([text(answer.payload), answer.headers]).toEqual(["7", { kind: "addition", asked: "true" }]);
    });

    it("waits for an answer that comes after the handler has returned", async () => {
      bus.subscribe("later", async (message) => {
        await new Promise((resolve) => setImmediate(resolve));
        message.respond(bytes("done"));
      });

      expect(text((await bus.request("later", bytes(""))).payload)).toBe("done");
    });

    it("keeps many at once apart", async () => {
      bus.subscribe("echo.*", (message) => message.respond(message.payload.slice()));
      const asked = Array.from({ length: 200 }, (_, i) => String(i));

      const answers = await Promise.all(asked.map((each) => bus.request(`echo.${each}`, bytes(each))));

      expect(answers.map(({ payload }) => text(payload))).toEqual(asked);
    });

    it("takes the first answer of several", async () => {
      bus.subscribe("who", (message) => message.respond(bytes("one")));
      bus.subscribe("who", (message) => message.respond(bytes("other")));

      expect(["one", "other"]).toContain(text((await bus.request("who", bytes(""))).payload));
    });

    it("brings back an empty answer", async () => {
      bus.subscribe("ack", (message) => message.respond(new Uint8Array(0)));

      expect((await bus.request("ack", bytes("x"))).payload.length).toBe(0);
    });

    it("is refused at once when nobody listens", async () => {
      // The default timeout is longer than the test's patience would be for a hundred of them.
      for (let i = 0; i < 100; i++) {
        const refused = bus.request("nobody.here", bytes("x"));
        await expect(refused).rejects.toMatchObject({
          code: "unavailable",
          message: expect.stringContaining("nobody"),
        });
      }
    });

    it("is refused when nobody answers in time, and a late answer harms nobody", async () => {
      const late: Message[] = [];
      bus.subscribe("mute", (message) => late.push(message));

      const refused = bus.request("mute", bytes("x"), { timeoutMs: 20 });

      await expect(refused).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("20 ms") });
      late[0]!.respond(bytes("too late"));
      await bus.flush();
      expect(errors).toEqual([]);
    });

    it("lets nobody answer a message that asked for nothing", async () => {
      let asked = true;
      bus.subscribe("a", (message) => {
        asked = message.wantsReply;
        message.respond(bytes("ignored"));
      });

      bus.publish("a", bytes("x"));
      await bus.flush();

      expect([asked, errors]).toEqual([false, []]);
    });

    it("may be made from inside a handler", async () => {
      const { texts } = keep("result");
      bus.subscribe("inner", (message) => message.respond(bytes("42")));
      bus.subscribe("outer", async () =>
        bus.publish("result", (await bus.request("inner", bytes(""))).payload.slice()),
      );

      bus.publish("outer", bytes(""));
      await until(() => texts().length === 1);

      expect(texts()).toEqual(["42"]);
    });
  });

  describe("bad subjects", () => {
    const never = [
      "",
      ".",
      "a.",
      ".a",
      "a..b",
      "a b",
      "a\tb",
      "a\r\nPUB x 0",
      "a\u0000b",
      "a\u00a0b",
      "x".repeat(5_000),
    ];

    it.each([...never, "*", "a.*", "a.>", ">", "a*", "a>b"])("nothing is published or asked on %j", async (subject) => {
      expect(await code(() => bus.publish(subject, bytes("")))).toBe("invalid");
      expect(await code(() => bus.request(subject, bytes("")))).toBe("invalid");
    });

    it.each([...never, "a*", "*a.b", "a.>.b", ">.a", "a>"])("nobody subscribes to %j", async (subject) => {
      expect(await code(() => bus.subscribe(subject, () => {}))).toBe("invalid");
    });

    it.each(["a b", "a\nb", "*"])("no queue group is called %j", async (queue) => {
      expect(await code(() => bus.subscribe("a", () => {}, { queue }))).toBe("invalid");
    });
  });

  it("refuses a message over the bound, payload or headers", async () => {
    const { got } = keep("big");

    expect(await code(() => bus.publish("big", new Uint8Array(1_048_577)))).toBe("too-large");
    expect(await code(() => bus.publish("big", new Uint8Array(1_048_570), { headers: { id: "7" } }))).toBe("too-large");
    expect(await code(() => bus.request("big", new Uint8Array(1_048_577)))).toBe("too-large");
    bus.publish("big", new Uint8Array(1_048_576));
    await bus.flush();

    expect(got.length).toBe(1);
  });

  describe("a handler that fails", () => {
    it.each([
      [
        "throws",
        () => {
          throw new Error("broken");
        },
      ],
      [
        "rejects",
        async () => {
          throw new Error("broken");
        },
      ],
    ])("and %s harms neither publisher nor neighbours, and is reported", async (_, broken) => {
      bus.subscribe("a.b", broken);
      const { texts } = keep("a.b");

      bus.publish("a.b", bytes("1"));
      bus.publish("a.b", bytes("2"));
      await bus.flush();
      await until(() => errors.length === 2);

      expect(texts()).toEqual(["1", "2"]);
      expect(errors).toEqual(Array(2).fill({ error: new Error("broken"), subject: "a.b" }));
      expect(bus.stats()).toMatchObject({ delivered: 4, failed: 2 });
    });
  });

  describe("drain", () => {
    it("delivers what is under way, then closes", async () => {
      const { got } = keep("a");
      for (let i = 0; i < 500; i++) bus.publish("a", bytes(String(i)));

      await bus.drain();

      expect([got.length, bus.state]).toEqual([500, "closed"]);
    });

    it("lets handlers publish and answer to the end", async () => {
      bus.subscribe("ask", async (message) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        message.respond(bytes("answer"));
      });
      const answer = bus.request("ask", bytes(""));

      await bus.drain();

      expect(text((await answer).payload)).toBe("answer");
    });

    it("tells those who listen for the state, once", async () => {
      const states: string[] = [];
      bus.onState((state) => states.push(state));

      await Promise.all([bus.drain(), bus.drain()]);
      await bus.drain();

      expect(states).toEqual(["closed"]);
    });

    it("is the end of everything else", async () => {
      const { subscription } = keep("a");
      await bus.drain();

      expect(await code(() => bus.publish("a", bytes("")))).toBe("unavailable");
      expect(await code(() => bus.request("a", bytes("")))).toBe("unavailable");
      expect(await code(() => bus.flush())).toBe("unavailable");
      expect(await code(() => bus.subscribe("a", () => {}))).toBe("unavailable");
      expect(() => subscription.unsubscribe()).not.toThrow();
    });
  });
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (payload: Uint8Array): string => new TextDecoder().decode(payload);

/** Waits for what a signal cannot be had for; the test's own timeout is the end of it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
