// What operators stand on, where there is no Weir below it: for tests of the sockets alone.
import type { Config } from '../../../src/config/config.ts'
import type { Reloader, ReloadOutcome } from '../../../src/control/reload/types.ts'
import { Journal } from '../../../src/control/runtime/journal.ts'
import type { Operator } from '../../../src/control/runtime/operator.ts'
import { Runtime } from '../../../src/control/runtime/runtime.ts'
import { fakeView } from '../fixtures.ts'
import { memoryLog } from '../health/fixtures.ts'

export const goodOutcome: ReloadOutcome = { ok: true, version: 2, changes: [], problems: '', confirmBy: null }

export function fakeReloader(overrides: Partial<Reloader> = {}): Reloader {
  const config = { frontends: [], backends: [] } as unknown as Config
  return {
    fileConfig: config,
    config,
    path: '/etc/weir.yaml',
    history: { succeeded: 0, failed: 0, lastOk: true, lastAt: 0 },
    reload: async () => goodOutcome,
    plan: async () => goodOutcome,
    apply: async () => goodOutcome,
    confirm: () => true,
    setOverlay: async () => goodOutcome,
    ...overrides,
  }
}

export function fakeRuntime(overrides: Partial<Operator> = {}): Runtime {
  const { log } = memoryLog()
  const operator: Operator = {
    view: fakeView(),
    reloader: fakeReloader(),
    balance: { setAdmin() {}, setWeight() {} },
    sessions: () => ({}),
    log,
    kill: () => true,
    recycle: null,
    checkNow: null,
    connections: null,
    failures: null,
    certificates: null,
    acme: null,
    upgrade: null,
    ...overrides,
  }
  return new Runtime(operator, new Journal(null, log))
}
