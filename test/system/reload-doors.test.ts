// A reload that moves what belongs to the process itself: the admin bind, the sockets of operators and the process log. All of it
// at once, or none of it, in a whole Weir that serves meanwhile.
import { existsSync, readFileSync } from 'node:fs'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ReloadOutcome } from '../../src/control/reload/types.ts'
import { deadPort, eventually } from '../support/peers.ts'
import { ask, httpServer, listed, ReloadStage, type FileConfig } from './reload-stage.ts'

async function startWorld() {
  const servers = await Promise.all([httpServer('a'), httpServer('b')])
  const config: FileConfig = {
    global: { admin: `127.0.0.1:${await deadPort()}` },
    frontends: { web: { bind: '127.0.0.1:0', backend: 'app' } },
    backends: {
      app: { health_check: 'off', servers: listed(servers[0]) },
      other: { health_check: 'off', servers: listed(servers[1]) },
    },
  }
  const stage = await ReloadStage.start(config)
  const where = dirname(stage.weir.control)
  const admin = await deadPort()
  const moved = {
    admin: `127.0.0.1:${admin}`,
    control_socket: join(where, 'moved.sock'),
    haproxy_socket: join(where, 'haproxy.sock'),
    log: { level: 'debug', target: join(where, 'weir.log') },
  }
  return {
    stage,
    config,
    moved,
    admin,
    before: Number(String(config.global!['admin']).split(':')[1]),
    port: stage.weir.port('web'),
  }
}

/** @returns the answer; null: nobody listens there */
function call(socketPath: string, method: string, path: string, body?: unknown): Promise<ReloadOutcome | null> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () => resolve(JSON.parse(text) as ReloadOutcome))
    })
    request.on('error', ({ code }: NodeJS.ErrnoException) =>
      code === 'ENOENT' ? resolve(null) : reject(new Error(code)),
    )
    request.end(body === undefined ? '' : JSON.stringify(body))
  })
}

const livez = (port: number): Promise<number | null> =>
  ask(port, '/livez').then(
    ({ status }) => status,
    () => null,
  )

async function takenPort(): Promise<number> {
  const holder = net.createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  onTestFinished(() => void holder.close())
  return (holder.address() as AddressInfo).port
}

test('admin bind, sockets and log move with a reload, and whoever asks for it on a socket that goes has his answer', async () => {
  const { stage, config, moved, admin, before, port } = await startWorld()
  config.frontends['web']!['backend'] = 'other'
  stage.write({ ...config, global: { ...config.global, ...moved } })
  const outcome = await stage.post()
  expect(outcome).toMatchObject({ ok: true })
  expect(outcome.changes.filter(({ needsRestart }) => needsRestart)).toEqual([])
  expect((await ask(port)).text).toBe('b')
  expect([await livez(before), await livez(admin)]).toEqual([null, 200])
  expect(await call(stage.weir.control, 'GET', '/v1/status')).toBe(null)
  expect(await call(moved.control_socket, 'GET', '/v1/status')).toMatchObject({ ready: true })
  expect(existsSync(moved.haproxy_socket)).toBe(true)
  const logged = (): string => readFileSync(moved.log.target, 'utf8')
  await eventually('the line about the reload', () => logged().includes('configuration 2 runs'))
  expect(stage.weir.log()).not.toContain('configuration 2 runs')

  stage.write(config)
  expect(await call(moved.control_socket, 'POST', '/v1/reload')).toMatchObject({ ok: true })
  expect([await livez(before), await livez(admin)]).toEqual([200, null])
  expect(await stage.status()).toMatchObject({ ready: true })
  expect([moved.control_socket, moved.haproxy_socket].map((path) => existsSync(path))).toEqual([false, false])
  await eventually('the line about the way back', () => stage.weir.log().includes('configuration 3 runs'))
})

test.each([
  ['an admin bind that somebody else has', async () => ({ admin: `127.0.0.1:${await takenPort()}` }), /global\.admin/],
  ['a log that cannot be opened', async () => ({ log: { target: '/nowhere/weir.log' } }), /process log: ENOENT/],
  ['a group that does not exist', async () => ({ control_group: 'no-such-group' }), /no group no-such-group/],
])('%s refuses the whole reload', async (_, part, told) => {
  const { stage, config, moved, admin, before, port } = await startWorld()
  config.frontends['web']!['backend'] = 'other'
  stage.write({ ...config, global: { ...config.global, ...moved, ...(await part()) } })
  const outcome = await stage.post()
  expect(outcome).toMatchObject({ ok: false, changes: [] })
  expect(outcome.problems).toMatch(told)
  expect((await ask(port)).text).toBe('a')
  expect([await livez(before), await livez(admin)]).toEqual([200, null])
  expect(await stage.status()).toMatchObject({ ready: true })
  expect([moved.control_socket, moved.haproxy_socket].map((path) => existsSync(path))).toEqual([false, false])
  expect(stage.weir.log()).toMatch(told)
})

test('a bind of a frontend that cannot be had leaves the doors where they are', async () => {
  const { stage, config, moved, admin, before } = await startWorld()
  config.frontends['taken'] = { bind: `127.0.0.1:${await takenPort()}`, backend: 'app' }
  stage.write({ ...config, global: { ...config.global, ...moved } })
  expect(await stage.post()).toMatchObject({ ok: false })
  expect([await livez(before), await livez(admin)]).toEqual([200, null])
  expect(await stage.status()).toMatchObject({ ready: true })
  expect(readFileSync(moved.log.target, 'utf8')).toBe('')
})

test('a configuration that nobody confirms takes its doors along when it goes', async () => {
  const { stage, config, moved, admin, before } = await startWorld()
  stage.write({ ...config, global: { ...config.global, ...moved } })
  const path = join(dirname(stage.weir.control), 'weir.yaml')
  expect(await call(stage.weir.control, 'POST', '/v1/apply', { path, confirm: 1000 })).toMatchObject({ ok: true })
  expect(await call(moved.control_socket, 'GET', '/v1/status')).toMatchObject({ ready: true })
  await eventually('the way back', () => existsSync(stage.weir.control), 30_000)
  await eventually('the end of the others', () => !existsSync(moved.control_socket), 30_000)
  expect([await livez(before), await livez(admin)]).toEqual([200, null])
  expect(await stage.status()).toMatchObject({ ready: true })
})
