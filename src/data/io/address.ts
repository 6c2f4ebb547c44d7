// How the address of a client is shown and passed on.

/** What stands for the address of a client of a unix socket, which has none. */
export const NO_ADDRESS = 'unknown'

/** An IPv4 client of a dual-stack socket is shown as what it is. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return NO_ADDRESS
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
