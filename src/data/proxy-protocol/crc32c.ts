// CRC-32C (Castagnoli): polynomial 0x1EDC6F41, reflected, as RFC 9260, appendix A has it. Byte by byte over a table: headers
// have a few dozen bytes.

/** To begin with, and what the end is exclusive-ored with. */
export const CRC32C_SEED = -1

const REFLECTED = 0x82f63b78

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ REFLECTED
  return crc
})

/** Goes on with bytes[from, end). @param crc CRC32C_SEED, or what this has returned for the bytes before; an int32 */
export function crc32c(crc: number, bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return crc
}
