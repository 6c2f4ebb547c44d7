// How one worker goes over to another snapshot: it is sent what has changed, and says when it goes by it, or why it can't.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { ChangedSnapshot, FromWorker, ToWorker } from '../messages/messages.ts'
import type { BackendSpec, BindSpec, Snapshot } from '../messages/snapshot.ts'
import { listenProblem, placeOf } from './binds.ts'

/** A bind that a worker could not open. */
export type BindFailure = Extract<FromWorker, { type: 'listen-failed' | 'apply-failed' }>

/** Backends in one message, and the pause behind it in ms: a worker takes in one go what has come by then. */
const STAGE = 40
const STAGE_PAUSE = 4

/** What goes with the snapshot. */
export type Surroundings = Pick<Extract<ToWorker, { type: 'apply' }>, 'tables' | 'sessions' | 'ports'>

/**
 * @param unchanged slots of backends that are as they were
 * @returns null when it is done, or when the worker has died: its successor begins with what is valid then
 */
export async function goOver(
  thread: Worker,
  snapshot: Snapshot,
  unchanged: readonly number[],
  surroundings: Surroundings,
): Promise<string | null> {
  const { version } = snapshot
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const onMessage = (message: FromWorker): void => {
    if (message.type === 'applied' && message.version === version) resolve(null)
    if (message.type === 'apply-failed' && message.version === version) resolve(bindProblem(snapshot, message))
  }
  const onExit = (): void => resolve(null)
  thread.on('message', onMessage).on('exit', onExit)
  const changed = changedOf(snapshot, unchanged)
  const staged = changed.length > STAGE ? await stage(thread, changed) : []
  const message: ToWorker = { type: 'apply', snapshot: without(snapshot, [...unchanged, ...staged]), ...surroundings }
  thread.postMessage(message)
  const problem = await promise
  thread.off('message', onMessage).off('exit', onExit)
  return problem
}

function changedOf({ backends }: Snapshot, unchanged: readonly number[]): readonly BackendSpec[] {
  const same = new Set(unchanged)
  return backends.filter(({ slot }) => !same.has(slot))
}

/** Sends backends a few at a time, so that requests are served in between. @returns their slots */
async function stage(thread: Worker, backends: readonly BackendSpec[]): Promise<readonly number[]> {
  for (let i = 0; i < backends.length; i += STAGE) {
    const message: ToWorker = { type: 'stage', backends: backends.slice(i, i + STAGE) }
    thread.postMessage(message)
    await sleep(STAGE_PAUSE)
  }
  return backends.map(({ slot }) => slot)
}

/** With nothing but the slots of the backends that are as they were, or that the worker has been sent. */
function without({ backends, ...rest }: Snapshot, unchanged: readonly number[]): ChangedSnapshot {
  const same = new Set(unchanged)
  return { ...rest, backends: backends.map((backend) => (same.has(backend.slot) ? backend.slot : backend)) }
}

/** 'cannot listen on :80: ...' */
export function bindProblem({ frontends }: Snapshot, { bind: id, code, message }: BindFailure): string {
  const bind = frontends.flatMap(({ binds }): readonly BindSpec[] => binds).find((each) => each.id === id)
  return `cannot listen on ${bind === undefined ? id : placeOf(bind)}: ${listenProblem({ code, message })}`
}
