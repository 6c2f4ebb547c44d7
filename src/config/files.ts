// Files that options name: certificates, keys, authorities. Relative paths start from the folder of the configuration file.
// Nothing of a file's content ever gets into a message.
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Problems } from './problems.ts'
import { show, type Node } from './tree.ts'

/** What a failed look at a file means, without the path. */
export function fileTrouble(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file'
  if (code === 'EISDIR') return 'it is a folder'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  return code ?? 'it cannot be read'
}

export const absolute = (path: string, node: Node): string => resolve(node.place.source.folder, path)

export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Text of the file that the node names; null when it cannot be read, which is reported. */
export const readNamedFile = (path: string, node: Node, problems: Problems): string | null =>
  readNamedBytes(path, node, problems)?.toString('utf8') ?? null

/** The same for what need not be text. */
export function readNamedBytes(path: string, node: Node, problems: Problems): Buffer | null {
  const full = absolute(path, node)
  const fail = (why: string): null => {
    problems.add(node.place, 'UNREADABLE_FILE', `Cannot read the file ${show(node)}: ${why}`)
    return null
  }
  try {
    const stat = statSync(full)
    if (stat.isDirectory()) return fail('it is a folder')
    if (!stat.isFile()) return fail('it is not a regular file')
    return readFileSync(full)
  } catch (error) {
    return fail(fileTrouble(error))
  }
}
