// Strict-Transport-Security in what is answered over TLS (RFC 6797). A response has one such field only (section 7.1), so a
// server that says it itself is not contradicted: it knows its own site best. Over plain http it is never said (section 7.2).
import { FIELD_OTHER, equalsIgnoringCase, type Fields } from './fields.ts'

const NAME = new TextEncoder().encode('strict-transport-security')

/** @param value of the field; null: it is not said. @returns the line with its CRLF, or '' */
export const hstsLine = (value: string | null): string =>
  value === null ? '' : `Strict-Transport-Security: ${value}\r\n`

/** Whether a response has the field already. */
export function saysHsts({ count, kind, start, nameEnd }: Fields, buffer: Uint8Array): boolean {
  for (let line = 0; line < count; line++) {
    if (kind[line] === FIELD_OTHER && equalsIgnoringCase(buffer, start[line]!, nameEnd[line]!, NAME)) return true
  }
  return false
}
