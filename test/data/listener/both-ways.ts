// One port that goes both ways: names below db.test pass through to a TLS server, web.test is served here.
import type { X509Certificate } from 'node:crypto'
import net from 'node:net'
import type tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { certificateSpec } from '../../support/certificates.ts'
import type { PassthroughSpec } from '../../../src/messages/tls.ts'
import { snapshotOf, type BackendWish, type FrontendWish, type TestPlane, type Wish } from '../../support/data-plane.ts'
import { answering, dial, startPlane, startServer, type RawClient, type ScriptedServer } from '../../support/peers.ts'
import type { TlsWish } from '../../support/tls.ts'

export const PORT_NAME = 'web.test'
export const SERVER_NAME = 'a.db.test'

/** Certificates are made once for all tests of a file. */
const ours = certificateSpec({ names: [PORT_NAME] })
const theirs = certificateSpec({ names: ['*.db.test'] })

export interface Stage {
  readonly plane: TestPlane
  readonly port: number
  readonly wish: Wish
  /** The TLS server behind. */
  readonly behind: ScriptedServer
}

export interface StageWish {
  readonly tls?: Partial<TlsWish>
  readonly frontend?: FrontendWish
  readonly bind?: Partial<Omit<NonNullable<FrontendWish['binds']>[number], 'tls'>>
  /** Of the backend that is passed through to. */
  readonly behind?: Partial<BackendWish>
  /** Further backends. */
  readonly more?: readonly BackendWish[]
  readonly snapshot?: Wish['snapshot']
}

export async function bothWays(stage: StageWish = {}): Promise<Stage> {
  const { frontend, snapshot } = stage
  const { cert, key } = await theirs
  const web = await startServer(answering('from the web'))
  const behind = await startServer(answering('from behind'), {
    tls: { cert, key, ALPNProtocols: ['mqtt', 'http/1.1'] },
  })
  const secure: TlsWish = {
    certificates: [await ours],
    passthrough: [{ names: ['*.db.test'], protocols: [], backend: 1 }],
    ...stage.tls,
  }
  const wish: Wish = {
    frontends: [{ ...frontend, binds: [{ ...stage.bind, tls: secure }] }],
    backends: [
      { mode: frontend?.mode ?? 'http', servers: [web.port] },
      { mode: 'tcp', servers: [behind.port], ...stage.behind },
      ...(stage.more ?? []),
    ],
    ...(snapshot === undefined ? {} : { snapshot }),
  }
  const plane = await startPlane(wish)
  return { plane, port: plane.port, wish, behind }
}

/** Goes over to other rules of passthrough. */
export async function changeRules({ plane, wish }: Stage, passthrough: readonly PassthroughSpec[]): Promise<void> {
  const frontend = wish.frontends![0]!
  const bind = frontend.binds![0]!
  const changed = { ...frontend, binds: [{ ...bind, tls: { ...bind.tls!, passthrough } }] }
  const snapshot = snapshotOf({ ...wish, frontends: [changed] })
  await plane.plane.apply({ type: 'apply', snapshot, tables: {}, sessions: {}, ports: plane.ports })
}

/** A client over TLS, when its handshake is done. */
export const secureClient = (port: number, servername: string, ...protocols: readonly string[]): Promise<RawClient> =>
  dial(port, { servername, ...(protocols.length > 0 ? { ALPNProtocols: [...protocols] } : {}) })

/** Whose certificate the client was shown: its first name. */
export const shownTo = ({ socket }: RawClient): string => nameOf((socket as tls.TLSSocket).getPeerX509Certificate()!)

export const nameOf = (certificate: X509Certificate): string => certificate.subjectAltName!.replace('DNS:', '')

export const passedThrough = ({ board }: TestPlane, frontend = 0): number =>
  board.rows[0]!.counters.frontend.passedThrough[frontend]!

/** All connections of the plane, or the end of them. */
export const connections = ({ plane }: TestPlane, close = false): ReturnType<TestPlane['plane']['connections']> =>
  plane.connections({ type: 'connections', id: 1, match: { frontend: null, server: null, networks: null }, close })

/** A port behind which all bytes of a client go on in pieces of `size`, one after the other. */
export async function trickle(port: number, size: number): Promise<number> {
  const relay = await startServer((client) => {
    const plane = net.connect({ port, host: '127.0.0.1', noDelay: true })
    onTestFinished(() => void plane.destroy())
    plane.on('error', () => client.destroy()).on('data', (chunk) => client.write(chunk))
    plane.on('end', () => client.end())
    client.on('close', () => plane.destroy())
    let waiting = Buffer.alloc(0)
    const pump = (): void => {
      plane.write(waiting.subarray(0, size))
      waiting = waiting.subarray(size)
      if (waiting.length > 0) setImmediate(pump)
    }
    client.on('data', (chunk: Buffer) => {
      const busy = waiting.length > 0
      waiting = Buffer.concat([waiting, chunk])
      if (!busy) setImmediate(pump)
    })
  })
  return relay.port
}
