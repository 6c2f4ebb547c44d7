// Files that outlive a crash at any moment: written beside their place, brought to the disk, then renamed, so that whoever reads
// them finds what was there before or what is there now, never half of one. Readable by their owner alone, since most of them
// hold private keys.
import { chmod, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** How the names of files end that a crash may have left behind half-written. */
export const DRAFT = '.tmp'

/** @throws the error of the system; then what was there before is there still */
export async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}${DRAFT}`
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/** Brings to the disk which files a folder has. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** A folder that only its owner can look into; made if need be. @throws Error when it is somebody else's, or cannot be had */
export async function privateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const { uid, mode } = await lstat(path)
  if (uid !== process.getuid?.()) throw new Error(`${path} belongs to somebody else`)
  if ((mode & 0o077) !== 0) await chmod(path, 0o700)
}
