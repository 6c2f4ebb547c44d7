// What both planes know of the PROXY protocol (haproxy.org, proxy-protocol.txt): how a header of either version begins, and
// the header of a connection that a proxy makes for itself, which is what a health check is. Reading headers, and writing
// those that speak for a client, is data/proxy-protocol.

/** Version 1 is a line of text that begins so. */
export const V1_START = 'PROXY '
/** Of version 1, line end included. */
export const V1_LONGEST = 107

/** The first twelve bytes of version 2, which no other protocol begins with. */
export const V2_SIGNATURE: readonly number[] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
/** Signature, version and command, family, length. */
export const V2_START = 16

/** Version and command, the 13th byte. */
export const V2_LOCAL = 0x20
export const V2_PROXY = 0x21

/** Family and transport, the 14th byte. */
export const V2_UNSPEC = 0x00
export const V2_TCP4 = 0x11
export const V2_TCP6 = 0x21
export const V2_UNIX = 0x31

/** Both ends of a connection. Addresses are literals of one family. */
export interface Ends {
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
}

/** @param ends null: there is nothing to say of them, or nothing that version 1 could say */
export const v1Line = (ends: Ends | null): string =>
  ends === null
    ? 'PROXY UNKNOWN\r\n'
    : `PROXY ${ends.source.includes(':') ? 'TCP6' : 'TCP4'} ${ends.source} ${ends.destination} ` +
      `${ends.sourcePort} ${ends.destinationPort}\r\n`

/**
 * The header of a connection of our own. Version 2 has a command for it; in version 1 the ends of the connection itself are
 * sent, because some receivers refuse UNKNOWN (section 2.1).
 * @param ends of that connection; null: it goes to a unix socket
 */
export const ownHeader = (version: 1 | 2, ends: Ends | null): Uint8Array =>
  version === 1 ? new TextEncoder().encode(v1Line(ends)) : Uint8Array.of(...V2_SIGNATURE, V2_LOCAL, V2_UNSPEC, 0, 0)
