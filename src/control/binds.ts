// Tries every bind once before any worker starts. The workers listen with SO_REUSEPORT, which would let two processes of
// one user share a port without a word; a plain bind finds the other one. All problems are reported together.
import { createServer, type ListenOptions } from 'node:net'
import type { BindSpec, FrontendSpec } from '../messages/snapshot.ts'
import { claimSocketPath } from './unix-socket.ts'

/** @returns one sentence for each bind that cannot be had */
export async function probeBinds(frontends: readonly FrontendSpec[]): Promise<string[]> {
  const problems: string[] = []
  for (const { name, binds } of frontends) {
    for (const bind of binds) {
      const problem = await probe(bind)
      if (problem !== null) problems.push(`cannot listen on ${placeOf(bind)} (frontend ${name}): ${problem}`)
    }
  }
  return problems
}

async function probe(bind: BindSpec): Promise<string | null> {
  try {
    if (bind.path === null) await listenOnce({ host: bind.host ?? '::', port: bind.port })
    else await claimSocketPath(bind.path)
    return null
  } catch (error) {
    return listenProblem(error as NodeJS.ErrnoException)
  }
}

function listenOnce(options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(options, () => server.close(() => resolve()))
  })
}

const words: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another process',
  EACCES: 'permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'this machine has no such address',
  EAFNOSUPPORT: 'this machine has no such kind of address',
}

/** Why listening failed, in words, with the code of the system behind. */
export function listenProblem({
  code,
  message,
}: {
  readonly code?: string | undefined
  readonly message: string
}): string {
  return code !== undefined && words[code] !== undefined ? `${words[code]} (${code})` : message
}

/** `0.0.0.0:443`, `[::]:443` or the path of the unix socket. */
export function placeOf({ host, port, path }: Pick<BindSpec, 'host' | 'port' | 'path'>): string {
  if (path !== null) return path
  return host?.includes(':') ? `[${host}]:${port}` : `${host ?? '*'}:${port}`
}
