// Takes over the path of a unix socket. A process that was killed leaves its file behind, and bind(2) then refuses the
// path for good; so a socket that nobody answers on is removed, and anything else is left alone. And says who may open one.
import { chmod, chown, lstat, readFile, unlink } from 'node:fs/promises'
import { connect } from 'node:net'

/**
 * Makes sure that the path is free.
 * @throws Error with words for the operator when somebody answers there, or when the file is no socket
 */
export async function claimSocketPath(path: string): Promise<void> {
  const file = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (file === null) return
  if (!file.isSocket()) throw new Error(`${path} exists and is not a socket`)
  if (await answers(path)) throw new Error(`${path} is in use by another process`)
  await unlink(path)
}

/** Makes a socket that its owner alone may open, from its first moment. @param listen binds before it returns */
export function openPrivately(listen: () => Promise<void>): Promise<void> {
  const umask = process.umask(0o177)
  try {
    return listen()
  } finally {
    process.umask(umask)
  }
}

/** @param group name or number of those that may open it too; null: nobody else may. @throws Error when there is no such group */
export async function share(path: string, group: string | number | null): Promise<void> {
  if (group !== null) await chown(path, process.getuid!(), typeof group === 'number' ? group : await groupId(group))
  await chmod(path, group === null ? 0o600 : 0o660)
}

/** Number of a group of this machine. @throws Error when it has none of that name */
async function groupId(name: string): Promise<number> {
  const lines = (await readFile('/etc/group', 'utf8')).split('\n').map((line) => line.split(':'))
  const found = lines.find(([each]) => each === name)
  if (found?.[2] === undefined) throw new Error(`there is no group ${name}`)
  return Number(found[2])
}

/** Whether a process listens there. A refusal means that none does; what cannot be told counts as an answer. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => end(true))
    socket.once('connect', () => end(true))
    socket.once('error', ({ code }: NodeJS.ErrnoException) => end(code !== 'ECONNREFUSED' && code !== 'ENOENT'))
  })
}
