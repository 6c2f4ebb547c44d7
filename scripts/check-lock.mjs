// Checks what `npm ci` on another machine relies on:
//  - every platform package that a package names as optional is in the lock file itself: npm leaves one out when a
//    registry does not carry it, and then `npm ci` fails on the machine that needs it;
//  - the lock file names no host: packages come from whichever registry npm is set up for;
//  - package.json asks for exact versions: an old npm or Node otherwise picks others;
//  - no package runs a script when it is installed.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..')
const problems = findProblems(read('package-lock.json'), read('package.json'), read('tools/runtime/package.json'))
for (const problem of problems) process.stderr.write(`lock: ${problem}\n`)
process.exitCode = problems.length === 0 ? 0 : 1

function findProblems(lock, ...manifests) {
  return [
    ...Object.entries(lock.packages).flatMap(([path, entry]) => problemsOf(lock.packages, path, entry)),
    ...manifests.flatMap(inexactVersions),
  ]
}

function problemsOf(packages, path, entry) {
  const found = []
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!isLocked(packages, path, name))
      found.push(`${path || 'the root'} may need ${name}, which is not in the lock file`)
  }
  if (entry.resolved !== undefined && !entry.link) found.push(`${path} is bound to one place: ${entry.resolved}`)
  if (entry.hasInstallScript) found.push(`${path} runs a script when it is installed`)
  return found
}

/** Looks a dependency up as Node does: in the package's own node_modules, then in every one above it. */
function isLocked(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    if (packages[folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`]) return true
    if (folder === '') return false
  }
}

function inexactVersions(manifest) {
  const asked = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies }
  return Object.entries(asked)
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) && !version.startsWith('file:'))
    .map(([name, version]) => `${manifest.name} asks for ${name} ${version}, which is not one exact version`)
}

function read(file) {
  return JSON.parse(readFileSync(join(root, file), 'utf8'))
}
