// A folder of certificates, as a bind serves it: what comes, changes and goes, in which order, and what bad files do not do.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { entriesOf, FolderScan, type Found } from '../../../src/control/certificates/folder-scan.ts'
import { makeCertificate, type CertificateAndKey } from '../../support/certificates.ts'
import { folder } from '../../support/programs.ts'
import { configOf, folderAt, open, type World } from './fixtures.ts'

const made: Record<string, CertificateAndKey> = {}
beforeAll(async () => {
  for (const name of ['a', 'b', 'c', 'd']) made[name] = await makeCertificate({ names: [`${name}.test`] })
  made.past = await makeCertificate({ names: ['a.test'], from: new Date(Date.now() - 9 * 86_400_000), days: 2 })
})

const whole = (name: string): string => made[name]!.cert + made[name]!.key

interface Served extends World {
  readonly path: string
  /** Puts a file in its place in one step, as deployments do. */
  readonly write: (file: string, text: string) => void
  readonly become: (...names: readonly string[]) => Promise<void>
}

/** @param files what is there from the beginning */
async function serve(files: Readonly<Record<string, string>>): Promise<Served> {
  const path = folder()
  const write = (file: string, text: string): void => {
    writeFileSync(join(path, `.${file}`), text)
    renameSync(join(path, `.${file}`), join(path, file))
  }
  for (const [file, text] of Object.entries(files)) write(file, text)
  const world = await open(configOf([folderAt(path)]), null)
  const become = (...names: readonly string[]): Promise<void> =>
    expect
      .poll(() => world.worker.serves(), { timeout: 8000, interval: 20 })
      .toEqual(names.map((name) => `${name}.test`))
  return { ...world, path, write, become }
}

test('certificates are served in the order of their names, with keys in the same file or beside it', async () => {
  const { worker } = await serve({
    'b.crt': made.b!.cert,
    'b.key': made.b!.key,
    'a.pem': whole('a'),
    'c.pem': made.c!.cert,
    'c.pem.key': made.c!.key,
    'd.pem': made.d!.cert,
    'd.key': made.d!.key,
    'readme.txt': 'not one of them',
    '.e.pem': 'hidden',
  })
  expect(worker.serves()).toEqual(['a.test', 'b.test', 'c.test', 'd.test'])
})

test('what comes, changes and goes is served so, and nothing else is sent again', async () => {
  const { write, become, worker, path, said } = await serve({ 'one.pem': whole('a'), 'two.pem': whole('b') })
  write('three.pem', whole('c'))
  await become('a', 'c', 'b') // one, three, two
  write('one.pem', whole('d'))
  await become('d', 'c', 'b')
  rmSync(join(path, 'three.pem'))
  await become('d', 'b')
  const sent = worker.told.flatMap((message) => (message.type === 'certificates' ? message.change.added : []))
  expect(sent.map(({ names }) => names[0])).toEqual(expect.arrayContaining(['c.test', 'd.test']))
  expect(sent.filter(({ names }) => names[0] === 'b.test').length).toBeLessThanOrEqual(1)
  expect(said()).toMatch(/1 new \(three\.pem\).*1 changed \(one\.pem\).*1 gone \(three\.pem\)/s)
})

test('a file that goes bad leaves what it was, and says why once; when it is good again it is served', async () => {
  const { write, become, said, manager, path } = await serve({ 'a.pem': whole('a'), 'b.pem': whole('b') })
  write('a.pem', made.b!.cert + made.c!.key)
  await expect
    .poll(() => manager.catalogue.problems, { timeout: 8000 })
    .toMatchObject([
      { path: join(path, 'a.pem'), servesOld: true, problem: expect.stringContaining('does not belong') as string },
    ])
  await become('a', 'b')
  expect(said().split('does not belong').length).toBe(2)
  write('b.pem', whole('d')) // another look at the folder, which finds a.pem as bad as before
  await become('a', 'd')
  expect(said().split('does not belong').length).toBe(2)
  expect(said()).not.toContain('PRIVATE KEY')
  write('a.pem', whole('c'))
  await become('c', 'd')
  expect(manager.catalogue.problems).toEqual([])
})

test('a key that comes after its certificate, and a pair that is replaced one file after the other', async () => {
  const { write, become, manager } = await serve({ 'a.pem': whole('a'), 'b.crt': made.b!.cert })
  expect(manager.catalogue.problems).toMatchObject([{ servesOld: false }])
  write('b.key', made.b!.key)
  await become('a', 'b')
  write('b.crt', made.c!.cert)
  await expect.poll(() => manager.catalogue.problems.length, { timeout: 8000 }).toBe(1)
  await become('a', 'b')
  write('b.key', made.c!.key)
  await become('a', 'c')
})

test('a certificate past its time does not take the place of one that is good', async () => {
  const { write, become, manager } = await serve({ 'a.pem': whole('a') })
  write('a.pem', whole('past'))
  await expect
    .poll(() => manager.catalogue.problems, { timeout: 8000 })
    .toMatchObject([{ problem: 'The certificate has expired.' }])
  await become('a')
})

