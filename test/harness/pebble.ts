/** Pebble, an ACME authority for tests, with its own name server that says of every name that it is on loopback. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { selfSigned } from '../../core/net/certificate.js'
import { eventually, PATIENCE_MS } from './instance.js'
import { answers, freePort } from './ports.js'
import { program } from './shared.js'

export const NO_PEBBLE =
  (program('pebble') === undefined || program('pebble-challtestsrv') === undefined) && 'pebble is not installed'

export interface PebbleWish {
  /** Certificate, key and configuration of Pebble itself are written there. */
  readonly dir: string
  /** Where it looks for the answers to challenges. */
  readonly httpPort: number
  readonly tlsPort: number
}

export class Pebble {
  readonly directory: string
  /** PEM file with the certificate of its API. */
  readonly ca: string
  readonly #children: readonly ChildProcess[]
  #said = ''

  private constructor(port: number, ca: string, children: readonly ChildProcess[]) {
    this.directory = `https://localhost:${port}/dir`
    this.ca = ca
    this.#children = children
    for (const child of children) {
      for (const stream of [child.stdout!, child.stderr!]) {
        stream.on('data', chunk => {
          this.#said += chunk
        })
      }
    }
  }

  static async start({ dir, httpPort, tlsPort }: PebbleWish): Promise<Pebble> {
    const [api, management, dns, dnsManagement] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
    const { certificate, key } = selfSigned({ names: ['localhost', '127.0.0.1'], now: Date.now() })
    const paths = { ca: join(dir, 'pebble.pem'), key: join(dir, 'pebble.key'), config: join(dir, 'pebble.json') }
    await writeFile(paths.ca, certificate)
    await writeFile(paths.key, key)
    const pebble = {
      listenAddress: `127.0.0.1:${api}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: paths.ca,
      privateKey: paths.key,
      httpPort,
      tlsPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
    }
    await writeFile(paths.config, JSON.stringify({ pebble }))
    const none = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '']
    const names = spawn('pebble-challtestsrv', [
      ...none,
      '-defaultIPv4',
      '127.0.0.1',
      '-dns01',
      `127.0.0.1:${dns}`,
      '-management',
      `127.0.0.1:${dnsManagement}`,
    ])
    const authority = spawn('pebble', ['-config', paths.config, '-dnsserver', `127.0.0.1:${dns}`], {
      env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' },
    })
    const made = new Pebble(api, paths.ca, [names, authority])
    await eventually(
      async () => ((await answers(api)) && (await answers(dns)) ? true : undefined),
      PATIENCE_MS,
      () => `pebble does not answer:\n${made.#said}`,
    )
    return made
  }

  get said(): string {
    return this.#said
  }

  async stop(): Promise<void> {
    const running = this.#children.filter(child => child.exitCode === null && child.signalCode === null)
    await Promise.all(
      running.map(child => {
        const gone = once(child, 'exit')
        child.kill()
        return gone
      }),
    )
  }
}
