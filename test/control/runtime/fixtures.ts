// A Weir without workers, for tests of what operators do: the real reloader, keeper and journal, on a configuration on disk.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setUpBoard, enterServers } from '../../../src/control/board.ts'
import { BalanceKeeper } from '../../../src/control/balance/keeper.ts'
import { prepareStart, type Prepared } from '../../../src/control/prepare.ts'
import { ConfigReloader } from '../../../src/control/reload/reloader.ts'
import { journalPath } from '../../../src/control/runtime/journal.ts'
import type { Operator } from '../../../src/control/runtime/operator.ts'
import { Runtime } from '../../../src/control/runtime/runtime.ts'
import { somebody } from '../../../src/control/runtime/who.ts'
import { addSessionTables, createSharedTables } from '../../../src/control/shared-tables.ts'
import type { View } from '../../../src/control/view.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { adminStates } from '../../../src/model/states.ts'
import { folder } from '../../support/programs.ts'
import { memoryLog } from '../health/fixtures.ts'
import { fakeView } from '../fixtures.ts'

export const anna = somebody('test')

export const twoServers = `
frontends:
  web: { bind: 127.0.0.1:8080, backend: app }
backends:
  app:
    health_check: off
    servers:
      s1: 10.0.0.1:80
      s2: { address: 10.0.0.2:80, weight: 10 }
`

export interface Stage {
  readonly runtime: Runtime
  readonly file: string
  readonly journal: string
  readonly lines: readonly Record<string, unknown>[]
  /** What the log has of what was changed. */
  changes(): readonly string[]
  /** Writes the file anew, and has it read. */
  rewrite(edit: (yaml: string) => string): Promise<boolean>
  /** Admin state and weight of each server, as workers see them: 's1 ready 1'. */
  servers(): readonly string[]
}

/** @param file a stage of before, whose file and journal this one goes by: a restart */
export function startStage(
  yaml: string,
  { before, operator = {} }: { readonly before?: Stage; readonly operator?: Partial<Operator> } = {},
): Stage {
  const file = before?.file ?? join(folder(), 'weir.yaml')
  if (before === undefined) writeFileSync(file, yaml)
  const { log, lines } = memoryLog()
  const loaded = loadConfig(file)
  if (loaded.config === null) throw new Error(JSON.stringify(loaded.problems))
  const { preparation, first, journal } = prepareStart(loaded.config, log, file)
  let { snapshot } = first
  const board = setUpBoard(snapshot, preparation.shape)
  const keeper = new BalanceKeeper({ board, snapshot, onTable: () => {}, log })
  const tables = createSharedTables(snapshot, { workers: preparation.shape.workers, sources: 1024 })
  const install = async (next: Prepared): Promise<null> => {
    enterServers(board, snapshot, next.snapshot)
    addSessionTables(tables.sessions, next.snapshot.backends)
    keeper.follow(next.snapshot)
    snapshot = next.snapshot
    return null
  }
  const reloader = new ConfigReloader({
    path: file,
    first,
    file: loaded.config,
    overlay: journal.overlay,
    onChange: () => runtime.settle(),
    preparation,
    install,
    live: { frontend: () => 0, server: () => 0 },
    vitals: () => ({ requests: 0, failures: 0, servers: new Set(), up: new Set() }),
    log,
  })
  const view: View = Object.defineProperty(fakeView({ snapshot, board }), 'snapshot', { get: () => snapshot })
  const runtime = new Runtime(
    {
      view,
      reloader,
      balance: keeper,
      sessions: () => tables.sessions,
      log,
      kill: (worker) => worker < 2,
      recycle: null,
      checkNow: null,
      connections: null,
      failures: null,
      certificates: null,
      acme: null,
      upgrade: null,
      ...operator,
    },
    journal,
  )
  runtime.settle()
  return {
    runtime,
    file,
    journal: journalPath(file),
    lines,
    changes: () => lines.filter(({ by }) => by !== undefined).map(({ message }) => String(message)),
    rewrite: async (edit) => {
      writeFileSync(file, edit(readFileSync(file, 'utf8')))
      return (await reloader.reload('test')).ok
    },
    servers: () =>
      snapshot.backends.flatMap(({ servers }) =>
        servers.map(
          ({ slot, name }) =>
            `${name} ${adminStates[board.shared.server.admin[slot]!]!} ${board.shared.server.weight[slot]!}`,
        ),
      ),
  }
}
