const HIGH = 2 ** 32;

/** A sequence or id as an LMDB key: 8 bytes big-endian, so that keys sort as numbers do. Integers from 0 to 2^53. */
export function keyOf(seq: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(seq / HIGH), 0);
  key.writeUInt32BE(seq % HIGH, 4);
  return key;
}

export function seqOf(key: Buffer): number {
  return key.readUInt32BE(0) * HIGH + key.readUInt32BE(4);
}
