// Which identities have changed since they were saved: rings through the identities themselves, so that to note a change
// costs no memory, and to find them no search.
//
// Changed: to be saved with the next round. Round: to be saved with this one. Given: saved with this round, which is not on
// disk yet, and not changed since.

import { FLAGS, TAIL_COUNT, identityFrom, nextPlace } from "./identity";

const PREVIOUS: usize = 64;
const NEXT: usize = 68;

/** Bits of the flags: in one of the first two rings, in the third. */
export const LISTED: u32 = 0x100;
const GIVEN_FLAG: u32 = 0x200;

/** Heads of the rings, with links where identities have theirs. */
const changed: usize = memory.data(80, 16);
const round: usize = memory.data(80, 16);
const given: usize = memory.data(80, 16);

let isOn: bool = false;

/** From here on changes are noted; before the first event. */
export function noteChanges(): void {
  empty(changed);
  empty(round);
  empty(given);
  isOn = true;
}

/** The identity is no longer what was saved of it. */
export function change(identity: usize): void {
  if (!isOn || (load<u32>(identity, FLAGS) & LISTED) != 0) return;
  unlist(identity);
  enlist(identity, changed, LISTED);
}

/** The same for one that comes back from the disk: if a round is under way, it belongs to it. */
export function changeBefore(identity: usize): void {
  if (!isOn) return;
  unlist(identity);
  enlist(identity, round, LISTED);
}

/** All that are in memory have changed. */
export function changeAll(): void {
  for (let place: u32 = 0; ; place = nextPlace()) {
    const identity = identityFrom(place);
    if (identity == 0) return;
    change(identity);
    if (nextPlace() == 0) return;
  }
}

/** Is it to be saved, or was it with a round that is not on disk yet? 1, 2; 0: neither. */
export function isChanged(identity: usize): u32 {
  const flags = load<u32>(identity, FLAGS);
  return flags & LISTED ? 1 : flags & GIVEN_FLAG ? 2 : 0;
}

/** What has changed until now is this round's. */
export function beginRound(): void {
  const first = <usize>load<u32>(changed, NEXT);
  if (first == changed) return;
  const last = <usize>load<u32>(changed, PREVIOUS);
  empty(changed);
  join(load<u32>(round, PREVIOUS), first);
  join(last, round);
}

/** The next that is to be saved with this round, or 0. */
export function nextOfRound(): usize {
  const first = <usize>load<u32>(round, NEXT);
  return first == round ? 0 : first;
}

/** It is saved. What has a tail is saved again with the next round: what settles must not need old events for ever. */
export function giveToRound(identity: usize): void {
  unlist(identity);
  if (load<u32>(identity, TAIL_COUNT) > 0) enlist(identity, changed, LISTED);
  else enlist(identity, given, GIVEN_FLAG);
}

/**
 * Of the identities that the last round saved, some: that is done, or it has to be again.
 *
 * @param isKept  whether the round is on disk
 * @returns whether there are more
 */
export function endRound(isKept: bool, count: i32): bool {
  for (; count > 0; count--) {
    const identity = <usize>load<u32>(given, NEXT);
    if (identity == given) return false;
    unlist(identity);
    if (!isKept) enlist(identity, changed, LISTED);
  }
  return true;
}

/** Takes it out of its ring, if it is in one. */
export function unlist(identity: usize): void {
  const flags = load<u32>(identity, FLAGS);
  if ((flags & (LISTED | GIVEN_FLAG)) == 0) return;
  store<u32>(identity, flags & ~(LISTED | GIVEN_FLAG), FLAGS);
  join(load<u32>(identity, PREVIOUS), load<u32>(identity, NEXT));
}

function enlist(identity: usize, ring: usize, flag: u32): void {
  store<u32>(identity, load<u32>(identity, FLAGS) | flag, FLAGS);
  join(load<u32>(ring, PREVIOUS), identity);
  join(identity, ring);
}

// @ts-ignore: decorator
@inline
function join(before: usize, behind: usize): void {
  store<u32>(before, <u32>behind, NEXT);
  store<u32>(behind, <u32>before, PREVIOUS);
}

function empty(ring: usize): void {
  join(ring, ring);
}
