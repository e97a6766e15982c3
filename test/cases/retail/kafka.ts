// The envelope on the bus, as the earlier recommendation service read it.
import { expect } from "vitest";
import { departmentNames } from "../../../runtime/data/departments.ts";
import { isObject, type Shape, timeOf } from "./cases.ts";
import { Scene } from "./scene.ts";
import { dummySite } from "./sites.ts";
import { verdictOf } from "./verdict.ts";

export const kafka: readonly Shape[] = [
  {
    name: "an envelope on the focus topic",
    fits: ({ input }) => isObject(input.message) || typeof input.message_text === "string",
    async run(each) {
      const { message, message_text: text } = each.input;
      const { payload } = (message ?? {}) as { payload?: { customer_id: unknown; category: string } };
      const at = timeOf(message);
      const scene = await Scene.open(dummySite(at));
      // A text that can't be read is refused, whatever the advice says about going on.
      const taken = text === undefined && verdictOf(each).taken;

      const ack = await scene.tell("focus", text ?? message);
      const after = await scene.tell("focus", { event_timestamp: at, payload: { customer_id: 8, category: "Girls" } });

      expect(ack).toMatchObject(taken ? { accepted: 1, rejected: [] } : { accepted: 0 });
      expect(scene.letters()).toHaveLength(taken ? 0 : 1);
      expect(after.accepted).toBe(1);
      expect(scene.predictions).toHaveLength(taken ? 2 : 1);
      if (!taken) return;
      const department = departmentNames(scene.place.site.departments)(payload!.category);
      expect(scene.decisions[0]).toMatchObject({ customer: String(payload!.customer_id), department });
      expect(scene.predictions[0]).toMatchObject({
        event_type: "prediction result",
        payload: { customer_id: Number(payload!.customer_id), coupon_id: expect.any(Number) },
        coupon: { department },
      });
    },
  },
];
