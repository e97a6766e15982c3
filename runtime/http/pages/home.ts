import type { Api } from "./api.ts";
import { browserApi } from "./api.ts";
import { htmlText, page, STYLE } from "./page.ts";

export interface About {
  readonly site: string;
  readonly place: string;
  readonly version: string;
  /** Names to choose from when trying it out. */
  readonly departments?: readonly string[];
}

/** The address a newcomer opens first: what is being decided right now, and where everything else is. */
export function homePage({ site, place, version, departments = [] }: About): () => Response {
  return page({
    title: `Aisle: ${site}`,
    style: STYLE + LOOKS,
    body: `
<header>
  <h1>Aisle</h1><span>${htmlText(site)} <span class="soft">at</span> ${htmlText(place)}</span>
  <span id="state" class="soft" role="status">connecting …</span>
  <span class="soft right">version ${htmlText(version)}</span>
</header>
<main>
  <section>
    <h2>What is being decided <span id="counts" class="soft"></span></h2>
    <table>
      <thead><tr><th>time</th><th>customer</th><th>department</th><th>offer, or why there is none</th><th>score</th></tr></thead>
      <tbody id="decisions"></tbody>
    </table>
    <p id="empty" class="soft">Nothing yet. Decisions appear here as customers stop in departments. Let one stop, on the right.</p>
  </section>
  <aside>
    <section>
      <h2>Try it</h2>
      <p class="soft">A test customer stops in a department. The real pipeline decides; nothing is spent.</p>
      <form id="try">
        <label>customer <input id="customer" inputmode="numeric" value="7" autocomplete="off" required></label>
        <label>department <input id="department" list="departments" value="${htmlText(departments[0] ?? "")}" autocomplete="off" required></label>
        <datalist id="departments">${departments.map((name) => `<option value="${htmlText(name)}">`).join("")}</datalist>
        <button>Stop here</button>
      </form>
      <p id="answer" role="status"></p>
    </section>
    <section>
      <h2>Look further</h2>
      <ul>
        <li><a href="/docs">All calls of the API</a> <span class="soft">(<a href="/openapi.json">OpenAPI</a>)</span></li>
        <li><a href="/offers/stream">The stream of decisions</a> <span class="soft">server-sent events</span></li>
        <li><a href="/deadletters">Dead letters</a> <span class="soft">what could not be used, and why</span></li>
        <li><a href="/metrics">Metrics</a> <span class="soft">for Prometheus</span></li>
        <li><a href="/readyz">Readiness</a></li>
      </ul>
    </section>
    <section>
      <h2>Send an event</h2>
      <pre id="curl"></pre>
    </section>
  </aside>
</main>`,
    script: `(${inBrowser})((${browserApi})());`,
  });
}

const LOOKS = `
main { display: grid; grid-template-columns: minmax(0, 1fr) 20rem; gap: 2rem; }
@media (max-width: 60rem) { main { grid-template-columns: minmax(0, 1fr); } }
aside section { border-top: 1px solid var(--line); padding: .9rem 0; } aside section:first-child { border: 0; padding-top: 0; }
.right { margin-left: auto; } ul { margin: 0; padding-left: 1.1rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; color: var(--soft); }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child, td:last-child { white-space: nowrap; font-variant-numeric: tabular-nums; }
meter { width: 4rem; height: .7rem; margin-right: .4rem; }
form { display: grid; gap: .5rem; } label { display: grid; grid-template-columns: 6.5rem 1fr; align-items: center; }
input, button { padding: .3rem .5rem; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); color: inherit; min-width: 0; }
button { background: var(--accent); border-color: var(--accent); color: var(--paper); font: inherit; cursor: pointer; }
tr.new td { animation: fresh 1.5s ease-out; } @keyframes fresh { from { background: color-mix(in srgb, var(--accent) 22%, transparent); } }
@media (prefers-reduced-motion: reduce) { tr.new td { animation: none; } }
`;

