// How the address of a client is shown and passed on.

/** An IPv4 client of a dual-stack socket is shown as what it is; a unix socket has no address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
