// Another health check while Weir runs: on all servers of a backend, over reloads and restarts, against the file, and back.
import { expect, test } from 'vitest'
import { clearDrift, readDrift } from '../../../src/control/runtime/drift.ts'
import { setHealthCheck } from '../../../src/control/runtime/health-check.ts'
import { addServer } from '../../../src/control/runtime/servers.ts'
import { anna, startStage, twoServers, type Stage } from './fixtures.ts'

const wish = { path: '/index.html', tls: false, port: 8080, interval: 5000, timeout: 3000, rise: 2, fall: 3 }
const backendOf = ({ runtime }: Stage) => runtime.operator.reloader.config.backends[0]!

test('all servers are checked so from then on, those too that are added later', async () => {
  const stage = startStage(twoServers)
  expect(await setHealthCheck(stage.runtime, 'app', wish, anna)).toEqual({ backend: 'app', ...wish })
  await addServer(stage.runtime, ['app', 's3'], { address: '10.0.0.3:81' }, anna)
  const { healthCheck, servers } = backendOf(stage)
  expect(healthCheck).toMatchObject({ interval: 5000, timeout: 3000, rise: 2, fall: 3, fastInterval: 1000 })
  expect(healthCheck!.http).toEqual({ method: 'GET', path: '/index.html', host: null, expect: [[200, 200]] })
  expect(servers.map(({ port, check }) => [port, check.host, check.port, check.tls])).toEqual([
    [80, '10.0.0.1', 8080, null],
    [80, '10.0.0.2', 8080, null],
    [81, '10.0.0.3', 8080, null],
  ])
  expect(stage.changes()).toContain(
    'backend app: health check HTTP:8080/index.html every 5000 ms for 3000 ms, rise 2, fall 3, changed by somebody at the test',
  )
})

test('over TLS a check is as careful as the traffic, and careless where that is in clear', async () => {
  const stage = startStage(twoServers.replace('10.0.0.1:80', '{ address: 10.0.0.1:443, tls: { verify: true } }'))
  await setHealthCheck(stage.runtime, 'app', { ...wish, path: null, tls: true, port: 443 }, anna)
  expect(backendOf(stage).healthCheck!.http).toBeNull()
  expect(backendOf(stage).servers.map(({ check }) => check.tls?.verify)).toEqual([true, false])
})

test('it is shown as drift, outlives a restart, and can be taken back', async () => {
  const stage = startStage(twoServers.replace('    health_check: off\n', ''))
  const before = backendOf(stage)
  await setHealthCheck(stage.runtime, 'app', wish, anna)
  await setHealthCheck(stage.runtime, 'app', { ...wish, path: null }, anna)
  const configured = 'tcp every 2000 ms (1000) for 1000 ms, rise 2, fall 3'
  const drift = [{ target: 'app', field: 'health_check', value: { path: null, port: 8080 }, configured }]
  expect(readDrift(stage.runtime).overrides).toMatchObject(drift)
  const after = startStage('', { before: stage })
  expect(readDrift(after.runtime).overrides).toMatchObject(drift)
  expect(backendOf(after).healthCheck).toMatchObject({ interval: 5000, http: null })
  expect(await clearDrift(after.runtime, 'app', anna)).toHaveLength(1)
  expect(backendOf(after)).toEqual(before)
})

test('the file wins as soon as it says something else about checks, and not before', async () => {
  const stage = startStage(twoServers)
  await setHealthCheck(stage.runtime, 'app', wish, anna)
  expect(await stage.rewrite((yaml) => yaml.replace('weight: 10', 'weight: 9'))).toBe(true)
  expect(backendOf(stage).healthCheck!.interval).toBe(5000)
  expect(await stage.rewrite((yaml) => yaml.replace('health_check: off', 'health_check: /healthz'))).toBe(true)
  expect(backendOf(stage).healthCheck).toMatchObject({ interval: 2000, http: { path: '/healthz' } })
  expect(readDrift(stage.runtime).overrides).toEqual([])
})

test.each([
  [{ path: 'index.html' }, 'path is "index.html"'],
  [{ port: 0 }, 'port is 0'],
  [{ tls: 'yes' }, 'tls is "yes"'],
  [{ interval: 1 }, 'interval is 1'],
  [{ rise: 1.5 }, 'rise is 1.5'],
  [{ fall: undefined }, 'fall is missing'],
])('%j is refused, and nothing changes', async (part, words) => {
  const stage = startStage(twoServers)
  await expect(setHealthCheck(stage.runtime, 'app', { ...wish, ...part }, anna)).rejects.toThrow(words)
  expect(readDrift(stage.runtime).overrides).toEqual([])
  await expect(setHealthCheck(stage.runtime, 'apq', wish, anna)).rejects.toThrow('there is no backend apq')
})
