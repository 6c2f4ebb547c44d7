// The control socket: HTTP and JSON on a unix socket that only the user who runs Weir can open. `weir status` reads from
// it; so can `curl --unix-socket`. Its routes:
//
//   GET  /v1/status            the whole state, see status.ts
//   POST /v1/workers/N/kill    ends worker N as a crash would; for trying out that it is replaced
import { chmod, lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { claimSocketPath } from '../unix-socket.ts'
import type { View } from '../view.ts'
import { close, createRoutes, json, listen, type Route } from './http.ts'
import { readStatus } from './status.ts'

export interface ControlSocket {
  readonly path: string
  close(): Promise<void>
}

/** Where `auto` looks, in this order: the folder of a system service, then one of the user's own. */
export function automaticPaths(): readonly string[] {
  return ['/run/weir/weir.sock', join(tmpdir(), `weir-${process.getuid?.() ?? 0}`, 'weir.sock')]
}

/**
 * @param path absolute, or 'auto'
 * @throws Error with words for the operator when the socket cannot be made
 */
export async function openControlSocket(
  path: string,
  view: View,
  kill: (worker: number) => boolean,
): Promise<ControlSocket> {
  return open(path === 'auto' ? await choosePath() : path, view, kill)
}

/** The first automatic path whose folder is ours. One that is in use stays the choice, for `weir status` would ask there. */
async function choosePath(): Promise<string> {
  let problem: unknown
  for (const path of automaticPaths()) {
    try {
      await ownFolder(dirname(path))
      return path
    } catch (error) {
      problem = error
    }
  }
  throw new Error('no folder for the control socket', { cause: problem })
}

async function open(path: string, view: View, kill: (worker: number) => boolean): Promise<ControlSocket> {
  const server = createRoutes(routes(view, kill))
  try {
    await claimSocketPath(path)
    const umask = process.umask(0o177) // 0600 from its first moment; binding to a path happens within listen()
    const listening = listen(server, { path })
    process.umask(umask)
    await listening
    await chmod(path, 0o600)
  } catch (error) {
    throw new Error(`cannot open the control socket: ${(error as Error).message}`, { cause: error })
  }
  return { path, close: () => close(server) }
}

/** Makes the folder if need be. One that somebody else could write to is not trusted with a socket. */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const { uid, mode } = await lstat(folder)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) throw new Error(`${folder} belongs to somebody else`)
}

function routes(view: View, kill: (worker: number) => boolean): readonly Route[] {
  return [
    { method: 'GET', path: /^\/v1\/status$/, answer: () => json(200, readStatus(view)) },
    {
      method: 'POST',
      path: /^\/v1\/workers\/(\d{1,4})\/kill$/,
      answer: (worker) =>
        kill(Number(worker)) ? json(202, { killed: Number(worker) }) : json(404, { error: 'no such worker' }),
    },
  ]
}
