// A configuration without what must not leave the process: private keys and the keys of cookies. What is left out is said to
// be there, so that nobody takes it for missing.

const HIDDEN = '(not shown)'

/** Plain data for JSON. Bytes are secrets here, and so is every text with a private key in it. */
export function withoutSecrets(value: unknown): unknown {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return HIDDEN
  if (typeof value === 'string') return /PRIVATE KEY-----/.test(value) ? HIDDEN : value
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, withoutSecrets(each)]))
}
