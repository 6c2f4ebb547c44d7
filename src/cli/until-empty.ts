// Waits until something is empty, and counts down on stderr for whoever is waiting.
import type { Load } from '../control/runtime/load.ts'

const LOOK_MS = 250

/** '3 in flight, 2 sessions, 4 connections' */
export function loadText({ inflight, sessions, connections }: Load): string {
  const ofSessions = sessions === null ? '' : `${sessions} sessions, `
  return `${inflight} in flight, ${ofSessions}${connections} connections`
}

/**
 * @param look asks how much is left
 * @returns the last look: empty, or as it was when the time was over
 */
export async function untilEmpty<T extends Load>(name: string, wait: number, look: () => Promise<T>): Promise<T> {
  let said = ''
  for (const end = Date.now() + wait; ;) {
    const load = await look()
    const text = load.empty ? `${name} is empty` : `${name}: ${loadText(load)}`
    if (text !== said) process.stderr.write(`${text}\n`)
    said = text
    if (load.empty || Date.now() >= end) return load
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK_MS, Math.max(0, end - Date.now()))))
  }
}
