// The monitor against real little servers: they come, go, flap, answer wrongly and hang.
import { expect, test } from 'vitest'
import { HealthMonitor, type CheckedBackend } from '../../../src/control/health/monitor.ts'
import { httpProbe } from '../../../src/control/health/probe-http.ts'
import { pass, fail, type CheckSpec, type Probe } from '../../../src/control/health/probe.ts'
import { tcpProbe } from '../../../src/control/health/probe-tcp.ts'
import {
  ADMIN_MAINT,
  ADMIN_READY,
  HEALTH_DOWN,
  HEALTH_UP,
  healthStates,
  type HealthState,
} from '../../../src/model/states.ts'
import { ms } from '../../../src/model/units.ts'
import { createScoreboard } from '../../../src/scoreboard/scoreboard.ts'
import { backendSpec, httpCheck, httpServer, memoryLog, quickCheck, serverSpec, until } from './fixtures.ts'

function setUp() {
  const board = createScoreboard({ workers: 1, frontends: 1, backends: 2, servers: 8 })
  const { log, lines } = memoryLog()
  /** Slots in the order in which verdicts on them came. */
  const verdicts: number[] = []
  const setHealth = (slot: number, state: HealthState): void => {
    board.shared.server.health[slot] = healthStates.indexOf(state)
    verdicts.push(slot)
  }
  const monitor = new HealthMonitor({ board, verdicts: { setHealth }, log })
  const health = (slot = 0): number => board.shared.server.health[slot]!
  return { board, lines, verdicts, monitor, health, [Symbol.asyncDispose]: () => monitor.close() }
}

const checked = (ports: readonly number[], check: CheckSpec | null): CheckedBackend => ({
  backend: backendSpec({ servers: ports.map((port, slot) => serverSpec({ slot, name: `s${slot + 1}`, port })) }),
  check,
  probeFor: (server) =>
    check?.http ? httpProbe(server, check.http, check.timeout) : tcpProbe(server, check?.timeout ?? ms(1)),
})

/** A backend of one server whose results come from the list; the last one stays. */
const scripted = (check: CheckSpec, probe: Probe): CheckedBackend => ({
  backend: backendSpec(),
  check,
  probeFor: () => probe,
})

test('a server goes down and comes back, and each change is logged once with its reason', async () => {
  await using server = await httpServer((_, response) => response.end())
  await using other = await httpServer((_, response) => response.end())
  await using s = setUp()
  s.monitor.follow([checked([server.port, other.port], quickCheck())])
  await until(() => s.health(0) === HEALTH_UP && s.health(1) === HEALTH_UP)
  const before = s.verdicts.length
  await server.stop()
  await until(() => s.health(0) === HEALTH_DOWN)
  expect(s.verdicts.slice(before)).toEqual([0])
  await server.start()
  await until(() => s.health(0) === HEALTH_UP)
  const changes = s.lines
    .filter((line) => line.server === 's1')
    .map(({ level, from, to, reason }) => ({ level, from, to, reason }))
  const refused = `connect ECONNREFUSED 127.0.0.1:${server.port}`
  expect(changes.map(({ level, from, to }) => [level, from, to])).toEqual([
    ['info', 'checking', 'up'],
    ['warn', 'up', 'down'],
    ['info', 'down', 'up'],
  ])
  expect(['read ECONNRESET', refused]).toContain(changes[1]!.reason)
  expect(s.lines.find((line) => line.to === 'down')).toMatchObject({ backend: 'app', serversUp: 1, servers: 2 })
  expect(s.health(1)).toBe(HEALTH_UP)
})

test('the last server to go down is logged as an error', async () => {
  await using s = setUp()
  s.monitor.follow([scripted(quickCheck(), async () => fail('no luck'))])
  await until(() => s.health() === HEALTH_DOWN)
  expect(s.lines).toEqual([expect.objectContaining({ level: 'error', reason: 'no luck', serversUp: 0, servers: 1 })])
})

test('a new server is down after its first failed check, and up after the first passed one', async () => {
  await using s = setUp()
  const slow = quickCheck({ interval: ms(3_600_000), fastInterval: ms(3_600_000), rise: 5, fall: 5 })
  const results = [pass('a'), fail('b')]
  s.monitor.follow([
    {
      backend: backendSpec({ servers: [serverSpec(), serverSpec({ slot: 1 })] }),
      check: slow,
      probeFor: (server) => async () => results[server.slot]!,
    },
  ])
  await until(() => s.health(0) === HEALTH_UP && s.health(1) === HEALTH_DOWN)
})

