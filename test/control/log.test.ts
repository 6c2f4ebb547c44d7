// The process log: what a line looks like, that nothing is lost at the end, and rotation.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { humanLine, openLog, type LogSpec } from '../../src/control/log.ts'
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

const messages = (path: string) => read(path).map(({ message }) => message)

test('level and target change at once: every line is in the file that was the log when it was written', async () => {
  const [first, second] = [file(), file()]
  const { log, prepare, close } = await openLog({ level: 'info', target: first })
  const goOver = async (spec: LogSpec): Promise<void> => (await prepare(spec)).commit()
  for (let i = 0; i < 500; i++) log.info('to the first')
  log.debug('not this one')
  await goOver({ level: 'debug', target: second })
  log.debug('to the second')
  await goOver({ level: 'error', target: second })
  log.warn('nor this one')
  log.error('to the second')
  await close()
  expect(messages(first)).toEqual(Array.from({ length: 500 }, () => 'to the first'))
  expect(messages(second)).toEqual(['to the second', 'to the second'])
})

test('a target that was made ready and is abandoned gets no line', async () => {
  const [first, second] = [file(), file()]
  const { log, prepare, close } = await openLog({ level: 'info', target: first })
  const ready = await prepare({ level: 'error', target: second })
  log.info('before')
  await ready.abandon()
  log.info('after')
  await close()
  expect([messages(first), readFileSync(second, 'utf8')]).toEqual([['before', 'after'], ''])
})

test('a target that cannot be opened changes nothing', async () => {
  const target = file()
  const { log, prepare, close } = await openLog({ level: 'info', target })
  await expect(prepare({ level: 'error', target: '/nowhere/weir.log' })).rejects.toThrow(
    /^cannot open the process log: ENOENT/,
  )
  log.info('still here')
  await close()
  expect(messages(target)).toEqual(['still here'])
})

test('rotation is that of the file in use', async () => {
  const [first, second] = [file(), file()]
  const { log, prepare, reopen, close } = await openLog({ level: 'info', target: first })
  const ready = await prepare({ level: 'info', target: second })
  ready.commit()
  log.info('before')
  await until(() => readFileSync(second, 'utf8').includes('before'))
  renameSync(second, `${second}.1`)
  reopen()
  log.info('after')
  await close()
  expect([messages(`${second}.1`), messages(second)]).toEqual([['before'], ['after']])
})

test('a file that cannot be opened is an error', async () => {
  await expect(openLog({ level: 'info', target: '/nowhere/weir.log' })).rejects.toThrow(/ENOENT/)
})

test('a file that could not be opened is no trouble when the process ends', async () => {
  const script = `
    import { openLog } from ${JSON.stringify(new URL('../../src/control/log.ts', import.meta.url).href)}
    const { prepare } = await openLog({ level: 'info', target: 'stderr' })
    await prepare({ level: 'info', target: '/nowhere/weir.log' }).catch(({ message }) => console.log(message))
    process.exit(3)`
  const args = ['--input-type=module', '--eval', script]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect([status, stdout, stderr]).toEqual([3, expect.stringContaining('cannot open the process log: ENOENT'), ''])
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
