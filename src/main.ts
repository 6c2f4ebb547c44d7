// Entry of the process: the command line and nothing else. What the commands are is cli/commands.ts.
import { dispatch } from './cli/commands.ts'

process.exit(await dispatch(process.argv.slice(2)))
