/** Debian's slapd on loopback, with people of a test in it. It can be stopped, started again on its port, and held still. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Certified, certify } from './authority.js'
import { eventually, PATIENCE_MS } from './instance.js'
import { answers, freePort } from './ports.js'
import { runProgram } from './programs.js'
import { program } from './shared.js'

const NEEDED = ['slapd', 'slapadd', 'ldapmodify']

/** Why it cannot be had here. */
export function noSlapd(): string | false {
  const missing = NEEDED.filter(name => program(name) === undefined)
  return missing.length === 0 ? false : `no ${missing.join(', ')}`
}

export const SUFFIX = 'dc=example,dc=test'
export const PEOPLE = `ou=people,${SUFFIX}`
const ADMIN = { dn: `cn=admin,${SUFFIX}`, password: 'admin secret' }
/** Who looks people up. */
export const SERVICE = { dn: `cn=posthouse,${SUFFIX}`, password: 'service secret' }

export interface LdapPerson {
  readonly uid: string
  readonly mail?: readonly string[]
  readonly password?: string
  /** `employeeNumber: 5`. */
  readonly more?: Readonly<Record<string, string>>
}

export class Slapd {
  readonly port: number
  readonly tlsPort: number
  /** PEM. */
  readonly ca: string
  readonly #dir: string
  #child: ChildProcess | undefined
  #said = ''

  private constructor(dir: string, ports: readonly [number, number], ca: string) {
    this.#dir = dir
    this.port = ports[0]
    this.tlsPort = ports[1]
    this.ca = ca
  }

  static async start(people: readonly LdapPerson[], { names = ['localhost'] } = {}): Promise<Slapd> {
    const dir = await mkdtemp(join(tmpdir(), 'posthouse-slapd-'))
    const authority = certify({ commonName: `Authority of ${dir}`, authority: true })
    const slapd = new Slapd(dir, [await freePort(), await freePort()], authority.cert)
    await slapd.#write(certify({ commonName: 'directory', by: authority, names }), people)
    await slapd.begin()
    return slapd
  }

  get url(): string {
    return `ldap://localhost:${this.port}`
  }

  get tlsUrl(): string {
    return `ldaps://localhost:${this.tlsPort}`
  }

  /** Resolves when it answers. */
  async begin(): Promise<void> {
    const doors = `ldap://127.0.0.1:${this.port}/ ldaps://127.0.0.1:${this.tlsPort}/`
    // With a level of debugging it stays in the foreground.
    const child = spawn(program('slapd')!, ['-d', '0', '-h', doors, '-f', join(this.#dir, 'slapd.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#said += chunk.toString()
    })
    this.#child = child
    await eventually(
      async () => ((await answers(this.tlsPort)) ? true : undefined),
      PATIENCE_MS,
      () => `slapd does not answer: ${this.#said}`,
    )
  }

  async end(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await ended
  }

  /** It takes connections and says nothing. */
  hold(): void {
    this.#child?.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child?.kill('SIGCONT')
  }

  async destroy(): Promise<void> {
    await this.end()
    await rm(this.#dir, { recursive: true, force: true })
  }

  /** LDIF of changes; as the administrator. */
  async change(ldif: string): Promise<void> {
    const url = `ldap://127.0.0.1:${this.port}`
    const args = ['-x', '-H', url, '-D', ADMIN.dn, '-w', ADMIN.password]
    const { code, stderr } = await runProgram(program('ldapmodify')!, args, { stdin: ldif })
    if (code !== 0) throw new Error(stderr)
  }

  async #write({ cert, key }: Certified, people: readonly LdapPerson[]): Promise<void> {
    const dir = this.#dir
    await mkdir(join(dir, 'db'))
    const texts = { 'cert.pem': cert, 'key.pem': key, 'ca.pem': this.ca, 'slapd.conf': config(dir) }
    for (const [name, text] of Object.entries(texts)) await writeFile(join(dir, name), text, { mode: 0o600 })
    await writeFile(join(dir, 'people.ldif'), [TREE, ...people.map(inLdif)].join('\n'))
    const args = ['-q', '-f', join(dir, 'slapd.conf'), '-l', join(dir, 'people.ldif')]
    const { code, stderr } = await runProgram(program('slapadd')!, args)
    if (code !== 0) throw new Error(stderr)
  }
}

function config(dir: string): string {
  return `${['core', 'cosine', 'inetorgperson'].map(name => `include /etc/ldap/schema/${name}.schema`).join('\n')}
pidfile ${dir}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${dir}/cert.pem
TLSCertificateKeyFile ${dir}/key.pem
TLSCACertificateFile ${dir}/ca.pem
database mdb
suffix "${SUFFIX}"
rootdn "${ADMIN.dn}"
rootpw "${ADMIN.password}"
directory ${dir}/db
limits dn.exact="${SERVICE.dn}" size=unlimited
index objectClass,uid,mail,entryUUID eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="${SERVICE.dn}" read by anonymous auth by * none
`
}

const TREE = `dn: ${SUFFIX}
objectClass: domain
dc: example

dn: ${PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ${SERVICE.dn}
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: posthouse
userPassword: ${SERVICE.password}
`

/** Values in base64, so that they may hold anything. */
export function inLdif({ uid, mail = [], password, more = {} }: LdapPerson): string {
  const line = (name: string, value: string) => `${name}:: ${Buffer.from(value).toString('base64')}`
  const rdn = uid.replaceAll(/[,+"\\<>;=#]/g, letter => `\\${letter}`)
  return `${[
    line('dn', `uid=${rdn},${PEOPLE}`),
    'objectClass: inetOrgPerson',
    line('uid', uid),
    line('cn', uid),
    line('sn', uid),
    ...mail.map(one => line('mail', one)),
    ...(password === undefined ? [] : [line('userPassword', password)]),
    ...Object.entries(more).map(([name, value]) => line(name, value)),
  ].join('\n')}\n`
}
