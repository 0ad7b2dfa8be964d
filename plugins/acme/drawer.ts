/**
 * What the plugin keeps in the data directory, for the owner alone and written in one step: the account key, the answers to challenges
 * under way (all workers read them, so that whoever is asked can answer), and the certificate where core looks for those that were issued.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** No order takes so long: what is older was left behind. */
const STALE_MS = 24 * 3600_000

/** A token of the authority, or a name of ours: anything else is no file name. */
const SAFE = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/

export class Drawer {
  readonly #tls: string

  constructor(dataDir: string) {
    this.#tls = join(dataDir, 'tls')
  }

  /** Where the certificate for these names is: key and chain in one file. */
  issuedPath(name: string): string {
    return join(this.#tls, 'issued', `${name}.pem`)
  }

  async issued(name: string): Promise<string | undefined> {
    return await readIfThere(this.issuedPath(name))
  }

  /** Resolves when it is on disk, whole. */
  async putIssued(name: string, text: string): Promise<void> {
    await put(join(this.#tls, 'issued'), `${name}.pem`, text)
  }

  /** RFC 8555 §7.3: an account belongs to a key, and to one authority. */
  async accountKey(directory: string, make: () => Promise<string>): Promise<string> {
    const dir = join(this.#tls, 'acme')
    const name = `account-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}.pem`
    const found = await readIfThere(join(dir, name))
    if (found !== undefined) return found
    const made = await make()
    await put(dir, name, made)
    return made
  }

  async putAnswer(name: string, text: string): Promise<void> {
    if (!SAFE.test(name)) throw new Error('the authority gave a token that is none')
    await put(this.#answers, name, text)
  }

  async answer(name: string): Promise<string | undefined> {
    return SAFE.test(name) ? await readIfThere(join(this.#answers, name)) : undefined
  }

  async removeAnswer(name: string): Promise<void> {
    if (SAFE.test(name)) await rm(join(this.#answers, name), { force: true })
  }

  async sweep(now: number): Promise<void> {
    for (const name of await readdir(this.#answers).catch(() => [])) {
      const at = await stat(join(this.#answers, name)).catch(() => undefined)
      if (at !== undefined && now - at.mtimeMs > STALE_MS) await rm(join(this.#answers, name), { force: true })
    }
  }

  get #answers(): string {
    return join(this.#tls, 'acme', 'answers')
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function put(dir: string, name: string, text: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const made = join(dir, `.${name}.${randomBytes(6).toString('hex')}`)
  const file = await open(made, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(made, join(dir, name))
}
