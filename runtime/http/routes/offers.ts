import { z } from "zod";
import { limits } from "../../limits.ts";
import { tokenParam } from "../params.ts";
import type { Offers, Standing } from "../ports.ts";
import type { Parameter, Route, RouteDoc } from "../route.ts";
import { eventStream, standings } from "../schemas.ts";
import { shown } from "../shown.ts";
import type { Streams } from "../streams.ts";

const customerParameter: Parameter = {
  name: "customer",
  in: "path",
  description: "The customer's identity.",
  schema: z.string().min(1),
};

const resumeParameters: readonly Parameter[] = [
  {
    name: "Last-Event-ID",
    in: "header",
    description:
      "Resume after this sequence: what was decided since comes first. Without it the stream begins with what stands.",
    schema: z.int().min(0).optional(),
  },
  {
    name: "lastEventId",
    in: "query",
    description: "The same, for clients that can't send the header.",
    schema: z.int().min(0).optional(),
  },
];

const streamDoc: Omit<RouteDoc, "summary"> = {
  tag: "offers",
  parameters: resumeParameters,
  answers: { 200: { description: "A stream that stays open", content: { "text/event-stream": eventStream } } },
  problems: [400, 429],
};

const print = (standing: Standing) => ({ event: "decision", data: shown(standing) });

/** GET /offers/:customer: what stands for a customer now. */
export function offersOf(offers: Offers): Route {
  return {
    method: "GET",
    path: "/offers/:customer",
    doc: {
      tag: "offers",
      summary: "Offers that stand now",
      parameters: [customerParameter],
      answers: {
        200: { description: "Newest first; empty when none stands", content: { "application/json": standings } },
      },
      problems: [400],
    },
    handle: (c) => {
      const customer = tokenParam(c, "customer");
      return c.json({ customer, standing: offers.standing(customer).map(shown) });
    },
  };
}

/** GET /offers/:customer/stream: decisions of a customer as they are made. */
export function offersStreamOf(offers: Offers, streams: Streams): Route {
  return {
    method: "GET",
    path: "/offers/:customer/stream",
    doc: {
      ...streamDoc,
      summary: "Decisions of a customer as they are made",
      parameters: [customerParameter, ...resumeParameters],
    },
    handle: (c) => {
      const customer = tokenParam(c, "customer");
      return streams.open(c, {
        begin: () => offers.standing(customer).toReversed(),
        since: (seq) => offers.since(customer, seq),
        follow: (listener) => offers.follow(customer, listener),
        print,
      });
    },
  };
}

/** GET /offers/stream: decisions of all customers as they are made. */
export function offersStream(offers: Offers, streams: Streams): Route {
  return {
    method: "GET",
    path: "/offers/stream",
    doc: { ...streamDoc, summary: "Decisions of all customers as they are made" },
    handle: (c) =>
      streams.open(c, {
        begin: () => offers.standing(null).slice(0, limits.streamStart).toReversed(),
        since: (seq) => offers.since(null, seq),
        follow: (listener) => offers.follow(null, listener),
        print,
      }),
  };
}
