// What is counted of the specs at work, for the metrics. No label names an identity.
import type { Clock } from "../clock.ts";
import type { LabelledReading, Labels } from "../metrics.ts";
import type { Live } from "./live.ts";
import type { SiteTransforms } from "./transforms.ts";

type Read = readonly [labels: Labels, value: number];

export function transformReadings(transforms: SiteTransforms, clock: Clock): readonly LabelledReading[] {
  const read = (name: string, help: string, labels: readonly string[], of: (live: Live) => readonly Read[]) => ({
    name: `aisle_transform_${name}`,
    help,
    labels,
    read: () => transforms.lives.flatMap(of),
  });
  return [
    read("events_total", "Events by what became of them", ["spec", "outcome"], ({ name: spec, counts }) =>
      Object.entries(counts).map(([outcome, count]) => [{ spec, outcome }, count]),
    ),
    read(
      "faults_total",
      "Expressions that failed, by place and kind",
      ["spec", "aggregate", "field", "fault"],
      faultsOf,
    ),
    read("watermark_lag_seconds", "How far back events are still taken", ["spec"], ({ name: spec, settledAt }) =>
      settledAt === null ? [] : [[{ spec }, (clock.now() - settledAt) / 1000]],
    ),
    read("identities", "Identities in memory, and on the disk", ["spec", "where"], ({ name: spec, fold, cold }) => [
      [{ spec, where: "memory" }, fold.core.identitiesCount()],
      [{ spec, where: "disk" }, cold.size],
    ]),
    read("held_bytes", "What the identities in memory hold", ["spec"], ({ name: spec, fold }) => [
      [{ spec }, fold.usedBytes],
    ]),
    read("broken", "1: the spec has failed, and folds no more", ["spec"], ({ name: spec, broken }) => [
      [{ spec }, broken === null ? 0 : 1],
    ]),
    {
      name: "aisle_transform_reloads_total",
      help: "Reloads of the specs",
      labels: ["result"],
      read: () => Object.entries(transforms.reloads).map(([result, count]) => [{ result }, count]),
    },
    {
      name: "aisle_transform_queued_entries",
      help: "Entries on disk that have yet to be folded",
      labels: [],
      read: () => [[{}, transforms.queued]],
    },
  ];
}

/** Several places of one field count as one: its value, its condition. */
function faultsOf({ name: spec, fold }: Live): readonly Read[] {
  const sums = new Map<string, Read>();
  for (const { site, fault, count } of fold.faults()) {
    const labels = { spec, aggregate: site.aggregate ?? "", field: site.field ?? site.what, fault };
    const key = JSON.stringify(labels);
    sums.set(key, [labels, (sums.get(key)?.[1] ?? 0) + count]);
  }
  return [...sums.values()];
}
