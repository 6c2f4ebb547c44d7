// The connections of one worker as an operator sees them: found by frontend, by client, by the server that they are on, to be
// shown or to be closed. A walk over all connections, made when somebody asks.
import type { ConnectionInfo, ConnectionMatch } from '../../messages/messages.ts'
import { compileNetworks } from '../clients/networks.ts'
import type { Connection } from './connections.ts'
import type { Listener } from './listener.ts'

/** Connections that one answer shows; the others are counted. */
const MAX_SHOWN = 1000

/**
 * @param close ends them now, whatever is under way, and shows none
 * @returns how many match, and the first of them
 */
export function findConnections(
  listeners: Iterable<Listener>,
  { frontend, server, networks }: ConnectionMatch,
  close: boolean,
): { found: number; list: ConnectionInfo[] } {
  const isOfNetworks = networks === null ? null : compileNetworks(networks)
  const list: ConnectionInfo[] = []
  let found = 0
  for (const listener of listeners) {
    if (frontend !== null && listener.slot !== frontend) continue
    for (const connection of listener.connections()) {
      if (server !== null && connection.serverSlot !== server) continue
      if (networks !== null && isOfNetworks?.(connection.address ?? '') !== true) continue
      found++
      if (close) connection.cutOff()
      else if (list.length < MAX_SHOWN) list.push(infoOf(connection, listener))
    }
  }
  return { found, list }
}

function infoOf(connection: Connection, { name, bind }: Listener): ConnectionInfo {
  const { address, port = 0, serverSlot: server = -1 } = connection
  const state = address === undefined ? 'waiting' : server < 0 ? 'idle' : 'busy'
  return { frontend: name, address: address ?? '', port, tls: bind.tls !== null, state, server }
}
