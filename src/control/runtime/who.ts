// Who asks for a change, for the log and for the journal. Where the kernel tells whose process is at the other end of the socket
// (peer-process.ts), its word is taken. Elsewhere what the client says of itself is, which is worth as much as the socket's
// permissions: only who may open it can say anything at all.
import type { PeerProcess } from './peer-process.ts'

export interface Who {
  /** How a line in the log begins: 'anna (uid 1000, pid 4711, pts/3)'. */
  readonly text: string
  /** Which socket he came by: 'control socket'. */
  readonly where: string
}

/** Said when the client does not say who it is. */
export const somebody = (where: string): Who => ({ text: `somebody at the ${where}`, where })

/** The header that `weir` sends with each request: `user=anna uid=1000 pid=4711 tty=pts/3`. */
export const CLIENT_HEADER = 'weir-client'

const known = ['user', 'uid', 'pid', 'tty'] as const
const MAX_VALUE = 64

/** By the word of the kernel: 'root (uid 0, pid 4711, pts/3)'. */
export function whoIs({ user, uid, pid, tty }: PeerProcess, where: string): Who {
  const details = [`uid ${uid}`, `pid ${pid}`, ...(tty === null ? [] : [tty])]
  return { text: `${user ?? 'somebody'} (${details.join(', ')})`, where }
}

/** By the client's own word. @param header as received; undefined: there was none */
export function readWho(header: string | undefined, where: string): Who {
  const fields: Record<string, string> = {}
  for (const part of (header ?? '').split(' ')) {
    const at = part.indexOf('=')
    const name = known.find((each) => each === part.slice(0, Math.max(0, at)))
    const value = part.slice(at + 1).replaceAll(/[^\w./@:-]/g, '')
    if (name !== undefined && value !== '') fields[name] = value.slice(0, MAX_VALUE)
  }
  const { user, uid, pid, tty } = fields
  if (user === undefined) return somebody(where)
  const details = [uid && `uid ${uid}`, pid && `pid ${pid}`, tty].filter((each) => each !== undefined && each !== '')
  return { text: details.length === 0 ? user : `${user} (${details.join(', ')})`, where }
}
