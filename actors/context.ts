import { defineActor } from "../runtime/actor.ts";
import type { Profile, Visit } from "../runtime/decide/decision.ts";

const MINUTE = 60_000; // ms

/** Fetches the customer when a visit opens, so that a focus finds the profile there. */
export const context = defineActor({
  goal: "context",
  page: "visits",
  output: "effect",
  maxSelves: 64, // questions to the source at once, so that a restart doesn't ask for everybody in one breath
  params: {
    timeToLive: {
      type: "duration",
      default: 30 * MINUTE,
      min: 1_000,
      max: 24 * 60 * MINUTE,
      does: "a profile is fetched anew after",
    },
    retry: {
      type: "duration",
      default: 30_000,
      min: 1_000,
      max: 24 * 60 * MINUTE,
      does: "so is one that is stale or missing, as the source was away, after",
    },
  },

  ask: (visit: Visit) => ({ port: "customers", customer: visit.customer }),

  handle(_visit: Visit, profile: Profile | null): Profile {
    return profile ?? { state: "unavailable", detail: "the source gave no answer" };
  },
});
