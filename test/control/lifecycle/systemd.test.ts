// What the system's supervisor is told, with a stand-in for the program systemd-notify that writes down what it was given.
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { setUpBoard, shapeFor } from '../../../src/control/board.ts'
import { heartbeats, Supervision } from '../../../src/control/lifecycle/systemd.ts'
import type { WorkerState } from '../../../src/control/worker-slot.ts'
import { files, folder, startWeir } from '../../support/programs.ts'
import { eventually } from '../../support/peers.ts'
import { snapshotOf } from '../fixtures.ts'
import { memoryLog } from '../health/fixtures.ts'

/** @returns an environment with the stand-in, and what it was told, a line for each time */
function supervised(more: NodeJS.ProcessEnv = {}): { env: NodeJS.ProcessEnv; told: () => string[] } {
  const { 'systemd-notify': program } = files({ 'systemd-notify': '#!/bin/sh\necho "$@" >>"$TOLD"\n' })
  chmodSync(program, 0o755)
  const TOLD = join(folder(), 'told')
  const told = (): string[] => (existsSync(TOLD) ? readFileSync(TOLD, 'utf8').split('\n').slice(0, -1) : [])
  const PATH = `${join(program, '..')}:${process.env.PATH}`
  return { env: { ...process.env, PATH, TOLD, NOTIFY_SOCKET: '/nowhere', ...more }, told }
}

test('without a supervisor nothing is told', async () => {
  const { env, told } = supervised({ NOTIFY_SOCKET: '' })
  const { log } = memoryLog()
  await new Supervision(env, log).ready('2 workers')
  expect(told()).toEqual([])
})

test('assignments arrive in order', async () => {
  const { env, told } = supervised()
  const { log } = memoryLog()
  const supervision = new Supervision(env, log)
  void supervision.ready('2 workers')
  void supervision.reloading()
  void supervision.handOver(4711)
  await supervision.stopping('the last requests')
  expect(told()).toEqual([
    'READY=1 STATUS=2 workers',
    expect.stringMatching(/^RELOADING=1 MONOTONIC_USEC=\d+ STATUS=/),
    'MAINPID=4711',
    'STOPPING=1 STATUS=the last requests',
  ])
})

test('a program that is missing is complained of once, and nothing else happens', async () => {
  const { env } = supervised({ PATH: folder() })
  const { log, lines } = memoryLog()
  const supervision = new Supervision(env, log)
  await supervision.ready('2 workers')
  await supervision.stopping('')
  expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
})

test('the watchdog hears from a process that lives, and not from one whose worker hangs', async () => {
  const { env, told } = supervised({ WATCHDOG_USEC: '100000', WATCHDOG_PID: String(process.pid) })
  const { log, lines } = memoryLog()
  const supervision = new Supervision(env, log)
  onTestFinished(() => supervision.close())
  let alive = true
  supervision.watch(() => alive)
  await eventually('a sign of life', () => told().length >= 2)
  expect(new Set(told())).toEqual(new Set(['WATCHDOG=1']))
  alive = false
  await eventually('silence', () => lines.some(({ level }) => level === 'error'))
})

test('a watchdog that waits for another process is none of ours', async () => {
  const { env, told } = supervised({ WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' })
  const { log } = memoryLog()
  const supervision = new Supervision(env, log)
  supervision.watch(() => true)
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(told()).toEqual([])
})

test('a worker that takes connections has to tick; one that starts or ends does not', () => {
  const snapshot = snapshotOf()
  const board = setUpBoard(snapshot, shapeFor(snapshot, 2))
  const states: WorkerState[] = ['listening', 'starting']
  const isAlive = heartbeats(board, () => states.map((state, worker) => ({ worker, state, since: 0, restarts: 0 })))
  const tick = (worker: number): void => void board.rows[worker]!.marks.process.beat[0]!++
  expect(isAlive()).toBe(true)
  expect(isAlive()).toBe(false)
  tick(0)
  expect(isAlive()).toBe(true)
  states[1] = 'listening'
  tick(0)
  expect(isAlive()).toBe(true)
  tick(0)
  expect(isAlive()).toBe(false)
  tick(0)
  tick(1)
  expect(isAlive()).toBe(true)
})

test('a whole Weir says that it is ready, reads anew, lives, and stops', async () => {
  const { env, told } = supervised({ WATCHDOG_USEC: '400000' })
  const before = { ...process.env }
  Object.assign(process.env, env)
  onTestFinished(() => {
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'TOLD']) delete process.env[name]
    Object.assign(process.env, before)
  })
  const weir = await startWeir(`
global: { workers: 2, admin: off, control_socket: CONTROL, overload: { loop_delay: 0s } }
frontends:
  web: { bind: '127.0.0.1:0', backend: app }
backends:
  app: { health_check: off, servers: ['127.0.0.1:1'] }
`)
  await eventually('ready', () => told().some((line) => /^READY=1 STATUS=weir .*2 workers$/.test(line)))
  await eventually('alive', () => told().filter((line) => line === 'WATCHDOG=1').length >= 3)
  weir.signal('SIGHUP')
  await eventually('read anew', () => told().some((line) => line.startsWith('READY=1 STATUS=configuration')))
  expect(told().findIndex((line) => line.startsWith('RELOADING=1'))).toBeGreaterThan(0)
  weir.signal('SIGTERM')
  expect(await weir.exit).toBe(0)
  expect(told().some((line) => line.startsWith('STOPPING=1'))).toBe(true)
})
