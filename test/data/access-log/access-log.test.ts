// The writer: nothing lost, nothing torn, bounded memory, rotation.
import { execFileSync } from 'node:child_process'
import {
  createReadStream,
  mkdtempSync,
  openSync,
  closeSync,
  constants,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AccessLog, openAccessLog, type OnProblem } from '../../../src/data/access-log/access-log.ts'

let folder: string
let file: string
const problems: { message: string; dropped: number; error: string | null }[] = []
const onProblem: OnProblem = (message, fields) => problems.push({ message, ...fields })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-log-'))
  file = join(folder, 'access.log')
  problems.length = 0
})
afterEach(() => rmSync(folder, { recursive: true }))

const open = (target = file): AccessLog => new AccessLog({ format: 'json', target }, onProblem)

function writeLines(log: AccessLog, from: number, to: number, target = '/'): void {
  for (let n = from; n < to; n++) {
    log.record.clientPort = n
    log.record.target = target
    log.write(log.record)
  }
}
const portsIn = (text: string): number[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { client_port: number }).client_port)
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

test('lines are written at the tick, in order, also those that come during a write', async () => {
  const log = open()
  writeLines(log, 0, 10)
  expect(readFileSync(file, 'utf8')).toBe('')
  log.flush()
  writeLines(log, 10, 20)
  log.flush() // a write is under way: they wait for the next tick or the end
  await log.close()
  expect(portsIn(readFileSync(file, 'utf8'))).toEqual(upTo(20))
  expect(problems).toEqual([])
})

test('many lines go out before the tick', async () => {
  const log = open()
  writeLines(log, 0, 2000)
  while (readFileSync(file, 'utf8') === '') await wait(1)
  await log.close()
  expect(portsIn(readFileSync(file, 'utf8'))).toEqual(upTo(2000))
})

test('closeSync writes what has gathered, may be called twice, and no line comes after it', () => {
  const log = open()
  writeLines(log, 0, 3000)
  const quiet = new AccessLog({ format: 'haproxy', target: join(folder, 'other.log') }, onProblem)
  quiet.write(log.record)
  quiet.closeSync()
  quiet.closeSync()
  quiet.write(log.record)
  expect(quiet.dropped).toBe(1)
  expect(readFileSync(join(folder, 'other.log'), 'utf8').split('\n')).toHaveLength(2)
  log.closeSync()
})

test('closeSync during a write loses nothing as long as the process lives', async () => {
  const log = open()
  writeLines(log, 0, 100)
  log.flush()
  writeLines(log, 100, 200)
  log.closeSync()
  while (portsIn(readFileSync(file, 'utf8')).length < 200) await wait(1)
  expect(portsIn(readFileSync(file, 'utf8')).toSorted((a, b) => a - b)).toEqual(upTo(200))
})

test('after a rotation lines go to the new file, those under way to the old one', async () => {
  const log = open()
  writeLines(log, 0, 5)
  log.flush()
  renameSync(file, `${file}.1`)
  log.reopen()
  while (readFileSync(`${file}.1`, 'utf8') === '') await wait(1)
  await wait(10)
  writeLines(log, 5, 10)
  await log.close()
  const [old, fresh] = [portsIn(readFileSync(`${file}.1`, 'utf8')), portsIn(readFileSync(file, 'utf8'))]
  expect([...old, ...fresh]).toEqual(upTo(10))
  expect(fresh).toEqual([5, 6, 7, 8, 9])
})

test('a file that cannot be reopened is reported, and lines go on to the old one', async () => {
  const log = open()
  rmSync(folder, { recursive: true })
  log.reopen()
  expect(problems[0]?.message).toMatch(/Cannot reopen/)
  writeLines(log, 0, 1)
  await log.close()
  expect(log.dropped).toBe(0)
  folder = mkdtempSync(join(tmpdir(), 'weir-log-'))
})

test('a disk that is full costs lines, which are counted and reported, and nothing else', async () => {
  const log = open('/dev/full')
  writeLines(log, 0, 10)
  log.flush()
  while (log.dropped === 0) await wait(1)
  log.flush()
  expect(problems).toEqual([
    { message: expect.stringMatching(/lost/), dropped: 10, error: expect.stringMatching(/ENOSPC/) },
  ])
  await log.close()
})

test('a reader that is slow or gone bounds memory: the newest lines are dropped, whole ones', async () => {
  execFileSync('mkfifo', [file])
  const keep = openSync(file, constants.O_RDWR | constants.O_NONBLOCK) // so that opening does not wait for a reader
  const log = open()
  const long = 'x'.repeat(4000)
  writeLines(log, 0, 3000, long)
  expect(log.dropped).toBeGreaterThan(1000)
  log.flush()
  expect(problems[0]).toMatchObject({ dropped: log.dropped })
  let text = ''
  const reader = createReadStream(file).on('data', (chunk) => (text += String(chunk)))
  await log.close()
  while (portsIn(text.slice(0, text.lastIndexOf('\n') + 1)).length < 3000 - log.dropped) await wait(5)
  expect(portsIn(text)).toEqual(upTo(3000 - log.dropped))
  closeSync(keep)
  reader.destroy()
})

test('a folder that is not there is an error at once; no log is no error', () => {
  expect(() => open(join(folder, 'none', 'access.log'))).toThrow(/ENOENT/)
  expect(openAccessLog(null)).toBe(null)
})
