// Socket activation: the system's supervisor (systemd and others, sd_listen_fds(3)) opens the listening sockets and starts
// the program with them, from descriptor 3 on. Which bind a socket is for is told by its name, where that is the id of a bind
// or the name of a frontend with one bind, else by its address. Addresses are looked up in /proc, because a
// descriptor can't be asked for its address without listening on it.
import { readFileSync, readlinkSync } from 'node:fs'
import { networkText } from '../../balance/address.ts'
import type { FrontendSpec } from '../../messages/snapshot.ts'

const FIRST = 3

export interface Activated {
  /** Descriptors by bind id. */
  readonly fds: Readonly<Record<string, number>>
  /** Sockets that no bind asks for, in words. */
  readonly unused: readonly string[]
}

/** @param env its LISTEN_* are taken out: they are meant for this process alone */
export function takeActivated(
  frontends: readonly FrontendSpec[],
  env: NodeJS.ProcessEnv,
  pid = process.pid,
  addressOf: (fd: number) => string | null = addressOfSocket,
): Activated {
  const { LISTEN_FDS: count, LISTEN_PID: forWhom, LISTEN_FDNAMES: names = '' } = env
  for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) delete env[name]
  const fds: Record<string, number> = {}
  const unused: string[] = []
  if (Number(forWhom) !== pid) return { fds, unused }
  const byKey = bindsByKey(frontends)
  for (let i = 0; i < Number(count); i++) {
    const name = names.split(':')[i] ?? ''
    const address = addressOf(FIRST + i)
    const bind = byKey.get(name) ?? byKey.get(address ?? '')
    if (bind === undefined || bind in fds) unused.push(address ?? name)
    else fds[bind] = FIRST + i
  }
  return { fds, unused }
}

/** Bind ids by all that can stand for them. LISTEN_FDNAMES can't hold a colon, so a bind is named there with `-` for it. */
function bindsByKey(frontends: readonly FrontendSpec[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  for (const { name, binds } of frontends) {
    if (binds.length === 1) keys.set(name, binds[0]!.id)
    for (const { id, host, port, path } of binds) {
      keys.set(id.replaceAll(':', '-'), id)
      keys.set(path ?? place(host ?? '::', port), id)
    }
  }
  return keys
}

const place = (host: string, port: number): string => `${networkText(host, 32, 128)} ${port}`

/** 'address port' or a path; null: not to be found. */
function addressOfSocket(fd: number): string | null {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
    return inode === undefined ? null : addressOfInode(inode, (file) => readFileSync(`/proc/self/net/${file}`, 'utf8'))
  } catch {
    return null
  }
}

/** @param read the text of a file of /proc/net (proc_pid_net(5)) */
export function addressOfInode(inode: string, read: (file: 'tcp' | 'tcp6' | 'unix') => string): string | null {
  for (const file of ['tcp', 'tcp6'] as const) {
    for (const line of read(file).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (fields[9] !== inode) continue
      const [hex, port] = fields[1]!.split(':') as [string, string]
      return place(hostOf(hex), parseInt(port, 16))
    }
  }
  const line = read('unix')
    .split('\n')
    .find((each) => each.trim().split(/\s+/)[6] === inode)
  return line === undefined ? null : (line.trim().split(/\s+/)[7] ?? null)
}

/** Words of 32 bits in the byte order of the machine, which is little-endian wherever Node runs. */
function hostOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  if (bytes.length === 4) return [...bytes].join('.')
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':')
}
