// `npm run demo`, shortened: a server dies under traffic and no request fails; whatever it started is gone afterwards.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { percentile } from '../../src/cli/demo-load.ts'
import { liveLines, plain, plainLine } from '../../src/cli/demo-view.ts'

const script = new URL('../../src/cli/demo.ts', import.meta.url).pathname

function play(...args: string[]) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const run = { out: '', err: '', child, ended: once(child, 'close').then(([code]) => code as number) }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (run.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (run.err += text))
  return run
}

/** Waits for words of the demo, or for its end. */
async function words(run: ReturnType<typeof play>, wanted: string): Promise<void> {
  while (!run.out.includes(wanted)) {
    const over = await Promise.race([once(run.child.stdout, 'data').then(() => false), run.ended.then(() => true)])
    if (over) throw new Error(`it ended without "${wanted}":\n${run.out}${run.err}`)
  }
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const pidsIn = (out: string): number[] => [
  ...new Set([...out.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid))),
]

test('a server dies and comes back, and no request fails', { timeout: 120_000 }, async () => {
  const run = play('--seconds', '5')
  expect(await run.ended, run.out + run.err).toBe(0)
  const events = ['is killed now', 'mark two down after', 'is started again', 'is back up after', ' 0 failed']
  expect(events.map((words) => run.out.indexOf(words)).toSorted((a, b) => a - b)).toEqual(
    events.map((words) => run.out.indexOf(words)),
  )
  for (const words of [...events, 'server one ', 'server two ', 'server three ']) expect(run.out).toContain(words)
  expect(run.out).not.toContain('\x1b')
  expect(run.err).toBe('')
  expect(pidsIn(run.out)).toHaveLength(5)
  expect(pidsIn(run.out).filter(isRunning)).toEqual([])
})

test('Ctrl-C ends everything that was started', { timeout: 120_000 }, async () => {
  const run = play()
  await words(run, '  weir  ')
  expect(pidsIn(run.out).filter(isRunning)).toHaveLength(4)
  run.child.kill('SIGINT')
  expect(await run.ended, run.err).toBe(130)
  expect(pidsIn(run.out).filter(isRunning)).toEqual([])
})

test('with --stay it serves on after the summary, at the addresses it names', { timeout: 120_000 }, async () => {
  const run = play('--seconds', '4', '--stay')
  await words(run, 'In a browser')
  const port = /curl http:\/\/127\.0\.0\.1:(\d+)\/ /.exec(run.out)?.[1]
  const asked = request({ host: '127.0.0.1', port }).end()
  const [response] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
  expect(response.statusCode).toBe(200)
  response.resume()
  const ca = /--cacert (\S+)/.exec(run.out)![1]!
  expect(existsSync(ca)).toBe(true)
  run.child.kill('SIGINT')
  expect(await run.ended, run.out + run.err).toBe(0)
  expect(existsSync(ca)).toBe(false)
  expect(pidsIn(run.out).filter(isRunning)).toEqual([])
})

test('wrong options are told, with 2', async () => {
  const run = play('--seconds', '1')
  expect(await run.ended).toBe(2)
  expect(run.err).toContain('--seconds is a number from 4 to 600')
})

test('a picture says which server takes what share', () => {
  const server = { name: 'one', state: 'up', share: 0.5, rate: 100 } as const
  const picture = {
    at: 3,
    of: 15,
    https: 150,
    tcp: 50,
    failed: 0,
    servers: [server, { ...server, name: 'two', state: 'down' as const }],
  }
  expect(plainLine(picture)).toBe('   3 s  https  150/s  tcp   50/s  one  50 %  two (down)  50 %  failed 0')
  expect(liveLines(picture, plain)[1]).toBe(`  one    up       ${'█'.repeat(20)}${'░'.repeat(20)}  50 %  100/s`)
})

test('percentiles are values that were measured', () => {
  expect([0, 0.5, 0.99, 1].map((share) => percentile([4, 1, 3, 2], share))).toEqual([1, 3, 4, 4])
  expect(percentile([], 0.5)).toBe(0)
})
