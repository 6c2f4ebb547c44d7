// A thread that looks through folders of certificates, so that neither a slow disk nor ten thousand files hold up the main
// thread. It keeps nothing but the signatures of the files; what it finds goes back in portions.
import { parentPort } from 'node:worker_threads'
import { FolderScan, type Found, type Part } from './folder-scan.ts'

/** A look at a folder. */
export interface Look {
  readonly id: number
  readonly path: string
  readonly part: Part
  readonly touched: ReadonlySet<string> | null
}

export type FromThread =
  | { readonly id: number; readonly type: 'found'; readonly found: readonly Found[] }
  | { readonly id: number; readonly type: 'done'; readonly gone: readonly string[] }
  /** The folder cannot be read. */
  | { readonly id: number; readonly type: 'failed'; readonly message: string }

/** Certificates in one message: some milliseconds of the main thread. */
const PORTION = 200

const scans = new Map<string, FolderScan>()
const port = parentPort!
const tell = (message: FromThread): void => port.postMessage(message)

port.on('message', ({ id, path, part, touched }: Look) => {
  const scan = scans.get(path) ?? new FolderScan(path, part)
  scans.set(path, scan)
  let portion: Found[] = []
  const send = (): void => {
    if (portion.length > 0) tell({ id, type: 'found', found: portion })
    portion = []
  }
  try {
    const gone = scan.look(touched, (found) => {
      if (portion.push(found) >= PORTION) send()
    })
    send()
    tell({ id, type: 'done', gone })
  } catch (error) {
    tell({ id, type: 'failed', message: (error as Error).message })
  }
})
