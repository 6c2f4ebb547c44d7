// The control socket: HTTP and JSON on a unix socket that only the user who runs Weir can open, and a group if one is named.
// The commands of `weir` talk to it; so can `curl --unix-socket`. What can be asked is routes.ts.
import { lstat, mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { PeerOf } from '../runtime/peer-process.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { claimSocketPath, openPrivately, share } from '../unix-socket.ts'
import { Baseline } from './baseline.ts'
import type { Door } from './door.ts'
import { close, createRoutes, listen, retire } from './http.ts'
import { onError, routesOf } from './routes.ts'

export interface ControlSocket extends Door {
  readonly path: string
}

/** Where `auto` looks, in this order: the folder of a system service, then one of the user's own. */
export function automaticPaths(): readonly string[] {
  return ['/run/weir/weir.sock', join(tmpdir(), `weir-${process.getuid?.() ?? 0}`, 'weir.sock')]
}

export interface ControlOptions {
  /** Name or number of the group that may open it too; null: its owner alone. */
  readonly group?: string | number | null
  /** Shared with whoever else shows or clears counters. */
  readonly baseline?: Baseline
  /** Tells whose process asks for a change; left out: the client's word is taken. */
  readonly peerOf?: PeerOf
}

/**
 * @param path absolute
 * @throws Error with words for the operator when the socket cannot be made
 */
export async function openControlSocket(
  path: string,
  runtime: Runtime,
  { group = null, baseline = new Baseline(), peerOf }: ControlOptions = {},
): Promise<ControlSocket> {
  const server = createRoutes(routesOf(runtime, baseline), onError, peerOf)
  return open(path, server, group)
}

/**
 * The first automatic path whose folder is ours. One that is in use stays the choice, for `weir status` would ask there.
 * @throws Error when there is none
 */
export async function automaticPath(): Promise<string> {
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

async function open(path: string, server: Server, group: string | number | null): Promise<ControlSocket> {
  try {
    await claimSocketPath(path)
    await openPrivately(() => listen(server, { path }))
    await share(path, group)
  } catch (error) {
    await close(server) // it listens already where the group is what is wrong
    throw new Error(`cannot open the control socket: ${(error as Error).message}`, { cause: error })
  }
  return { path, retire: () => retire(server), close: () => close(server) }
}

/** Makes the folder if need be. One that somebody else could write to is not trusted with a socket. */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  const { uid, mode } = await lstat(folder)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) throw new Error(`${folder} belongs to somebody else`)
}
