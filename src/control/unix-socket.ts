// Takes over the path of a unix socket. A process that was killed leaves its file behind, and bind(2) then refuses the
// path for good; so a socket that nobody answers on is removed, and anything else is left alone.
import { lstat, unlink } from 'node:fs/promises'
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
