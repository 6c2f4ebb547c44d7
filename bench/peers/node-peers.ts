// The proxies that are themselves Node programs: http-proxy-3, and node:http with undici. What each does is in its script.
import { join } from 'node:path'
import { packageVersion } from '../machine.ts'
import type { Peer } from './peer.ts'

function nodePeer(name: string, script: string, packageName: string): Peer {
  return {
    name,
    workers: 1,
    warmUp: 8,
    version: () => `${packageName} ${packageVersion(`node_modules/${packageName}`)} on Node ${process.versions.node}`,
    cannot: ({ mode, certificate, accessLog }) =>
      mode === 'http' && !certificate && !accessLog ? null : 'its script does plain HTTP only',
    prepare: ({ port, serverPort }) => ({
      argv: [process.execPath, join(import.meta.dirname, script), String(port), String(serverPort)],
    }),
  }
}

export const httpProxy3 = nodePeer('http-proxy-3', 'http-proxy-3-server.ts', 'http-proxy-3')
export const nodeUndici = nodePeer('node-undici', 'node-undici-server.ts', 'undici')
