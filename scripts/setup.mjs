// Installs the locked packages when they are not there yet, so that one `npm run demo` or `npm test` on a fresh clone
// is enough. Runs before every script (the "pre" hooks of package.json). Silent when there is nothing to do.
// Plain JavaScript that Node 18 can parse: it runs on whatever Node the machine has, before the right one is here.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const lockFile = join(root, 'package-lock.json')
const modules = join(root, 'node_modules')
const stamp = join(modules, '.weir-setup') // inside, so that it goes when the packages go
const turn = join(root, '.weir-setup-busy') // a symbolic link (made in one step) to the id of the process that installs

try {
  if (!isUpToDate()) {
    await takeTurn()
    try {
      if (!isUpToDate()) install()
    } finally {
      rmSync(turn, { force: true })
    }
  }
} catch (error) {
  say(error.message)
  process.exitCode = 1
}

function isUpToDate() {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted()) return true
  if (!isInstalled()) return false
  writeFileSync(stamp, wanted()) // someone ran npm by hand: not again what is done
  return true
}

/** Is all that the lock file asks for in npm's own list of what it installed? Optional packages may be left out. */
function isInstalled() {
  const list = join(modules, '.package-lock.json')
  if (!existsSync(list)) return false
  const { packages } = JSON.parse(readFileSync(list, 'utf8'))
  const asked = Object.entries(JSON.parse(readFileSync(lockFile, 'utf8')).packages).filter(([path]) => path !== '')
  return asked.every(([path, { version, optional, devOptional }]) =>
    packages[path] === undefined ? optional || devOptional : packages[path].version === version,
  )
}

/** What the installed packages follow from: the lock file, and the platform that they were chosen for. */
function wanted() {
  return `${createHash('sha256').update(readFileSync(lockFile)).digest('hex')} ${process.platform}-${process.arch}\n`
}

function install() {
  say('installing packages (npm ci) ...')
  const [command, ...npm] = npmCommand()
  const args = [...npm, 'ci', '--include=dev', '--include=optional'] // also where NODE_ENV is "production"
  const env = { ...process.env, npm_config_loglevel: 'error' } // `npm run --silent` would hide the reason of a failure
  const run = spawnSync(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  if (run.error) throw new Error(`cannot start npm: ${run.error.message}`)
  if (run.status !== 0) throw new Error(`npm ci failed (${run.status ?? run.signal}):\n${run.stdout}${run.stderr}`)
  checkNode()
  writeFileSync(stamp, wanted())
}

/** Inside `npm run`, npm says which npm and Node it is: use the same, they are not in the folder being replaced. */
function npmCommand() {
  const { npm_execpath: npm, npm_node_execpath: node } = process.env
  return node && npm && /\bnpm-cli\.c?js$/.test(npm) ? [node, npm] : ['npm']
}

/** The Node among the packages must run here; where it does not (another system or libc), the machine's own may do. */
function checkNode() {
  const packaged = join(modules, '.bin', 'node')
  if (spawnSync(packaged, ['--version']).status === 0) return
  rmSync(packaged, { force: true })
  const version = (spawnSync('node', ['--version'], { encoding: 'utf8' }).stdout ?? '').trim()
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number)
  if (major > 24 || (major === 24 && minor >= 12)) return
  throw new Error(
    `Weir needs Node 24.12 or newer; this machine has ${version || 'none'}, and no package of it runs here`,
  )
}

/** Waits until no other setup of this checkout is running; one that was killed does not count. */
async function takeTurn() {
  for (let said = false; ; said = true) {
    try {
      return symlinkSync(String(process.pid), turn)
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isRunning(holder())) rmSync(turn, { force: true })
    else if (!said) say('waiting for another installation of the packages ...')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function holder() {
  try {
    return Number(readlinkSync(turn))
  } catch {
    return undefined // it has just finished
  }
}

function isRunning(pid) {
  try {
    return pid !== undefined && process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function say(text) {
  process.stderr.write(`weir: ${text}\n`)
}
