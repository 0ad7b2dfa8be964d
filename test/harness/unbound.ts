/** Debian's unbound on loopback, validating zones that we sign with ldns, by a trust anchor of our own. Nothing of the world is asked. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually, PATIENCE_MS } from './instance.js'
import { freePort } from './ports.js'
import { runProgram } from './programs.js'
import { program } from './shared.js'

const NEEDED = ['unbound', 'ldns-keygen', 'ldns-signzone']

/** Why it cannot be had here. */
export function noUnbound(): string | false {
  const missing = NEEDED.filter(name => program(name) === undefined)
  return missing.length === 0 ? false : `no ${missing.join(', ')}`
}

export interface UnboundOptions {
  readonly zone: string
  /** Lines of the zone, without SOA and NS. */
  readonly records: readonly string[]
  /** Changes the zone after it was signed. */
  readonly spoil?: (signed: string) => string
  /** Another zone, which nobody signs. */
  readonly unsigned: { readonly zone: string; readonly records: readonly string[] }
}

export class Unbound {
  readonly address: string
  readonly #child: ChildProcess
  readonly #dir: string

  private constructor(address: string, child: ChildProcess, dir: string) {
    this.address = address
    this.#child = child
    this.#dir = dir
  }

  static async start({ zone, records, spoil = text => text, unsigned }: UnboundOptions): Promise<Unbound> {
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-unbound-'))
    const run = async (name: string, ...args: readonly string[]) => {
      const { code, stdout, stderr } = await runProgram('sh', [
        '-c',
        'cd "$0" && exec "$@"',
        dir,
        program(name)!,
        ...args,
      ])
      if (code !== 0) throw new Error(`${name}: ${stderr}`)
      return stdout.trim()
    }
    await writeFile(join(dir, 'plain'), zoneText(zone, records))
    const key = await run('ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', zone)
    await run('ldns-signzone', '-f', 'signed', 'plain', key)
    await writeFile(join(dir, 'signed'), spoil(await readFile(join(dir, 'signed'), 'utf8')))
    await writeFile(join(dir, 'unsigned'), zoneText(unsigned.zone, unsigned.records))
    const anchor = (await readFile(join(dir, `${key}.key`), 'utf8')).trim().replaceAll('"', '')
    const port = await freePort()
    await writeFile(join(dir, 'conf'), config(dir, port, anchor, [[zone, 'signed'], [unsigned.zone, 'unsigned']])) // biome-ignore format: a table
    const child = spawn(program('unbound')!, ['-d', '-c', join(dir, 'conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await eventually(
      () => (/start of service/.test(said) ? true : undefined),
      PATIENCE_MS,
      () => said,
    )
    return new Unbound(`127.0.0.1:${port}`, child, dir)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill()
      await once(this.#child, 'exit')
    }
    await rm(this.#dir, { recursive: true, force: true })
  }
}

function zoneText(zone: string, records: readonly string[]): string {
  const head = ['$TTL 60', `@ SOA ns.${zone}. a.${zone}. 1 3600 600 86400 60`, '@ NS ns', 'ns A 127.0.0.1']
  return [`$ORIGIN ${zone}.`, ...head, ...records, ''].join('\n')
}

function config(dir: string, port: number, anchor: string, zones: readonly (readonly [string, string])[]): string {
  const server = [
    'interface: 127.0.0.1',
    `port: ${port}`,
    'do-ip6: no',
    'username: ""',
    'chroot: ""',
    `directory: "${dir}"`,
    'pidfile: ""',
    'use-syslog: no',
    'logfile: ""',
    'verbosity: 1',
    'module-config: "validator iterator"',
    `trust-anchor: "${anchor}"`,
    'local-zone: test. nodefault',
  ]
  const auth = zones.map(([zone, file]) =>
    ['auth-zone:', `name: ${zone}.`, `zonefile: "${file}"`, 'for-upstream: yes', 'for-downstream: no'].join('\n  '),
  )
  return ['server:', ...server.map(line => `  ${line}`), 'remote-control:', '  control-enable: no', ...auth, ''].join(
    '\n',
  )
}
