import { it } from "vitest";
import { runSeed } from "./sim/run.ts";
import { Session } from "node:inspector";
import { writeFileSync } from "node:fs";
it("x", async () => {
  const session = new Session(); session.connect();
  const post = (m: string, p: any = {}) => new Promise<any>((r, j) => session.post(m, p, (e: any, v: any) => e ? j(e) : r(v)));
  if (process.env.PROF) { await post("Profiler.enable"); await post("Profiler.start"); }

  const seed = Number(process.env.AISLE_SEED ?? 1);
  const count = Number(process.env.COUNT ?? 1);
  const failed: string[] = [];
  const a = performance.now();
  for (let i = seed; i < seed + count; i++) {
    const b = performance.now();
    try { await runSeed(i, { look: (w: any) => { if (count === 1) for (const e of w.place.journal.read()) console.log(e.seq, e.kind, e.subject, JSON.stringify(e.headers), Buffer.from(e.payload).toString().slice(0, 150)); } } as never); } catch (e: any) { if (count === 1) throw e; failed.push(i + ": " + e.message.split("\n")[0]); }
    const ms = performance.now() - b; if (ms > 800) console.log("slow", i, ms);
  }
  if (process.env.PROF) writeFileSync(process.env.PROF, JSON.stringify((await post("Profiler.stop")).profile));
  console.log("ms each", (performance.now() - a) / count, process.memoryUsage().rss / 1e6, "MB"); console.log((globalThis as any).T, (globalThis as any).T2);console.log(failed.join("\n"));
}, 600000);
