// The main thread's end of the threads that look through folders of certificates (folder-thread.ts): one for a folder of some
// certificates, one per core for thousands, each with its part of the files.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Found } from './folder-scan.ts'
import type { FromThread, Look } from './folder-thread.ts'

/** In source it is folder-thread.ts, in a build folder-thread.js: the same extension as this file's. */
const entry = new URL(`./folder-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** From this many files on, more than one thread is worth its start (some 50 ms). */
const MANY = 1000
const MOST_THREADS = 4

export interface Seen {
  readonly found: readonly Found[]
  /** Files that are there no more. */
  readonly gone: readonly string[]
}

export class FolderReader {
  readonly #path: string
  #threads: Worker[] = []
  #id = 0
  #closed = false

  constructor(path: string) {
    this.#path = path
  }

  /**
   * What has changed since the last look; when the threads had to be started anew, everything.
   * @param files how many there are, more or less
   * @throws Error when the folder cannot be read, or a thread has died
   */
  async look(touched: ReadonlySet<string> | null, files: number): Promise<Seen> {
    if (this.#threads.length === 0) {
      const count = files < MANY ? 1 : Math.min(MOST_THREADS, availableParallelism())
      this.#threads = Array.from({ length: count }, () => new Worker(entry, { name: 'weir-certificates' }))
    }
    const threads = this.#threads
    const id = ++this.#id
    try {
      const count = threads.length
      const looks = threads.map((thread, index) =>
        ask(thread, { id, path: this.#path, part: { index, count }, touched }),
      )
      const parts = await Promise.all(looks)
      return { found: parts.flatMap(({ found }) => found), gone: parts.flatMap(({ gone }) => gone) }
    } catch (error) {
      this.#end() // those that go on would know more than we do
      throw error
    }
  }

  close(): void {
    this.#closed = true
    this.#end()
  }

  get closed(): boolean {
    return this.#closed
  }

  #end(): void {
    for (const thread of this.#threads) void thread.terminate()
    this.#threads = []
  }
}

function ask(thread: Worker, look: Look): Promise<Seen> {
  const found: Found[] = []
  const { promise, resolve, reject } = Promise.withResolvers<Seen>()
  const onMessage = (message: FromThread): void => {
    if (message.id !== look.id) return
    if (message.type === 'found') found.push(...message.found)
    else if (message.type === 'done') resolve({ found, gone: message.gone })
    else reject(new Error(message.message))
  }
  const onExit = (): void => reject(new Error('the thread that reads it has ended'))
  thread.ref() // what waits for it must not find the process gone
  thread.on('message', onMessage).on('error', reject).on('exit', onExit)
  thread.postMessage(look)
  return promise.finally(() => {
    thread.off('message', onMessage).off('error', reject).off('exit', onExit)
    thread.unref()
  })
}
