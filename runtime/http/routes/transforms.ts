import { refuseMistakes } from "../mistakes.ts";
import type { Transforms } from "../ports.ts";
import type { Route } from "../route.ts";
import { reload, transforms as transformsBody } from "../schemas.ts";

/** GET /transforms: the specs at work. */
export function transformStates(transforms: Transforms): Route {
  return {
    method: "GET",
    path: "/transforms",
    doc: {
      tag: "transforms",
      summary: "The specs at work, and what became of the last reload",
      answers: { 200: { description: "The specs", content: { "application/json": transformsBody } } },
    },
    handle: (c) => c.json({ specs: transforms.specs(), reload: transforms.lastReload() }),
  };
}

/** POST /transforms/reload: the site's specs are read again. */
export function reloadTransforms(transforms: Transforms): Route {
  return {
    method: "POST",
    path: "/transforms/reload",
    doc: {
      tag: "transforms",
      summary: "Read the specs again",
      description:
        "Those that changed are built from the oldest entry that is kept, in the background, and served from an entry of the journal on; the old ones serve until then. With a mistake in them nothing changes.",
      answers: { 202: { description: "Being built, or nothing has changed", content: { "application/json": reload } } },
      problems: [409, 422],
    },
    handle: (c) => {
      try {
        return c.json(transforms.reload(), 202);
      } catch (error) {
        return refuseMistakes(error, "spec");
      }
    },
  };
}
