// The peers by the name that --peers takes, in the order of the results.
import { haproxy } from './haproxy.ts'
import { hitch } from './hitch.ts'
import { nginx } from './nginx.ts'
import { httpProxy3, nodeUndici } from './node-peers.ts'
import type { Peer } from './peer.ts'
import { weir, weirTwice } from './weir.ts'

/** Take part in every workload. */
export const mainPeers: readonly string[] = ['weir', 'haproxy', 'nginx']

export const peers: ReadonlyMap<string, Peer> = new Map(
  [weir(1), haproxy, nginx, hitch, httpProxy3, nodeUndici, weir(2), weirTwice].map((peer) => [peer.name, peer]),
)
