import { Lane, type LaneOptions } from "../../runtime/bus/lane.ts";
import { instantiate } from "../../runtime/core/core.ts";
import { FrameReader, type FramesCore } from "../../runtime/core/frames.ts";
import { limits } from "../../runtime/limits.ts";
import { messagesIn } from "./item-rows.ts";
import type { PlainMessage } from "./nats-frames.ts";

const CAPACITY = 1_000;

export interface OpenLane {
  readonly lane: Lane;
  /** All that came so far. */
  readonly got: PlainMessage[];
  readonly errors: { readonly code: string; readonly message: string }[];
  /** Why another way has to be taken. */
  readonly handedOver: string[];
}

/** A lane that keeps what it brings. */
export function openLane(
  options: Pick<LaneOptions, "servers" | "subjects"> & Partial<LaneOptions>,
  take: (messages: readonly PlainMessage[], lane: Lane) => boolean = () => true,
): OpenLane {
  const core = instantiate<FramesCore>();
  const rows = core.reserve(CAPACITY * 32);
  const { busMessageBytes, busLineBytes, laneReadBytes } = limits;
  const sizes = { bytesMax: busMessageBytes, lineMax: busLineBytes, readBytes: laneReadBytes };
  const got: PlainMessage[] = [];
  const errors: OpenLane["errors"] = [];
  const handedOver: string[] = [];
  const lane: Lane = new Lane({
    frames: new FrameReader({ core, rows, capacity: CAPACITY, ...sizes }),
    take: (count) => {
      const messages = messagesIn(core.memory, rows, count);
      got.push(...messages);
      return take(messages, lane);
    },
    handOver: (reason) => handedOver.push(reason),
    onError: (error) => errors.push(error as OpenLane["errors"][number]),
    ...options,
  });
  return { lane, got, errors, handedOver };
}
