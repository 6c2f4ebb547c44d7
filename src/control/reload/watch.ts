// Watches the configuration, a file or a folder of them, and says when it has changed. Editors and deployments write in
// several steps and by renaming, so the folder is watched and not the file, and changes are reported once they have settled.
import { statSync, watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Logger } from 'pino'

/** In ms without a further change, after which what stands there is taken for whole. */
const SETTLED = 300

/** @returns a function that ends it */
export function watchConfig(path: string, onChange: () => void, log: Logger): () => void {
  const isFolder = statSync(path).isDirectory()
  const folder = isFolder ? path : dirname(path)
  const concerns = (name: string | null): boolean =>
    name === null || (isFolder ? /\.ya?ml$/.test(name) : name === basename(path))
  let timer: NodeJS.Timeout | undefined
  const onEvent = (_: string, name: string | null): void => {
    if (!concerns(name)) return
    clearTimeout(timer)
    timer = setTimeout(onChange, SETTLED).unref()
  }
  let watcher: FSWatcher | null = null
  try {
    watcher = watch(folder, { persistent: false }, onEvent)
    watcher.on('error', (error) =>
      log.error({ path: folder }, `the configuration is watched no more: ${error.message}`),
    )
  } catch (error) {
    log.error({ path: folder }, `the configuration cannot be watched: ${(error as Error).message}`)
  }
  return () => {
    clearTimeout(timer)
    watcher?.close()
  }
}
