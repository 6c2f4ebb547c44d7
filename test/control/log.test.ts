// The process log: what a line looks like, that nothing is lost at the end, and rotation.
import { mkdtempSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { humanLine, openLog } from '../../src/control/log.ts'
import { until } from './health/fixtures.ts'

const file = (): string => join(mkdtempSync(join(tmpdir(), 'weir-test-')), 'weir.log')
const read = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('every line is written by the time the log is closed, as JSON with level, time and message', async () => {
  const target = file()
  const { log, close } = await openLog({ level: 'info', target })
  for (let i = 0; i < 2000; i++) log.info({ i }, 'line')
  log.debug('not this one')
  await close()
  const lines = read(target)
  expect(lines).toHaveLength(2000)
  expect(lines.at(-1)).toMatchObject({ level: 'info', message: 'line', i: 1999, pid: process.pid })
  expect(lines[0]!.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('after rotation, lines go to a new file of the same name', async () => {
  const target = file()
  const { log, reopen, close } = await openLog({ level: 'info', target })
  log.info('before')
  await until(() => readFileSync(target, 'utf8').includes('before'))
  renameSync(target, `${target}.1`)
  reopen()
  log.info('after')
  await close()
  expect([read(`${target}.1`), read(target)].map((lines) => lines.map(({ message }) => message))).toEqual([
    ['before'],
    ['after'],
  ])
})

test('a file that cannot be opened is an error', async () => {
  await expect(openLog({ level: 'info', target: '/nowhere/weir.log' })).rejects.toThrow(/ENOENT/)
})

test('a line for people has the time of day, the level and the message', () => {
  const line = JSON.stringify({
    level: 'warn',
    time: '2026-01-02T03:04:05.678Z',
    message: 'server app/s1 is down',
    backend: 'app',
  })
  expect(humanLine(line, false)).toMatch(/^\d\d:\d\d:05 warn {2}server app\/s1 is down$/)
  expect(humanLine(line, true)).toContain('\x1b[33mwarn \x1b[0m')
})
