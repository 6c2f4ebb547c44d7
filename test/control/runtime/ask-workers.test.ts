// How long an authority's visit is prepared for: until every worker that runs has said that it answers, and no longer than that
// where one is stuck or dies. The threads here say it when a test lets them; those of the last test are real workers.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { setUpBoard, shapeFor } from '../../../src/control/board.ts'
import { tellChallenges } from '../../../src/control/runtime/ask-workers.ts'
import { Workers } from '../../../src/control/workers.ts'
import type { Challenges } from '../../../src/messages/tls.ts'
import { createSourceTable } from '../../../src/scoreboard/sources.ts'
import { eventually, fetchOnce, get } from '../../support/peers.ts'
import { workerTls } from '../../support/tls.ts'
import { snapshotOf } from '../fixtures.ts'
import { memoryLog } from '../health/fixtures.ts'

const challenges: Challenges = { http: { token: 'token.print' }, tls: {} }

/** A thread that says at once that it has what it was sent, or only when a test posts 'answer'. */
const script = `
const { parentPort, workerData } = require('node:worker_threads')
const held = []
parentPort.on('message', (message) => {
  if (message === 'answer') for (const id of held.splice(0)) parentPort.postMessage({ type: 'challenges', id })
  else if (workerData === 'at once') parentPort.postMessage({ type: 'challenges', id: message.id })
  else {
    held.push(message.id)
    parentPort.postMessage({ type: 'challenges', id: message.id - 1 }) // of the question before: says nothing of this one
    parentPort.postMessage({ type: 'asked' })
  }
})
parentPort.postMessage({ type: 'up' })
`

async function startThread(worker: number, behaviour: 'at once' | 'when told') {
  const thread = new Worker(script, { eval: true, workerData: behaviour })
  onTestFinished(() => void thread.terminate())
  await once(thread, 'message')
  return { worker, thread }
}

async function twoThreads() {
  const [quick, slow] = [await startThread(0, 'at once'), await startThread(1, 'when told')]
  const asked = new Promise<void>((resolve) => {
    slow.thread.on('message', (message: { type: string }) => message.type === 'asked' && resolve())
  })
  return { threads: [quick, slow], slow: slow.thread, asked }
}

/** Whether a promise has resolved, by a look at it. */
function watch(promise: Promise<void>): () => boolean {
  let is = false
  void promise.then(() => (is = true))
  return () => is
}

test('the challenges are told when the last worker has said so, and not before', async () => {
  const { threads, slow, asked } = await twoThreads()
  const told = tellChallenges(threads, challenges, 60_000)
  const isTold = watch(told)
  await asked
  expect(isTold()).toBe(false)
  slow.postMessage('answer')
  await told
})

test('a worker that dies is waited for no longer', async () => {
  const { threads, slow, asked } = await twoThreads()
  const told = tellChallenges(threads, challenges, 60_000)
  const isTold = watch(told)
  await asked
  expect(isTold()).toBe(false)
  await slow.terminate()
  await told
})

test('one that is stuck is waited for as long as there is patience', async () => {
  const { threads } = await twoThreads()
  await tellChallenges(threads, challenges, 50)
})

test('workers answer an authority from the moment that they are told, also one that takes the place of another', async () => {
  const snapshot = snapshotOf()
  const board = setUpBoard(snapshot, shapeFor(snapshot, 2))
  const { log } = memoryLog()
  let tls = workerTls()
  const workers = new Workers({
    count: 2,
    board,
    snapshot,
    tables: () => ({}),
    memories: { sources: createSourceTable(64, 2), sessions: {} },
    tls: () => tls,
    log,
    onGiveUp: () => {},
  })
  onTestFinished(() => workers.terminate())
  const ports = await workers.start()
  /** Which answers there are, from both workers in all likelihood: each has a listening socket of its own. */
  const visit = async (): Promise<Set<string>> => {
    const found = new Set<string>()
    for (let n = 0; n < 16; n++) {
      const request = get('/.well-known/acme-challenge/token', 'Connection: close')
      const { text } = await fetchOnce(Object.values(ports)[0]!, request)
      found.add(text.includes('\r\n\r\ntoken.print') ? 'answered' : text.split('\r\n')[0]!)
    }
    return found
  }
  tls = { ...tls, challenges } // for those that start from now on
  await tellChallenges(workers.threads, challenges)
  expect(await visit()).toEqual(new Set(['answered']))
  workers.kill(1)
  await eventually('a new one', () => workers.status[1]!.restarts === 1 && workers.ready, 30_000)
  expect(await visit()).toEqual(new Set(['answered']))
})
