// A question to all workers, and their answers: of those that run, and that answer before the time is over. One that is busy
// with its traffic must not keep an operator waiting for what the others know, and one that dies is waited for no longer.
import type { Worker } from 'node:worker_threads'
import type { ConnectionInfo, ConnectionMatch, FailureInfo, FromWorker, ToWorker } from '../../messages/messages.ts'
import type { Challenges } from '../../messages/tls.ts'

export interface Thread {
  readonly worker: number
  readonly thread: Worker
}

export interface ConnectionsFound {
  /** How many match, over all workers. */
  readonly found: number
  /** Some of them, when they were not closed. */
  readonly list: readonly (ConnectionInfo & { readonly worker: number })[]
}

type Answer = Extract<FromWorker, { readonly id: number }>
type Answered<Type extends Answer['type']> = Extract<Answer, { readonly type: Type }> & { readonly worker: number }

const PATIENCE_MS = 2000
/** An order has more time than an operator, and one that is told too early has failed. */
const CHALLENGES_PATIENCE_MS = 10_000
let lastId = 0

export async function askConnections(
  threads: readonly Thread[],
  match: ConnectionMatch,
  close: boolean,
): Promise<ConnectionsFound> {
  const answers = await ask(threads, 'connections', (id) => ({ type: 'connections', id, match, close }))
  return {
    found: answers.reduce((sum, { found }) => sum + found, 0),
    list: answers.flatMap(({ worker, list }) => list.map((each) => ({ ...each, worker }))),
  }
}

export async function askFailures(threads: readonly Thread[]): Promise<FailureInfo[]> {
  const answers = await ask(threads, 'failures', (id) => ({ type: 'failures', id }))
  return answers.flatMap(({ list }) => list)
}

/** Listening sockets of all of them, by bind id. */
export async function askSockets(threads: readonly Thread[]): Promise<Record<string, number[]>> {
  const answers = await ask(threads, 'sockets', (id) => ({ type: 'sockets', id }))
  const found: Record<string, number[]> = {}
  for (const [bind, fd] of answers.flatMap(({ fds }) => Object.entries(fds))) (found[bind] ??= []).push(fd)
  return found
}

/** Has all of them answer an authority by these. Resolves when those that run say that they do, or when the time is over. */
export async function tellChallenges(
  threads: readonly Thread[],
  challenges: Challenges,
  patience = CHALLENGES_PATIENCE_MS,
): Promise<void> {
  await ask(threads, 'challenges', (id) => ({ type: 'challenges', id, challenges }), patience)
}

async function ask<Type extends Answer['type']>(
  threads: readonly Thread[],
  type: Type,
  question: (id: number) => ToWorker,
  patience = PATIENCE_MS,
): Promise<Answered<Type>[]> {
  const id = ++lastId
  const answers = threads.map(({ worker, thread }) => {
    const { promise, resolve } = Promise.withResolvers<Answered<Type> | null>()
    const onMessage = (message: FromWorker): void => {
      if (message.type === type && message.id === id) resolve({ ...(message as Answered<Type>), worker })
    }
    const onExit = (): void => resolve(null)
    const timer = setTimeout(onExit, patience)
    thread.on('message', onMessage).on('exit', onExit)
    thread.postMessage(question(id))
    return promise.finally(() => {
      clearTimeout(timer)
      thread.off('message', onMessage).off('exit', onExit)
    })
  })
  return (await Promise.all(answers)).filter((answer) => answer !== null)
}
