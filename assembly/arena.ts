// The memory of one instance. The host makes an instance for each scanner and each model, so
// that dropping the instance gives its memory back: nothing here is ever freed.

/** Reserve `bytes` for good, 16-byte aligned, zeroed. Grows the memory: the host's views are void afterwards. */
export function reserve(bytes: usize): usize {
  const address = heap.alloc(bytes);
  memory.fill(address, 0, bytes);
  return address;
}
