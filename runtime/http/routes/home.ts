import { type About, homePage } from "../pages/home.ts";
import type { Route } from "../route.ts";
import { html } from "../schemas.ts";

/** GET /: where a newcomer lands. The page itself says nothing about anybody; what it shows, it asks for. */
export function home(about: About): Route {
  return {
    method: "GET",
    path: "/",
    open: true,
    doc: {
      tag: "pages",
      summary: "What is being decided right now",
      answers: { 200: { description: "A page", content: { "text/html": html } } },
    },
    handle: homePage(about),
  };
}
