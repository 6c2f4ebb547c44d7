// Passive health and the circuit breaker in a whole Weir in the process of the test, with two worker threads and real servers:
// from the answers that workers see, over the counters and the main thread, to what the next requests meet.
import { get as request } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { prepareStart } from '../../../src/control/prepare.ts'
import { startWeir } from '../../../src/control/supervisor.ts'
import { BREAKER_CLOSED, BREAKER_OPEN } from '../../../src/model/states.ts'
import { valid } from '../../config/support.ts'
import { onHead, startServer, type ScriptedServer } from '../../support/peers.ts'
import { memoryLog, until } from '../health/fixtures.ts'

/** A server that answers with its name, and whose status can be changed. */
async function named(name: string) {
  const state = { status: 200, requests: 0 }
  const server: ScriptedServer = await startServer((socket) =>
    onHead(socket, () => {
      state.requests++
      socket.write(`HTTP/1.1 ${state.status} Told\r\nContent-Length: ${name.length}\r\n\r\n${name}`)
    }),
  )
  return Object.assign(state, { address: `'127.0.0.1:${server.port}'` })
}

async function weirWith(backends: string) {
  const config = valid(`
global: { workers: 2, admin: off, control_socket: off, shutdown_timeout: 1s }
defaults: { health_check: off, balance: roundrobin, slow_start: 0s, retries: 0 }
frontends: { web: { bind: '127.0.0.1:0', backend: app } }
backends: { ${backends} }`)
  const { log, lines } = memoryLog()
  const weir = await startWeir({ version: '0', ...prepareStart(config, log), log })
  onTestFinished(() => weir.stop())
  const port = Object.values(weir.view.ports())[0]!
  const messages = (what: string) => lines.map(({ message }) => String(message)).filter((each) => each.includes(what))
  return { shared: weir.view.board.shared, snapshot: weir.view.snapshot, port, messages }
}

/** One request on a connection of its own. @returns status and body */
const ask = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += String(chunk)))
      response.on('end', () => resolve(`${response.statusCode} ${text}`))
    })
    asked.on('error', reject)
  })

async function askOften(port: number, times: number): Promise<string[]> {
  const answers: string[] = []
  for (let i = 0; i < times; i++) answers.push(await ask(port))
  return answers
}

test('a server that answers 500 is taken out after a few requests, and back in when its time is over', async () => {
  const [good, bad] = [await named('good'), await named('bad')]
  const { shared, snapshot, port, messages } = await weirWith(
    `app: { ejection: { failures: 3, time: 500ms }, servers: { good: ${good.address}, bad: ${bad.address} } }`,
  )
  const { slot } = snapshot.backends[0]!.servers[1]!
  bad.status = 500
  await askOften(port, 6)
  await until(() => shared.server.ejected[slot] === 1)
  expect(messages('ejected')).toEqual([
    expect.stringMatching(/app\/bad is ejected for .*: 3 failures in a row; 1 of 2 /),
  ])
  bad.status = 200
  await until(() => shared.server.ejected[slot] === 0)
  expect(new Set(await askOften(port, 4))).toEqual(new Set(['200 good', '200 bad']))
  expect(messages('is back')).toHaveLength(1)
})

test('the only server of a backend is asked whatever it answers', async () => {
  const lone = await named('lone')
  const { port, messages } = await weirWith(`app: { ejection: { failures: 1 }, servers: { lone: ${lone.address} } }`)
  lone.status = 500
  await askOften(port, 10)
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await ask(port)).toBe('500 lone')
  expect(messages('ejected')).toEqual([])
})

test('when all requests fail, others get the fallback until trials have gone well', async () => {
  const [app, sorry] = [await named('app'), await named('sorry')]
  const { shared, port, messages } = await weirWith(`
    app: { circuit_breaker: { min_requests: 10, open: 3s, trials: 2, fallback: sorry }, servers: { s: ${app.address} } },
    sorry: { servers: { s: ${sorry.address} } }`)
  const { breaker } = shared.backend
  app.status = 503
  expect(await ask(port)).toBe('503 app')
  await askOften(port, 9)
  await until(() => breaker[0] === BREAKER_OPEN)
  const before = app.requests
  expect(messages('is open for')).toEqual([
    expect.stringMatching(/: 10 of 10 requests in the last 10 s failed \(100 %\)$/),
  ])
  expect(await ask(port)).toBe('200 sorry')
  expect(app.requests).toBe(before)
  app.status = 200
  await until(async () => (await ask(port)) === '200 app' && breaker[0] === BREAKER_CLOSED)
  expect(await askOften(port, 3)).toEqual(['200 app', '200 app', '200 app'])
  expect(messages('is closed')).toHaveLength(1)
})

test('half-open, no more than the trials reach the servers, and a failure of one opens it again', async () => {
  const app = await named('app')
  const { shared, port, messages } = await weirWith(`
    app: { circuit_breaker: { min_requests: 5, open: 1s, trials: 3 }, servers: { s: ${app.address} } }`)
  app.status = 500
  await askOften(port, 5)
  await until(() => shared.backend.breaker[0] === BREAKER_OPEN)
  await until(() => messages('is half-open').length === 1)
  const before = app.requests
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port)))
  await until(() => messages('is open again, for 2 s').length === 1)
  expect(app.requests - before).toBeGreaterThan(0)
  expect(app.requests - before).toBeLessThanOrEqual(3)
  expect(answers.filter((answer) => answer === '500 app')).toHaveLength(app.requests - before)
  expect(answers.filter((answer) => answer.startsWith('503 '))).toHaveLength(20 - (app.requests - before))
})
