// Whose process is at the other end of a unix socket, by the kernel's word. Node has no SO_PEERCRED; but where iproute2 is
// installed, `ss` tells which sockets belong together and which processes hold them. The inode of the accepted socket leads to
// that of its peer, and that to a process. Asked only for changes, and while the client waits for its answer, so that it is there
// still. A process that this user may not look at, a system without ss or /proc: there is no telling.
import { execFile } from 'node:child_process'
import { fstat } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { delimiter } from 'node:path'
import { promisify } from 'node:util'

export interface PeerProcess {
  readonly pid: number
  /** Effective. */
  readonly uid: number
  /** Null: the user has no name here. */
  readonly user: string | null
  /** 'pts/3', of its standard input; null: that is no terminal, or cannot be seen. */
  readonly tty: string | null
}

/** Null: there is no telling. */
export type PeerOf = (socket: Socket) => Promise<PeerProcess | null>

const PATIENCE_MS = 1000
const MOST_OUTPUT = 16 * 1024 * 1024
/** Where administrators' programs are that are not on every user's path. */
const PATH = [process.env.PATH ?? '', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].join(delimiter)

const runProgram = promisify(execFile)
const statOf = promisify(fstat)
/** It was not there when it was asked for last, which will not change soon. */
let missing = false

/** Never rejects. @param socket accepted on a unix socket */
export const peerProcess: PeerOf = async (socket) => {
  const { fd = -1 } = (socket as unknown as { _handle: { fd?: number } | null })._handle ?? {}
  if (fd < 0 || missing || process.platform !== 'linux') return null
  try {
    const { ino } = await statOf(fd)
    const options = { timeout: PATIENCE_MS, maxBuffer: MOST_OUTPUT, env: { ...process.env, PATH, LC_ALL: 'C' } }
    const { stdout } = await runProgram('ss', ['-xpH'], options)
    const pid = peerIn(stdout, ino)
    return pid === null ? null : await describeProcess(pid)
  } catch (error) {
    missing = (error as NodeJS.ErrnoException).code === 'ENOENT' && (error as NodeJS.ErrnoException).path === 'ss'
    return null
  }
}

/**
 * The process that holds the peer of a socket.
 * @param table what `ss -xpH` prints: 'u_str ESTAB 0 0 PATH INODE PATH INODE users:(("name",pid=1,fd=2))', where * is no path
 * @param inode of our end
 * @returns null when there is none, or when several do, so that it may have been any of them
 */
export function peerIn(table: string, inode: number): number | null {
  // The peer's own line: it has no path, being a client, and ours, which may have spaces in it, stands before our inode.
  const ofPeer = new RegExp(
    `^u_str\\s+ESTAB\\s+\\d+\\s+\\d+\\s+\\*\\s+\\d+\\s+.*\\s${inode}\\s+users:\\((.*)\\)\\s*$`,
    'm',
  )
  const users = ofPeer.exec(table)?.[1] ?? ''
  const pids = new Set([...users.matchAll(/,pid=(\d+),/g)].map(([, pid]) => Number(pid)))
  return pids.size === 1 ? [...pids][0]! : null
}

/** @throws Error of the system when it is gone */
async function describeProcess(pid: number): Promise<PeerProcess | null> {
  const uid = Number(/^Uid:\s+\d+\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])
  if (!Number.isInteger(uid)) return null
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const user = users.split('\n').find((line) => line.split(':')[2] === String(uid))
  const input = await readlink(`/proc/${pid}/fd/0`).catch(() => '')
  return { pid, uid, user: user?.split(':')[0] ?? null, tty: /^\/dev\/((?:pts\/|tty)\w+)$/.exec(input)?.[1] ?? null }
}
