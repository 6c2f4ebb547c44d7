// The one place where a backend's persistence becomes what the data path asks: a cookie that says the server, or a table
// that remembers it. Cookies need no memory and outlive everything; tables need no cooperation of the client.
import type { BackendSpec } from '../../messages/snapshot.ts'
import { AppSessions } from './app-sessions.ts'
import { ConnectionSessions } from './connection-sessions.ts'
import { InsertedCookies } from './insert.ts'
import { KeyedSessions } from './keyed-sessions.ts'
import { ServerCookies } from './server-cookies.ts'
import type { Sessions } from '../http1/session.ts'
import { createSessionMemory } from './session-table.ts'

/**
 * @param memory table of this backend's sessions, shared by all workers; null: a worker makes one for itself, if it needs one
 * @returns null: requests to this backend belong nowhere
 */
export function createSessions(spec: BackendSpec, memory: SharedArrayBuffer | null): Sessions | null {
  if (spec.persistence === null || spec.mode !== 'http') return null
  const { cookie, table } = spec.persistence
  if (cookie !== null)
    return cookie.mode === 'insert' ? new InsertedCookies(spec, cookie) : new ServerCookies(spec, cookie)
  if (table === null) return null
  const sessions = memory ?? createSessionMemory(table)
  if (table.cookie !== null) return new AppSessions(spec, table, table.cookie, sessions)
  return new KeyedSessions(spec, table, sessions)
}

const ofConnections = new WeakMap<BackendSpec, ConnectionSessions | null>()

/** The same for the connections of a tcp backend, made once. */
export function connectionSessionsOf(spec: BackendSpec, memory: SharedArrayBuffer | null): ConnectionSessions | null {
  let sessions = ofConnections.get(spec)
  if (sessions === undefined) {
    const table = spec.mode === 'tcp' ? (spec.persistence?.table ?? null) : null
    sessions = table === null ? null : new ConnectionSessions(spec, table, memory ?? createSessionMemory(table))
    ofConnections.set(spec, sessions)
  }
  return sessions
}
