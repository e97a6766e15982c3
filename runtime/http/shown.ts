import type { Standing } from "./ports.ts";

/**
 * A decision as a display or a publisher sees it: what is offered, until when, or why nothing is. What it rests on
 * (features, candidates, versions) is a call away, at `/decisions/<id>`, for those who may read that.
 */
export function shown({ seq, decision, messages }: Standing) {
  const { id, customer, department, focusedAt, receivedAt, expiresAt, offers, none, test } = decision;
  return { seq, decision: id, customer, department, focusedAt, receivedAt, expiresAt, offers, none, messages, test };
}
