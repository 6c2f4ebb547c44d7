// What crosses the thread boundary besides shared memory. Types only.
import type { ReasonCode } from '../model/reasons.ts'
import type { BackendSpec, Snapshot } from './snapshot.ts'
import type { CertificatesChange, Challenges, TicketKeys, WorkerTls } from './tls.ts'

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
  readonly tls: WorkerTls
  /** Ports that binds with port 0 were given by the first worker, by bind id. */
  readonly ports: Readonly<Record<string, number>>
  /** Descriptors of listening sockets that are this worker's already, by bind id; it opens the others. */
  readonly fds?: Readonly<Record<string, number>>
  /** It opens the binds that are unix sockets, which only one worker can; when not said, worker 0 does. */
  readonly opensPaths?: boolean
}

/** A snapshot in which a backend that is as it was, or that was staged, is its slot alone: thousands take long to hand over. */
export type ChangedSnapshot = Omit<Snapshot, 'backends'> & { readonly backends: readonly (BackendSpec | number)[] }

export type ToWorker =
  /**
   * Stop accepting, finish what is under way, then answer `drained`. `handedOver`: somebody else accepts from the same
   * listening sockets.
   */
  | { readonly type: 'shutdown'; readonly handedOver?: boolean }
  /** Accept from these sockets too (by bind id), which no worker has for its own. */
  | { readonly type: 'adopt'; readonly id: number; readonly fds: Readonly<Record<string, number>> }
  /** Somebody has them for his own now: close them. */
  | { readonly type: 'release'; readonly id: number }
  /** The descriptors of all listening sockets: answered by `sockets`. */
  | { readonly type: 'sockets'; readonly id: number }
  /** Backends that the next `apply` names by their slots alone. Thousands in one message would hold up the worker. */
  | { readonly type: 'stage'; readonly backends: readonly BackendSpec[] }
  /** The configuration has changed: answered by `applied` or `apply-failed`. */
  | {
      readonly type: 'apply'
      readonly snapshot: ChangedSnapshot
      readonly tables: WorkerData['tables']
      readonly sessions: WorkerData['sessions']
      readonly ports: WorkerData['ports']
    }
  /** From the next handshake on. Those of new binds come before the snapshot that has the binds. */
  | { readonly type: 'certificates'; readonly change: CertificatesChange }
  /** What an authority of ACME is answered from now on: answered by `challenges`. */
  | { readonly type: 'challenges'; readonly id: number; readonly challenges: Challenges }
  | { readonly type: 'ticket-keys'; readonly keys: TicketKeys }
  /** Open the access log anew (after rotation). */
  | { readonly type: 'reopen' }
  /** Which connections are there, or the end of them: answered by `connections`. */
  | { readonly type: 'connections'; readonly id: number; readonly match: ConnectionMatch; readonly close: boolean }
  /** What has failed last: answered by `failures`. */
  | { readonly type: 'failures'; readonly id: number }
  /** Members or weights of a backend have changed, and this is the table for them. */
  | { readonly type: 'table'; readonly backend: number; readonly table: SharedArrayBuffer }

/** Connections of clients; those that meet all that is said. */
export interface ConnectionMatch {
  /** Slot; null: any. So for the server that a request or a connection of theirs is on now. */
  readonly frontend: number | null
  readonly server: number | null
  /** 'address/bits' or addresses; null: any client. */
  readonly networks: readonly string[] | null
}

export interface ConnectionInfo {
  readonly frontend: string
  /** Of the client; '' where there is none, or while nobody has read it. */
  readonly address: string
  readonly port: number
  readonly tls: boolean
  /** What it does: `waiting` for a place or a handshake, `idle` between requests, `busy`. */
  readonly state: 'waiting' | 'idle' | 'busy'
  /** Slot of the server that it is on; -1: none. */
  readonly server: number
}

/** A request, or a connection, that failed. */
export interface FailureInfo {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly reason: ReasonCode
  readonly frontend: string
  /** '' where it did not get so far; so for the server. */
  readonly backend: string
  readonly server: string
  /** Of the client. */
  readonly address: string
  /** Method, host and path, without query; '' for what is no request. */
  readonly request: string
  /** Of the answer that the client got; 0: none. */
  readonly status: number
}

export type FromWorker =
  /** By bind id. */
  | { readonly type: 'sockets'; readonly id: number; readonly fds: Readonly<Record<string, number>> }
  | {
      readonly type: 'connections'
      readonly id: number
      /** How many match; the list is cut. */
      readonly found: number
      readonly list: readonly ConnectionInfo[]
    }
  | { readonly type: 'failures'; readonly id: number; readonly list: readonly FailureInfo[] }
  /** It has the challenges that it was sent, and answers by them. */
  | { readonly type: 'challenges'; readonly id: number }
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
