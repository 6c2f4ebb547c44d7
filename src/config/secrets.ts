// Secrets in files of their own: keys of session tickets, of TSIG, of an external account. Text in, bytes out, or what is
// wrong with it, which never shows any of the text.

/** Bytes of a key for session tickets: 16 of name, 16 for HMAC, 16 for AES, as OpenSSL has them. */
export const ticketKeyBytes = 48
const mostTicketKeys = 16

/**
 * Reads a file of keys for session tickets: a line for each, 48 bytes in base64; empty lines and those that begin with '#' do
 * not count. Tickets are made with the first.
 * @returns the keys in order, or what is wrong, in words that tell nothing of them
 */
export function readTicketKeys(text: string): readonly Uint8Array[] | string {
  const keys: Buffer[] = []
  for (const [i, line] of text.split('\n').entries()) {
    const written = line.trim()
    if (written === '' || written.startsWith('#')) continue
    const key = Buffer.from(written, 'base64')
    if (key.toString('base64') !== written) return `line ${i + 1} is not base64`
    if (key.length !== ticketKeyBytes) return `line ${i + 1} has ${key.length} bytes, not ${ticketKeyBytes}`
    if (keys.some((other) => key.equals(other))) return `line ${i + 1} is there twice`
    keys.push(key)
  }
  if (keys.length === 0) return 'there is no key in it'
  return keys.length > mostTicketKeys
    ? `there are ${keys.length} keys in it, and ${mostTicketKeys} at most are taken`
    : keys
}

/** Base64 or base64url, white space around it; null: neither. At least 1 byte. */
export function fromBase64(text: string): Uint8Array | null {
  const written = text.trim()
  if (!/^([A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}$/.test(written)) return null
  const bytes = Buffer.from(written, 'base64')
  // A sum of characters that no bytes come to is cut off by Node without a word.
  return bytes.length > 0 && written.replace(/=+$/, '').length % 4 !== 1 ? new Uint8Array(bytes) : null
}

/** Secret of a TSIG key: base64 alone, or the `secret` of a key as `tsig-keygen` writes it. */
export const parseTsigSecret = (text: string): Uint8Array | null =>
  fromBase64(/\bsecret\s+"([^"]+)"/.exec(text)?.[1] ?? text)
