// `weir tool NAME`: the command line tools of 2011 for Elastic Load Balancing and for certificates in IAM, for scripts that call
// them. They are installed under their own names too (bin/elb-tool). No Java, no account of AWS: they act on this Weir.
import { suggestion } from '../../config/nearest.ts'
import { configureHealthCheck } from './configure-health-check.ts'
import { describeInstanceHealth, describeLoadBalancers } from './describe.ts'
import { deregisterInstances, registerInstances } from './instances.ts'
import { setListenerCertificate } from './listener-certificate.ts'
import * as certificates from './server-certificates.ts'
import { runTool, type Tool } from './tool.ts'

export const tools: Readonly<Record<string, Tool>> = {
  'elb-configure-healthcheck': configureHealthCheck,
  'elb-deregister-instances-from-lb': deregisterInstances,
  'elb-describe-instance-health': describeInstanceHealth,
  'elb-describe-lbs': describeLoadBalancers,
  'elb-register-instances-with-lb': registerInstances,
  'elb-set-lb-listener-ssl-cert': setListenerCertificate,
  'iam-servercertdel': certificates.remove,
  'iam-servercertgetattributes': certificates.getAttributes,
  'iam-servercertlistbypath': certificates.listByPath,
  'iam-servercertupload': certificates.upload,
}

export const toolUsage = `Usage: weir tool NAME [arguments]

Runs one of the tools of 2011 for Elastic Load Balancing and for certificates in IAM. They act on the running Weir, and are
installed under their own names too.

${Object.keys(tools)
  .map((name) => `  ${name}`)
  .join('\n')}

weir tool NAME --help says more. Exit codes: 0 done, 1 not done, 2 no such tool.
`

/** @param argv what follows the word `tool` @returns the exit code */
export async function tool([name, ...rest]: string[]): Promise<number> {
  if (name === '--help' || name === '-h') {
    process.stdout.write(toolUsage)
    return 0
  }
  const found = name !== undefined && Object.hasOwn(tools, name) ? tools[name] : undefined
  if (name !== undefined && found !== undefined) return runTool(name, found, rest)
  const problem =
    name === undefined ? 'which tool?' : `there is no tool "${name}"${suggestion(name, Object.keys(tools))}`
  process.stderr.write(`weir tool: ${problem}\n\n${toolUsage}`)
  return 2
}
