// What two processes say to each other during an upgrade, over the channel that Node gives a child process: a pair of
// sockets that no third process has. JSON, a word at a time; bytes are base64 in it. The order is told in upgrade.ts.
// Types, but for the number of the format.
import type { Handover } from './inherited.ts'

/** In the environment of the new process: descriptors and the format of what the old one can tell, as JSON. No secrets. */
export const VARIABLE = 'WEIR_LISTEN_FDS'

/**
 * Of the state. Counts up with every change of a StateWord, and of how sessions and keys of tickets are read: how the key of a
 * session is hashed (data/persistence/pair-digest.ts), which clock says when it was seen. Programs with unlike numbers
 * hand over sockets and no state.
 */
export const STATE_FORMAT = 1

export interface Inheritance extends Handover {
  /** Format of the state that can be asked for; not said: there is none. */
  readonly state?: number
}

/** A line of the table of sessions, as int32: place and key of a KeyedTable, index in `servers`, when it was seen last. */
export const CELLS = 4

export type StateWord =
  /** The first makes tickets. `shared`: they are from a file. `age`: since when the first one does, in ms. */
  | { readonly type: 'ticket-keys'; readonly keys: readonly string[]; readonly shared: boolean; readonly age: number }
  /** A table of sessions. `by`: what they are told by. `secrets`: seeds of its hashes. */
  | {
      readonly type: 'table'
      readonly backend: string
      readonly by: string
      readonly entries: number
      readonly secrets: readonly [number, number]
    }
  /** Sessions of such a table, CELLS each, and the names of their servers. */
  | { readonly type: 'sessions'; readonly backend: string; readonly servers: readonly string[]; readonly rows: string }
  /** That was all that there is for now; what is told from here on has changed since. */
  | { readonly type: 'told' }

export type FromOld = { readonly type: 'yours' } | StateWord

export type FromNew =
  | { readonly type: 'tell' }
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly problems: readonly string[] }