test('a link that is turned to another folder is followed', async () => {
  const [one, two, path] = [folder(), folder(), folder()]
  writeFileSync(join(one, 'tls.pem'), whole('a'))
  writeFileSync(join(two, 'tls.pem'), whole('b'))
  symlinkSync(one, join(path, '..data'))
  symlinkSync('..data/tls.pem', join(path, 'tls.pem'))
  const { worker } = await open(configOf([folderAt(path)]), null)
  expect(worker.serves()).toEqual(['a.test'])
  symlinkSync(two, join(path, '..next'))
  renameSync(join(path, '..next'), join(path, '..data'))
  await expect.poll(() => worker.serves(), { timeout: 8000 }).toEqual(['b.test'])
})

test('a folder that cannot be read any more leaves its certificates, and says so', async () => {
  const { path, worker, said, manager, keeper } = await serve({ 'a.pem': whole('a') })
  renameSync(path, `${path}-moved`)
  try {
    await expect.poll(said, { timeout: 8000 }).toContain(`cannot read ${path}`)
    expect(worker.serves()).toEqual(['a.test'])
  } finally {
    renameSync(`${path}-moved`, path)
  }
  manager.settle(keeper.config)
  expect(worker.serves()).toEqual(['a.test'])
})

test('an empty folder, or one that is emptied, has its bind serve a placeholder', async () => {
  const { path, worker, write, become } = await serve({})
  expect(worker.serves()).toEqual(['placeholder.invalid'])
  write('a.pem', whole('a'))
  await become('a')
  rmSync(join(path, 'a.pem'))
  await expect.poll(() => worker.serves(), { timeout: 8000 }).toEqual(['placeholder.invalid'])
})

test('a reload that names another folder reads it before workers go over, and forgets the one of before', async () => {
  const { worker, manager, path } = await serve({ 'a.pem': whole('a') })
  const other = folder()
  writeFileSync(join(other, 'b.pem'), whole('b'))
  const next = configOf([folderAt(other)])
  await manager.follow(next)
  expect(worker.serves()).toEqual(['b.test'])
  manager.settle(next)
  writeFileSync(join(path, 'c.pem'), whole('c'))
  writeFileSync(join(other, 'd.pem'), whole('d'))
  await expect.poll(() => worker.serves(), { timeout: 8000 }).toEqual(['b.test', 'd.test'])
})

test('which names are certificates, and where their keys are', () => {
  const names = ['b.crt', 'b.key', 'a.pem', 'a.key', 'a.pem.key', 'x.key', 'y.ocsp', '.z.pem']
  expect(entriesOf(names).map(({ file, key }) => [file, key])).toEqual([
    ['a.pem', 'a.pem.key'],
    ['b.crt', 'b.key'],
  ])
})

test('a look reads what has changed and nothing else, also when size and time are what they were', () => {
  const path = folder()
  for (const name of ['a', 'b', 'c']) writeFileSync(join(path, `${name}.pem`), whole(name))
  const scan = new FolderScan(path, { index: 0, count: 1 })
  const look = (touched: ReadonlySet<string> | null = null): string[] => {
    const found: Found[] = []
    scan.look(touched, (each) => found.push(each))
    return found.map(({ file }) => file)
  }
  expect(look()).toEqual(['a.pem', 'b.pem', 'c.pem'])
  expect(look()).toEqual([])
  const before = readFileSync(join(path, 'a.pem'))
  writeFileSync(join(path, 'a.pem'), before)
  utimesSync(join(path, 'a.pem'), 1, 1)
  expect(look(new Set(['b.pem']))).toEqual([]) // nobody has said that a.pem was touched
  expect(look(new Set(['a.key']))).toEqual(['a.pem'])
  writeFileSync(join(path, 'd.pem'), whole('d'))
  expect(look(new Set())).toEqual(['d.pem']) // what is new is read in any case
})

test('the parts of a folder are the whole, and each file is in one', () => {
  const path = folder()
  for (let i = 0; i < 50; i++) writeFileSync(join(path, `${i}.pem`), 'x')
  const parts = [0, 1, 2].map((index) => {
    const found: string[] = []
    new FolderScan(path, { index, count: 3 }).look(null, ({ file }) => found.push(file))
    return found
  })
  expect(parts.every((part) => part.length > 5)).toBe(true)
  expect(parts.flat().toSorted()).toEqual(
    entriesOf(Array.from({ length: 50 }, (_, i) => `${i}.pem`)).map(({ file }) => file),
  )
})

test('a folder of a thousand is read by several threads, and a change of one is one that is sent', async () => {
  const path = folder()
  mkdirSync(join(path, 'sub'))
  writeFileSync(join(path, '0000.pem'), whole('b'))
  execFileSync('sh', ['-c', 'for i in $(seq 1001 2200); do cp "$1/0000.pem" "$1/$i.pem"; done', 'sh', path])
  const { worker, keeper, manager } = await open(configOf([folderAt(path)]), null)
  expect(keeper.held.length).toBe(1201)
  expect(worker.serves()).toEqual(['b.test']) // all the same one
  writeFileSync(join(path, '1500.pem'), whole('a'))
  await expect.poll(() => worker.serves(), { timeout: 8000 }).toEqual(['b.test', 'a.test'])
  const last = worker.told.at(-1)!
  expect(last.type === 'certificates' && last.change.added.length).toBe(1)
  expect(manager.catalogue.problems).toEqual([])
})
