import type { Api } from "./api.ts";
import { browserApi } from "./api.ts";
import { page, STYLE } from "./page.ts";

/** Renders `/openapi.json` readably, without the network. */
export const docsPage: () => Response = page({
  title: "Aisle: API",
  style: `${STYLE}
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-bottom: 1.5rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .4rem 0; } details[open] { padding-bottom: .6rem; }
summary { cursor: pointer; padding: .45rem .8rem; display: flex; gap: .8rem; align-items: baseline; }
details > :not(summary) { margin-left: .8rem; margin-right: .8rem; }
.method { display: inline-block; width: 3.2rem; font-weight: 600; } h2 { margin-top: 1.8rem; text-transform: capitalize; }
h3 { font-size: .95rem; margin: .9rem 0 .2rem; } dl { margin: 0; } dt { font-family: ui-monospace, monospace; font-size: 13px; } dd { margin: 0 0 .3rem 1.5rem; }
`,
  body: `<header><h1>Aisle API</h1><a href="/">what is being decided</a><a href="/openapi.json">openapi.json</a></header>
<p id="about" class="soft">reading openapi.json …</p><nav id="tags"></nav><main id="calls"></main>`,
  script: `(${inBrowser})((${browserApi})());`,
});

/** Runs in the browser, sent as text: it uses nothing from outside of itself. Text reaches the page as text only. */
async function inBrowser(api: Api): Promise<void> {
  // Just what is read here of OpenAPI 3.1.
  interface Schema {
    $ref?: string;
    type?: string | string[];
    description?: string;
    properties?: Record<string, Schema>;
    required?: string[];
    items?: Schema;
    anyOf?: Schema[];
    enum?: unknown[];
    const?: unknown;
    additionalProperties?: Schema | boolean;
    examples?: unknown[];
  }
  type Content = Record<string, { schema: Schema }>;
  interface Operation {
    tags: string[];
    summary: string;
    description?: string;
    parameters?: { name: string; in: string; required?: boolean; description: string; schema: Schema }[];
    requestBody?: { description: string; content: Content };
    responses: Record<string, { description: string; content?: Content }>;
  }
  interface Doc {
    info: { title: string; version: string; description: string };
    tags: { name: string; description: string }[];
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: Record<string, Schema> };
  }

  const element = (tag: string, text = "", className = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const about = document.getElementById("about") as HTMLElement;
  const response = await api.get("/openapi.json");
  if (!response.ok) {
    about.textContent = `openapi.json: ${response.status}`;
    return;
  }
  const doc: Doc = await response.json();
  about.textContent = `${doc.info.description} Version ${doc.info.version}.`;

  const nameOf = (schema: Schema) => schema.$ref?.split("/").pop() ?? "";
  const resolve = (schema: Schema): Schema => (schema.$ref ? (doc.components.schemas[nameOf(schema)] ?? {}) : schema);

  /** A schema as a type in words: `{ a: text, b?: Name[] }`. */
  function typeOf(schema: Schema, indent = ""): string {
    if (schema.$ref) return nameOf(schema);
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
    if (schema.anyOf) return schema.anyOf.map((each) => typeOf(each, indent)).join(" | ");
    if (schema.items) return `${typeOf(schema.items, indent)}[]`;
    const fields = Object.entries(schema.properties ?? {});
    if (fields.length > 0) {
      const inner = `${indent}  `;
      const lines = fields.map(([name, field]) => {
        const optional = schema.required?.includes(name) ? "" : "?";
        const note = field.description ? `  // ${field.description}` : "";
        return `${inner}${name}${optional}: ${typeOf(field, inner)}${note}`;
      });
      return `{\n${lines.join("\n")}\n${indent}}`;
    }
    if (typeof schema.additionalProperties === "object" && schema.additionalProperties.type) {
      return `{ [name]: ${typeOf(schema.additionalProperties, indent)} }`;
    }
    return [schema.type ?? "anything"].flat().join(" | ");
  }

  function contentOf(content: Content): HTMLElement[] {
    const shown: HTMLElement[] = [];
    const bySchema = new Map<string, string[]>();
    for (const [media, { schema }] of Object.entries(content)) {
      bySchema.set(JSON.stringify(schema), [...(bySchema.get(JSON.stringify(schema)) ?? []), media]);
    }
    for (const [json, media] of bySchema) {
      const schema: Schema = JSON.parse(json);
      const full = resolve(schema);
      shown.push(element("p", media.join(", "), "soft"));
      shown.push(
        element("pre", `${nameOf(schema)} ${typeOf(full)}${full.description ? `\n\n${full.description}` : ""}`.trim()),
      );
      for (const example of full.examples ?? []) shown.push(element("pre", JSON.stringify(example)));
    }
    return shown;
  }

  function card(method: string, path: string, operation: Operation): HTMLElement {
    const details = element("details");
    details.id = `${method}${path}`;
    const summary = element("summary");
    const call = element("code");
    call.append(element("span", method.toUpperCase(), "method good"), path);
    summary.append(call, element("span", operation.summary, "soft"));
    details.append(summary);
    if (operation.description) details.append(element("p", operation.description));
    if (operation.parameters?.length) {
      const list = element("dl");
      for (const { name, in: place, required, description, schema } of operation.parameters) {
        list.append(
          element("dt", `${name}: ${typeOf(schema)} (${place}${required ? ", required" : ""})`),
          element("dd", description, "soft"),
        );
      }
      details.append(element("h3", "Parameters"), list);
    }
    if (operation.requestBody) {
      details.append(
        element("h3", "Body"),
        element("p", operation.requestBody.description),
        ...contentOf(operation.requestBody.content),
      );
    }
    const problems: string[] = [];
    for (const [status, { description, content }] of Object.entries(operation.responses)) {
      if (content?.["application/problem+json"]) problems.push(`${status} ${description}`);
      else details.append(element("h3", `${status}: ${description}`), ...contentOf(content ?? {}));
    }
    details.append(element("h3", "Problems (application/problem+json)"), element("p", problems.join("; "), "soft"));
    return details;
  }

  const calls = document.getElementById("calls") as HTMLElement;
  for (const { name, description } of doc.tags) {
    const heading = element("h2", name);
    heading.id = name.replaceAll(" ", "-");
    const link = element("a", name) as HTMLAnchorElement;
    link.href = `#${heading.id}`;
    document.getElementById("tags")?.append(link);
    calls.append(heading, element("p", description, "soft"));
    for (const [path, operations] of Object.entries(doc.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (operation.tags.includes(name)) calls.append(card(method, path, operation));
      }
    }
  }
  calls.append(element("h2", "Schemas"));
  for (const [name, schema] of Object.entries(doc.components.schemas)) {
    const details = element("details");
    const summary = element("summary");
    summary.append(element("code", name), element("span", schema.description, "soft"));
    details.append(summary, element("pre", typeOf(schema)));
    calls.append(details);
  }
}
