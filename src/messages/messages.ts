// What crosses the thread boundary besides shared memory. Types only.
import type { Snapshot } from './snapshot.ts'

/** Handed to a worker thread when it is made. */
export interface WorkerData {
  /** Row of this worker on the scoreboard; a replacement takes the row of the one that died. */
  readonly worker: number
  readonly scoreboard: SharedArrayBuffer
  readonly snapshot: Snapshot
  /** Tables that the control plane built for the balancers, by backend slot. */
  readonly tables: Readonly<Record<number, SharedArrayBuffer>>
  /** Table of the sources of all frontends (scoreboard/keyed-table.ts). */
  readonly sources: SharedArrayBuffer
  /** Tables of sessions, by backend slot. */
  readonly sessions: Readonly<Record<number, SharedArrayBuffer>>
  /** Ports that binds with port 0 were given by the first worker, by bind id. */
  readonly ports: Readonly<Record<string, number>>
}

export type ToWorker =
  /** Stop accepting, finish what is under way, then answer `drained`. */
  | { readonly type: 'shutdown' }
  /** The configuration has changed: answered by `applied` or `apply-failed`. */
  | {
      readonly type: 'apply'
      readonly snapshot: Snapshot
      readonly tables: WorkerData['tables']
      readonly sessions: WorkerData['sessions']
      readonly ports: WorkerData['ports']
    }
  /** Open the access log anew (after rotation). */
  | { readonly type: 'reopen' }
  /** Members or weights of a backend have changed, and this is the table for them. */
  | { readonly type: 'table'; readonly backend: number; readonly table: SharedArrayBuffer }

export type FromWorker =
  /** All binds listen; the ports are the real ones, by bind id. */
  | { readonly type: 'listening'; readonly ports: Readonly<Record<string, number>> }
  | { readonly type: 'listen-failed'; readonly bind: string; readonly code: string; readonly message: string }
  | { readonly type: 'drained' }
  /** New requests go by this snapshot; the ports are those of all binds. */
  | { readonly type: 'applied'; readonly version: number; readonly ports: Readonly<Record<string, number>> }
  /** A new bind could not be opened: nothing has changed. */
  | {
      readonly type: 'apply-failed'
      readonly version: number
      readonly bind: string
      readonly code: string
      readonly message: string
    }
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly message: string
      readonly fields: Record<string, unknown>
    }