/** Runs in the browser, sent as text: it uses nothing from outside of itself. Text reaches the page as text only. */
function inBrowser(api: Api): void {
  const ROWS = 100;
  const STATE_EVERY = 5_000; // ms

  interface Shown {
    decision: string;
    customer: string;
    department: string;
    receivedAt: number;
    offers: { coupon: string; score: number }[];
    none: { reason: string; detail: string } | null;
    messages: { coupon?: Record<string, unknown> }[];
    test: boolean;
  }

  const byId = <E extends HTMLElement>(id: string) => document.getElementById(id) as E;
  const element = <T extends keyof HTMLElementTagNameMap>(tag: T, text = "", className = "") => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  let offered = 0;
  let none = 0;
  let streaming = false;

  function describe(coupon: Record<string, unknown> | undefined, id: string): string {
    const parts = [`coupon ${id}`];
    if (typeof coupon?.discount === "number") parts.push(`${coupon.discount} % off`);
    if (typeof coupon?.type === "string") parts.push(coupon.type.replaceAll("_", " "));
    return parts.join(", ");
  }

  function show(shown: Shown): void {
    const row = element("tr", "", "new");
    const why = element("td");
    const link = element("a", "why");
    link.href = `/decisions/${encodeURIComponent(shown.decision)}`;
    const best = shown.offers[0];
    if (best) {
      const more = shown.offers.length > 1 ? ` and ${shown.offers.length - 1} more` : "";
      why.append(`${describe(shown.messages[0]?.coupon, best.coupon)}${more} `);
    } else {
      const reason = element("span", `${shown.none?.reason.replaceAll("-", " ") ?? "none"} `, "warn");
      reason.title = shown.none?.detail ?? "";
      why.append(reason);
    }
    why.append(link);
    if (shown.test) why.append(element("span", " (test)", "soft"));

    const score = element("td");
    if (best) {
      const meter = element("meter");
      meter.value = best.score;
      meter.setAttribute("aria-label", "score");
      score.append(meter, best.score.toFixed(3));
    }
    const time = element("td", new Date(shown.receivedAt).toLocaleTimeString());
    row.append(time, element("td", shown.customer), element("td", shown.department), why, score);

    const rows = byId("decisions");
    rows.prepend(row);
    while (rows.children.length > ROWS) rows.lastElementChild?.remove();
    byId("empty").hidden = true;
    if (best) offered++;
    else none++;
    byId("counts").textContent = `${offered} with an offer, ${none} without`;
  }

  async function showState(): Promise<void> {
    const state = byId("state");
    try {
      const { ready, degraded = [], reasons = [] } = await (await api.get("/readyz")).json();
      const text = ready
        ? degraded.length
          ? `works, but: ${degraded.join("; ")}`
          : "ready"
        : `not ready: ${reasons.join("; ")}`;
      state.textContent = streaming ? text : `${text} (the stream is away)`;
      state.className = ready ? (degraded.length ? "warn" : "good") : "bad";
    } catch {
      state.textContent = "away";
      state.className = "bad";
    }
  }

  byId<HTMLFormElement>("try").addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    const customer = byId<HTMLInputElement>("customer").value.trim();
    const department = byId<HTMLInputElement>("department").value.trim();
    const said = byId("answer");
    said.className = "";
    said.textContent = "…";
    try {
      const response = await api.post("/mock_focus", { id: customer, ts: Date.now(), dep: department });
      const { decision, messages, detail } = await response.json();
      if (!response.ok) said.className = "bad";
      const best = decision?.offers[0];
      said.textContent = best
        ? `${describe(messages[0]?.coupon, best.coupon)}, scored ${best.score.toFixed(3)}`
        : `no offer: ${detail}`;
    } catch (error) {
      said.className = "bad";
      said.textContent = String(error);
    }
  });

  const department = encodeURIComponent(byId<HTMLInputElement>("department").value || "Boys");
  byId("curl").textContent = `curl -X POST '${location.origin}/events/focus?id=7&dep=${department}'`;
  void showState();
  setInterval(showState, STATE_EVERY);
  api.follow("/offers/stream", {
    event: (data) => show(JSON.parse(data)),
    state: (open) => {
      streaming = open;
      void showState();
    },
  });
}
