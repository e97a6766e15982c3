import { createHash } from "node:crypto";

export interface Page {
  readonly title: string;
  readonly style: string;
  /** Trusted HTML of the body; text from outside goes through `htmlText`. */
  readonly body: string;
  /** JavaScript, run once the body is there. */
  readonly script: string;
}

/**
 * One HTML answer that needs nothing else: no file, no network, no build. The browser runs exactly the script and
 * the style that stand here (by hash), talks only to where the page came from, and nobody may frame it.
 */
export function page({ title, style, body, script }: Page): () => Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${htmlText(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
${body}
<script>${script}</script>
</body>
</html>
`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": [
      "default-src 'none'",
      `script-src '${sha256(script)}'`,
      `style-src '${sha256(style)}'`,
      "connect-src 'self'",
      "img-src data:",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; "),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
  };
  return () => new Response(html, { headers });
}

/** Text that may come from outside, as HTML. */
export function htmlText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function sha256(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/** What both pages look like. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1d2327; --soft: #66717a; --line: #e3e6e8; --paper: #fff; --shade: #f5f6f7;
  --accent: #0b6e4f; --warn: #9a5b00; --bad: #a4262c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaec; --soft: #98a2ab; --line: #30363b; --paper: #16191c;
  --shade: #1f2428; --accent: #4fc79a; --warn: #e0a43c; --bad: #f1707b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.25rem 1.5rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
a { color: var(--accent); } code, pre, input, select { font: 13px/1.5 ui-monospace, monospace; }
pre { background: var(--shade); padding: .6rem .8rem; border-radius: 6px; overflow: auto; margin: .4rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.soft { color: var(--soft); } .bad { color: var(--bad); } .warn { color: var(--warn); } .good { color: var(--accent); }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; margin-bottom: 1.25rem; }
`;
