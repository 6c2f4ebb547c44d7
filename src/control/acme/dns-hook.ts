// Records by a program of the operator's own: called with `add` or `remove`, the name of a TXT record and its value. It says
// by its exit code whether it worked; what it prints is told when it did not.
import { execFile } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import type { Records } from './answers.ts'

const PATIENCE = 120_000
const MAX_OUTPUT = 64 * 1024
const MAX_SHOWN = 500

/** @param path absolute @param wait milliseconds until an authority may look */
export function hookRecords(path: string, wait: number, patience = PATIENCE): Records {
  return {
    ownerOf: async (name) => name, // where it leads to is the program's business
    add: (name, value, signal) => call(path, ['add', name, value], patience, signal),
    remove: (name, value) => call(path, ['remove', name, value], patience, null),
    settle: async (_, signal) => {
      await pause(wait, undefined, { signal })
    },
  }
}

function call(path: string, args: readonly string[], timeout: number, signal: AbortSignal | null): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const options = {
    timeout,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT,
    ...(signal === null ? {} : { signal }),
  } as const
  const child = execFile(path, args, options, (error, stdout, stderr) => {
    if (error === null) return resolve()
    const printed = `${stderr}\n${stdout}`
      .replaceAll(/\p{Cc}+/gu, ' ')
      .trim()
      .slice(0, MAX_SHOWN)
    const shown = printed === '' ? 'it printed nothing' : `it printed: ${printed}`
    reject(new Error(`The hook ${path} ${args[0]} ${wayOfEnding(error, timeout)}; ${shown}`))
  })
  child.stdin?.end()
  return promise
}

function wayOfEnding(error: Error & { code?: unknown; killed?: boolean; signal?: unknown }, timeout: number): string {
  if (error.name === 'AbortError') return 'was ended'
  if (error.killed === true) return `took longer than ${timeout} ms`
  if (typeof error.code === 'number') return `failed with exit code ${error.code}`
  return typeof error.signal === 'string' ? `was killed by ${error.signal}` : `could not be run (${String(error.code)})`
}
