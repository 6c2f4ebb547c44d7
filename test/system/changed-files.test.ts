// Files that change under a running Weir: a balancer of one's own under the same path is another balancer after a reload, and goes
// back as well; and with `weir run --watch` the configuration is read again by itself.
import { spawn } from 'node:child_process'
import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { answering, dial, eventually, get, startServer } from '../support/peers.ts'
import { folder, startWeir } from '../support/programs.ts'
import { Service } from './successor.ts'

const preferring = (name: string): string => `export default () => ({
  pick({ n, slot, names }) {
    for (let i = 0; i < n; i++) if (names[i] === '${name}') return slot[i]
    return n === 0 ? -1 : slot[0]
  },
})
`

test('a balancer that has changed under the same path is loaded by a reload, and so is the old one again', async () => {
  const [one, two] = await Promise.all([startServer(answering('one')), startServer(answering('two'))])
  const file = join(folder(), 'mine.mjs')
  writeFileSync(file, preferring('s1'))
  const weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s }, shutdown_timeout: 2s }
frontends:
  web: { bind: '127.0.0.1:0', backend: app }
backends:
  app: { health_check: off, balance: { file: ${file} }, servers: { s1: '127.0.0.1:${one.port}', s2: '127.0.0.1:${two.port}' } }
`)
  const service = new Service(weir)
  const answers = async (): Promise<string> => {
    const found = new Set<string>()
    for (let i = 0; i < 12; i++) {
      // over both workers
      const client = await dial({ port: weir.port('web') })
      const { text } = await client.write(get('/', 'Connection: close')).over()
      found.add(/one|two/.exec(text)?.[0] ?? text)
    }
    return [...found].join(' ')
  }
  const reload = async (): Promise<unknown> =>
    ((await service.ask('POST', '/v1/reload')).value as { changes: unknown }).changes
  expect(await answers()).toBe('one')
  expect(await reload()).toEqual([])
  const { atime, mtime } = statSync(file)
  writeFileSync(file, preferring('s2'))
  utimesSync(file, atime, mtime) // the time of the change is not what tells it
  expect(await reload()).toMatchObject([{ kind: 'changed', what: 'backend app', needsRestart: false }])
  expect(await answers()).toBe('two')
  writeFileSync(file, 'export default 7')
  expect((await service.ask('POST', '/v1/reload')).status).toBe(422)
  expect(await answers()).toBe('two')
  writeFileSync(file, preferring('s1'))
  expect(await reload()).toHaveLength(1)
  expect(await answers()).toBe('one')
}, 120_000)

const weirProgram = join(import.meta.dirname, '..', '..', 'bin', 'weir')

test('run --watch reads the configuration again when it changes, without a word of it in the file', async () => {
  const where = folder()
  const file = join(where, 'weir.yaml')
  const text = `
global: { workers: 1, admin: off, control_socket: ${where}/weir.sock }
frontends: { web: { bind: '127.0.0.1:0', backend: app } }
backends: { app: { health_check: off, servers: ['127.0.0.1:1'] } }
`
  writeFileSync(file, text)
  const child = spawn(weirProgram, ['run', '--watch', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise((resolve) => child.once('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => (log += String(chunk)))
  await eventually('ready', () => log.includes('is ready'), 40_000)
  writeFileSync(file, text.replace('127.0.0.1:1', '127.0.0.1:2'))
  await eventually('read again', () => log.includes('(a change of the file)'), 40_000)
  expect(log).toContain('server app/127.0.0.1:2 added')
}, 120_000)

test('run --watch without a file is a wrong usage', async () => {
  const child = spawn(weirProgram, ['run', '--watch', '--listen', '127.0.0.1:0', '--to', '127.0.0.1:1'], {
    stdio: 'pipe',
  })
  let words = ''
  child.stderr.on('data', (chunk: Buffer) => (words += String(chunk)))
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(2)
  expect(words).toContain('--watch needs a configuration file')
})
