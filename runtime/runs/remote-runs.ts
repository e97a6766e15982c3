// The way back for services that accepted a run: they renew its lease while they work, and bring its result.
import type { Bus, Message } from "../bus/bus.ts";
import { textsBelow } from "../bus/subject.ts";
import { AisleError, reasonOf } from "../errors.ts";
import type { Result } from "./job.ts";
import { answered } from "./remote.ts";
import { failed, jsonOf } from "./result.ts";

export interface RunsPorts {
  /** False: the run holds no claim (any more), or has a result already. */
  report(run: string, result: Result): boolean | Promise<boolean>;
  /** False: the run holds no claim (any more). */
  renew(run: string): boolean | Promise<boolean>;
  /** Settles as what is waited for, or sooner, with why that takes so long. Missing: as long as it takes. */
  readonly patient?: <T>(waited: Promise<T>) => Promise<T>;
  /** What nobody is waiting to be told. */
  readonly onError: (error: unknown, subject: string) => void;
}

export interface RemoteRuns {
  close(): void;
}

/** Why a service is told no; the codes are those of HTTP. */
interface Refusal {
  readonly code: number;
  readonly error: string;
}

const LOST: Refusal = { code: 409, error: "the claim is lost: another run has it, or it is finished" };

/**
 * Takes results on `<base>.runs.<run>.result` and renewals on `<base>.runs.<run>.renew`. Who asks is answered
 * `{ok: true}`, or with an error, in headers as NATS services do and in the body: 409 the claim is lost, 400 the result
 * can't be read (then the run has failed, and says why), 507 the disk is full (the result waits for room).
 *
 * @throws AisleError `unavailable` when the bus is closed
 */
export function openRuns(bus: Bus, base: string, { report, renew, patient, onError }: RunsPorts): RemoteRuns {
  const root = `${base}.runs`;
  const take = async (message: Message, handle: (run: string) => Promise<Refusal | null>) => {
    try {
      const [run = ""] = textsBelow(root, message.subject) ?? [];
      answer(message, await handle(run));
    } catch (error) {
      const code = codeOf(error);
      answer(message, { code, error: reasonOf(error) });
      if (code === 500) onError(error, message.subject);
    }
  };
  const results = bus.subscribe(`${root}.*.result`, (message) =>
    take(message, async (run) => {
      const { result, wrong } = read(message.payload);
      const reported = Promise.resolve(report(run, result));
      if (!(await (patient?.(reported) ?? reported))) return LOST;
      return wrong === null ? null : { code: 400, error: wrong };
    }),
  );
  const renewals = bus.subscribe(`${root}.*.renew`, (message) =>
    take(message, async (run) => ((await renew(run)) ? null : LOST)),
  );
  return {
    close() {
      results.unsubscribe();
      renewals.unsubscribe();
    },
  };
}

/** 500 is a fault of ours. */
function codeOf(error: unknown): number {
  const { code = null } = error instanceof AisleError ? error : {};
  return code === "invalid" ? 400 : code === "full" ? 507 : 500;
}

/** What can't be read is a failure that says so. */
function read(payload: Uint8Array): { readonly result: Result; readonly wrong: string | null } {
  try {
    return { result: answered(jsonOf(payload)), wrong: null };
  } catch (error) {
    if (!(error instanceof AisleError)) throw error;
    return { result: failed(`its result: ${error.message}`), wrong: error.message };
  }
}

function answer(message: Message, refusal: Refusal | null): void {
  const body = Buffer.from(JSON.stringify(refusal === null ? { ok: true } : { ok: false, ...refusal }));
  if (refusal === null) message.respond(body);
  else {
    message.respond(body, {
      "Nats-Service-Error-Code": String(refusal.code),
      "Nats-Service-Error": refusal.error.replace(/\s+/g, " "),
    });
  }
}
