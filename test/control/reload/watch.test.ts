// Changes of the configuration file are seen, however they are written, and once for many.
import { mkdtempSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { watchConfig } from '../../../src/control/reload/watch.ts'
import { memoryLog } from '../health/fixtures.ts'

function setUp(path: (folder: string) => string) {
  const folder = mkdtempSync(join(tmpdir(), 'weir-watch-'))
  writeFileSync(join(folder, 'weir.yaml'), 'a')
  let changes = 0
  onTestFinished(watchConfig(path(folder), () => changes++, memoryLog().log))
  return {
    folder,
    async until(wanted: number): Promise<void> {
      while (changes < wanted) await sleep(10)
    },
    get changes() {
      return changes
    },
  }
}

test('a file that is written in several steps has changed once', async () => {
  const s = setUp((folder) => join(folder, 'weir.yaml'))
  for (const text of ['b', 'bc', 'bcd']) writeFileSync(join(s.folder, 'weir.yaml'), text)
  await s.until(1)
  await sleep(500)
  expect(s.changes).toBe(1)
})

test('a file that is replaced by renaming has changed, and can change again', async () => {
  const s = setUp((folder) => join(folder, 'weir.yaml'))
  for (let i = 1; i <= 2; i++) {
    writeFileSync(join(s.folder, 'next'), String(i))
    renameSync(join(s.folder, 'next'), join(s.folder, 'weir.yaml'))
    await s.until(i)
  }
})

test('of a folder every YAML file counts, and nothing else', async () => {
  const s = setUp((folder) => folder)
  writeFileSync(join(s.folder, 'note.txt'), 'x')
  await sleep(500)
  expect(s.changes).toBe(0)
  writeFileSync(join(s.folder, 'more.yml'), 'x')
  await s.until(1)
})
