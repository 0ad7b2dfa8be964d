/**
 * `npm run testssl`: starts a server and has testssl.sh look at every door: protocols, ciphers, forward secrecy, server defaults and known
 * attacks. It takes minutes, so it is no part of `npm test`, which has sslscan look instead. Prints what is worse than "OK" and ends with 1
 * when something is; what every self-signed certificate must be told of is left out.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runProgram } from '../harness/programs.js'
import { DOORS, ECDSA_NAME, RSA_NAME, startScanned } from '../harness/scanned.js'
import { program } from '../harness/shared.js'

const DOOR_MS = 300_000
/** Nobody has signed the test certificates, nobody revokes them, and testssl.sh would need names of the world's DNS. */
const OF_THE_CERTIFICATE =
  /^cert_(?:chain_of_trust|revocation|crlDistributionPoints|ocspURL|trust|subjectAltName|extlifeSpan)|^(?:OCSP|DNS_CAA)/
const WORSE = new Set(['LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'WARN', 'FATAL'])

interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

async function main(): Promise<number> {
  const testssl = ['testssl', 'testssl.sh'].find(name => program(name) !== undefined)
  if (testssl === undefined || program('openssl') === undefined) {
    console.log('testssl or openssl is not installed')
    return 2
  }
  const server = await startScanned()
  const dir = await mkdtemp(join(tmpdir(), 'posthouse-testssl-'))
  let worse = 0
  try {
    for (const { port, starttls } of DOORS) {
      // the certificate is the same on every door: the other one is looked at once
      for (const name of port === 'imaps' ? [RSA_NAME, ECDSA_NAME] : [RSA_NAME]) {
        const out = join(dir, `${port}-${name}.json`)
        const how = starttls === undefined ? [] : ['-t', starttls]
        const quiet = ['--quiet', '--color', '0', '--warnings', 'off', '--ip', '127.0.0.1', '--nodns', 'none']
        const what = ['-p', '-s', '-f', '-S', '-U', '--jsonfile', out]
        const begun = Date.now()
        await runProgram(testssl, [...quiet, ...what, ...how, `${name}:${server.ports[port]}`], { timeoutMs: DOOR_MS })
        const all = JSON.parse(await readFile(out, 'utf8')) as Finding[]
        const found = all.filter(({ id, severity }) => WORSE.has(severity) && !OF_THE_CERTIFICATE.test(id))
        worse += found.length + (all.length < 30 ? 1 : 0)
        const seconds = Math.round((Date.now() - begun) / 1000)
        console.log(`${port} ${name}: ${all.length} findings in ${seconds} s, ${found.length} worse than OK`)
        for (const one of found) console.log(`  ${one.severity} ${one.id}: ${one.finding}`)
      }
    }
  } finally {
    await rm(dir, { recursive: true })
    await server.destroy()
  }
  return worse === 0 ? 0 : 1
}

process.exitCode = await main()
