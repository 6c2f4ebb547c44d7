// A snapshot, a scoreboard and a view of a Weir that is not there, for tests of what only looks at it.
import type { BindSpec, FrontendSpec, Snapshot } from '../../src/messages/snapshot.ts'
import { setUpBoard, shapeFor } from '../../src/control/board.ts'
import type { View } from '../../src/control/view.ts'
import { bytes, ms } from '../../src/model/units.ts'
import { noOverload, openFrontend } from '../support/specs.ts'
import { backendSpec, serverSpec } from './health/fixtures.ts'

export const bindSpec = (overrides: Partial<BindSpec> = {}): BindSpec => ({
  id: 'web/127.0.0.1:0',
  host: '127.0.0.1',
  port: 0,
  path: null,
  proxy: null,
  tls: null,
  backend: -1,
  ...overrides,
})

export const frontendSpec = (overrides: Partial<FrontendSpec> = {}): FrontendSpec => ({
  slot: 0,
  name: 'web',
  mode: 'http',
  binds: [bindSpec()],
  maxConnections: 1000,
  accessLog: false,
  timeouts: {
    clientHeader: ms(1000),
    clientIdle: ms(1000),
    bodyGrace: ms(5000),
    keepAlive: ms(1000),
    tlsHandshake: ms(1000),
  },
  limits: { head: bytes(16_384), fields: 100, target: bytes(8192), body: bytes(0), bodyRate: bytes(0) },
  ...openFrontend,
  forward: { xForwarded: 'append', requestId: 'keep', via: null },
  routes: [],
  backend: 0,
  ...overrides,
})

/** One frontend, one backend, two servers. */
export const snapshotOf = (overrides: Partial<Snapshot> = {}): Snapshot => ({
  version: 1,
  maxConnections: 5000,
  shutdownTimeout: ms(1000),
  lameDuck: ms(0),
  overload: noOverload,
  accessLog: null,
  frontends: [frontendSpec()],
  backends: [
    backendSpec({
      servers: [
        serverSpec({ host: '10.0.0.1', port: 80 }),
        serverSpec({ slot: 1, name: 's2', host: '10.0.0.2', port: 80, weight: 3 }),
      ],
    }),
  ],
  ...overrides,
})

export function fakeView(overrides: Partial<View> = {}): View {
  const snapshot = overrides.snapshot ?? snapshotOf()
  return {
    reloads: () => ({ succeeded: 2, failed: 1, lastOk: false, lastAt: 0 }),
    version: '1.2.3',
    startedAt: Date.now() - 65_000,
    snapshot,
    board: setUpBoard(snapshot, shapeFor(snapshot, 2)),
    workers: () => [0, 1].map((worker) => ({ worker, state: 'listening', since: 0, restarts: worker })),
    ports: () => ({ 'web/127.0.0.1:0': 8080 }),
    upkeep: () => ({
      size: 0,
      first: () => [],
      ocsp: () => ({ state: 'none', thisUpdate: null, nextUpdate: null, problem: null }),
      questions: { answered: 0, failed: 0 },
      trials: [],
    }),
    health: () => ({
      state: 'up',
      since: 1_700_000_000_000,
      lastResult: 'status 200',
      lastCheckAt: 1_700_000_001_000,
      lastDuration: 1.25,
    }),
    certificates: () => ({ placeholders: [], expiring: [], problems: [] }),
    drift: () => 0,
    ...overrides,
  }
}
