// Two processes in an upgrade that do not get on: a new one that ends half-way, one that knows another format of the state, an old
// one that says nothing, or nonsense, or dies. Somebody serves in the end; and keys of tickets are nowhere but on the channel.
import { spawn, type ChildProcess } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import type { FromNew, FromOld } from '../../src/control/lifecycle/upgrade-words.ts'
import { answering, eventually, fetchOnce, get, startServer } from '../support/peers.ts'
import { folder, run, startWeir, type Ran } from '../support/programs.ts'
import { gone, Service } from './successor.ts'

const weirProgram = fileURLToPath(new URL('../../bin/weir', import.meta.url))

async function configured(): Promise<string> {
  const servers: string[] = []
  for (const name of 'abc') servers.push(`${name}: '127.0.0.1:${(await startServer(answering(`server${name}`))).port}'`)
  return `
global: { workers: 1, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 5s }
frontends: { web: { bind: '127.0.0.1:0', backend: app } }
backends:
  app: { health_check: off, balance: roundrobin, persistence: { table: header:X-User }, servers: { ${servers.join(', ')} } }
`
}

const homeOf = async (port: number, user: string): Promise<string> =>
  (await fetchOnce(port, get('/', 'Connection: close', `X-User: ${user}`))).text.slice(-1)

const upgrade = (socket: string): Promise<Ran> => run(weirProgram, ['upgrade', '--socket', socket], '', 60_000)

/** Sessions of some users, and a check that they lead to where they did. */
async function users(port: number): Promise<() => Promise<void>> {
  const homes = new Map<string, string>()
  for (let i = 0; i < 7; i++) homes.set(`user ${i}`, await homeOf(port, `user ${i}`))
  return async () => {
    for (const [user, home] of homes) expect(await homeOf(port, user), user).toBe(home)
  }
}

/** The name by which Weir is started; what it leads to can be changed. */
function installed(): { path: string; install: (script: string | null) => void } {
  const path = join(folder(), 'weir')
  const install = (script: string | null): void => {
    rmSync(path, { force: true })
    if (script === null) return symlinkSync(weirProgram, path)
    writeFileSync(path, `#!/bin/sh\n${script}\n`)
    chmodSync(path, 0o755)
  }
  install(null)
  return { path, install }
}

test('a new program that ends when it has been told: the old one goes on, and nobody else has seen a key', async () => {
  const { path, install } = installed()
  const weir = await startWeir(await configured(), undefined, path)
  const service = new Service(weir)
  const port = weir.port('web')
  const check = await users(port)
  const heard = join(folder(), 'heard.json')
  const script = `
const words = []
process.on('message', (word) => {
  words.push(word)
  if (word.type !== 'told') return
  const seen = { words, env: process.env, argv: process.argv }
  require('node:fs').writeFileSync(process.argv[1], JSON.stringify(seen))
  process.exit(3)
})
process.send({ type: 'tell' })`
  const program = join(folder(), 'ends.cjs')
  writeFileSync(program, script.replace('process.argv[1]', JSON.stringify(heard)))
  install(`exec '${process.execPath}' '${program}' "$@"`)
  const { code, stderr } = await upgrade(weir.control)
  expect(code).toBe(1)
  expect(stderr).toContain('the new program ended with exit code 3')
  expect((await service.status()).pid).toBe(weir.pid)
  await check()

  const { words, ...others } = JSON.parse(readFileSync(heard, 'utf8')) as { words: FromOld[] }
  expect(words.map(({ type }) => type)).toEqual(['ticket-keys', 'table', 'sessions', 'told'])
  const [keys, table] = words
  if (keys?.type !== 'ticket-keys' || table?.type !== 'table') throw new Error('no keys, or no table')
  const elsewhere = JSON.stringify(others) + weir.log()
  for (const secret of [...keys.keys, ...table.secrets.map(String)]) expect(elsewhere).not.toContain(secret)

  install(null)
  expect((await upgrade(weir.control)).code).toBe(0)
  await service.succeeded()
  await check()
  for (const key of keys.keys) expect(weir.log()).not.toContain(key)
}, 120_000)

test.each([
  ['"state":99,', 'has format 99, not 1'],
  ['', 'it tells none'],
])(
  'programs with unlike formats of the state (%s) hand over sockets alone, and say so',
  async (edit, words) => {
    const { path, install } = installed()
    const weir = await startWeir(await configured(), undefined, path)
    const service = new Service(weir)
    const fds = `printf %s "$WEIR_LISTEN_FDS" | sed 's/"state":[0-9]*,/${edit}/'`
    install(`WEIR_LISTEN_FDS=$(${fds})\nexport WEIR_LISTEN_FDS\nexec '${weirProgram}' "$@"`)
    const { stderr, code } = await upgrade(weir.control)
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    await service.succeeded()
    await gone(weir.pid)
    expect(weir.log()).toContain(words)
    await (
      await users(weir.port('web'))
    )()
  },
  60_000,
)

/** Weir as the new process of an upgrade whose old process is the test. @param tell what that does when it is asked */
async function successorOf(tell: (say: (word: unknown) => void, child: ChildProcess) => void) {
  const where = folder()
  const config = join(where, 'weir.yaml')
  writeFileSync(config, (await configured()).replace('CONTROL', join(where, 'control.sock')))
  const env = { ...process.env, WEIR_LISTEN_FDS: JSON.stringify({ sockets: {}, activated: {}, state: 1 }) }
  const child = spawn(weirProgram, ['run', config], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], env })
  let log = ''
  child.stderr!.on('data', (chunk: Buffer) => (log += String(chunk)))
  const exit = new Promise((resolve) => child.on('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  child.on('message', ({ type }: FromNew) => {
    if (type === 'tell') tell((word) => child.send(word as object), child)
    if (type === 'ready') child.send({ type: 'yours' }, () => child.disconnect())
  })
  await eventually('ready', () => log.includes(' is ready') || child.exitCode !== null, 60_000)
  const port = Number(/"port":(\d+),[^\n]*"message":"listening on/.exec(log)?.[1])
  expect((await fetchOnce(port)).text).toContain('server')
  return { log: () => log, port }
}

const key = Buffer.alloc(48, 7).toString('base64')

test.each([
  ['says nothing', () => {}, 'has not told its state within 2 seconds'],
  [
    'dies before it has told',
    (_: unknown, child: ChildProcess) => child.disconnect(),
    'has ended before it told its state',
  ],
])(
  'an old process that %s',
  async (_, tell, words) => {
    const { log } = await successorOf(tell)
    expect(log()).toContain(words)
    expect(log()).toContain('sessions were made or moved meanwhile')
  },
  60_000,
)

test('an old process that says nonsense: what can be taken is taken', async () => {
  const { log, port } = await successorOf((say) => {
    say({ type: 'ticket-keys', keys: null })
    say({ type: 'ticket-keys', keys: [key], shared: false, age: 5 })
    say({ type: 'table', backend: 'app', by: 'something else', entries: 64, secrets: [1, 2] })
    say({ type: 'table', backend: 'gone' })
    say({ type: 'sessions', backend: 'app', servers: ['a'], rows: 'AAAA' })
    say({ type: 'poetry' })
    say({ type: 'told' })
  })
  expect(log()).toContain('cannot be taken over (ticket-keys)')
  expect(log()).toContain('sessions of backend app are told by something else now')
  expect(log()).toContain('taken over from the process before: 0 sessions in tables, keys of session tickets')
  expect(log()).not.toContain(key)
  await (
    await users(port)
  )()
}, 120_000)