test('an up server with fewer failures in a row than fall stays up', async () => {
  await using s = setUp()
  let checks = 0
  const flapping: Probe = async () => (checks++ % 3 === 0 ? pass('fine') : fail('not now'))
  s.monitor.follow([scripted(quickCheck({ interval: ms(1), fastInterval: ms(1) }), flapping)])
  await until(() => checks > 20)
  expect(s.health()).toBe(HEALTH_UP)
  expect(s.lines).toHaveLength(1)
})

test('a wrong status takes a server down, with the status as the reason', async () => {
  let status = 204
  await using server = await httpServer((_, response) => response.writeHead(status).end())
  await using s = setUp()
  s.monitor.follow([checked([server.port], quickCheck({ http: httpCheck() }))])
  await until(() => s.health() === HEALTH_UP)
  expect(s.monitor.of(0)).toMatchObject({ state: 'up', lastResult: 'status 204' })
  status = 503
  await until(() => s.health() === HEALTH_DOWN)
  expect(s.lines.at(-1)).toMatchObject({ to: 'down', reason: 'status 503, expected 200-399' })
})

test('a hanging server is down after the timeout, and its checks never overlap', async () => {
  await using server = await httpServer(() => {})
  await using s = setUp()
  const check = quickCheck({ interval: ms(5), fastInterval: ms(5), timeout: ms(40), http: httpCheck() })
  let running = 0
  let most = 0
  const hanging = checked([server.port], check)
  const probeFor: CheckedBackend['probeFor'] = (spec) => (signal) => {
    most = Math.max(most, ++running)
    return hanging
      .probeFor(spec)(signal)
      .finally(() => running--)
  }
  s.monitor.follow([{ ...hanging, probeFor }])
  await until(() => s.monitor.of(0).lastResult !== null)
  const first = s.monitor.of(0).lastCheckAt
  await until(() => s.monitor.of(0).lastCheckAt !== first)
  expect(s.monitor.of(0)).toMatchObject({ state: 'down', lastResult: 'timeout after 40 ms' })
  expect(s.health()).toBe(HEALTH_DOWN)
  expect(most).toBe(1)
})

test('one slow result counts once', async () => {
  await using s = setUp()
  let release = (): void => {}
  let checks = 0
  const probe: Probe = (signal) => {
    checks++
    return new Promise((resolve) => {
      release = () => resolve(checks === 1 ? pass('fine') : fail('slow'))
      signal.addEventListener('abort', release)
    })
  }
  s.monitor.follow([scripted(quickCheck({ interval: ms(1), fastInterval: ms(1), fall: 2 }), probe)])
  release()
  await until(() => checks === 2)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(checks).toBe(2)
  release()
  await until(() => checks === 3)
  expect(s.health()).toBe(HEALTH_UP)
  release()
  await until(() => s.health() === HEALTH_DOWN)
})

test('a server without checks is up at once', async () => {
  await using s = setUp()
  s.monitor.follow([checked([1], null)])
  expect(s.health()).toBe(HEALTH_UP)
  expect(s.verdicts).toEqual([0])
  expect(s.monitor.of(0)).toMatchObject({ state: 'up', lastResult: null, lastCheckAt: null })
})

test('a server in maint is not probed until it is taken out of it', async () => {
  await using s = setUp()
  let checks = 0
  Atomics.store(s.board.shared.server.admin, 0, ADMIN_MAINT)
  s.monitor.follow([
    scripted(quickCheck({ interval: ms(1), fastInterval: ms(1) }), async () => (checks++, pass('fine'))),
  ])
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(checks).toBe(0)
  Atomics.store(s.board.shared.server.admin, 0, ADMIN_READY)
  await until(() => checks > 0)
})

test('a probe that throws is a failed check', async () => {
  await using s = setUp()
  s.monitor.follow([scripted(quickCheck(), () => Promise.reject(new Error('a bug')))])
  await until(() => s.health() === HEALTH_DOWN)
  expect(s.monitor.of(0).lastResult).toBe('a bug')
})

test('closing ends checks under way without a verdict', async () => {
  const s = setUp()
  s.monitor.follow([
    scripted(
      quickCheck(),
      (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(fail('cancelled')))),
    ),
  ])
  await s.monitor.close()
  await s.monitor.close()
  expect(s.monitor.of(0)).toMatchObject({ state: 'checking', lastResult: null })
  expect(s.lines).toEqual([])
})
