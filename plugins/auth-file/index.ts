/**
 * Accounts in one file of the data directory, or in rows of the store: supplies the service `accounts`, answers `auth`, and brings `posthouse user …`.
 * The file holds secrets, so it lives with the data (owner-only), never with the config that people commit.
 */
import { resolve } from 'node:path'
import { ConfigError, definePlugin, type PluginContext } from 'posthouse/api'
import { parseDuration } from 'posthouse/text'
import { readAccounts } from './accounts-file.js'
import { appPasswordCommands } from './app-password-commands.js'
import { changeCommands } from './change-commands.js'
import { type MakeSecrets, userCommands } from './commands.js'
import { copyCommand } from './copy-command.js'
import { Directory } from './directory.js'
import { FileBook } from './file-book.js'
import { FileError } from './file-error.js'
import { ForeignThread } from './foreign/thread.js'
import { importCommand } from './import-command.js'
import { type Cost, hashPassword } from './password.js'
import { Rehasher } from './rehash.js'
import { RowBook } from './row-book.js'
import { makeKeys, SALT_BYTES, type StoredKeys } from './scram.js'
import { Usage } from './usage.js'
import { Verifier } from './verifier.js'
import { WorkQueue } from './work-queue.js'

const CONFIG = {
  type: 'object',
  additionalProperties: false,
  properties: {
    file: {
      type: 'string',
      minLength: 1,
      default: 'accounts.json',
      description: 'accounts file, seen from the data directory',
    },
    keep: {
      enum: ['file', 'store'],
      default: 'file',
      description: 'where accounts are kept: in the file, or as rows of the store, for sites with tens of thousands',
    },
    cost: {
      type: 'integer',
      minimum: 12,
      maximum: 17,
      default: 14,
      description: 'binary logarithm of scrypt’s N for new passwords; 14 is about 50 ms, each step doubles it',
    },
    scram: {
      type: 'boolean',
      default: true,
      description: 'keep SCRAM keys beside the hash (see README for the price)',
    },
    scram_iterations: {
      type: 'integer',
      minimum: 4096,
      maximum: 1_000_000,
      default: 20_000,
      description: 'PBKDF2 rounds of new SCRAM keys',
    },
    parallel: {
      type: 'integer',
      minimum: 1,
      maximum: 16,
      default: 2,
      description: 'passwords checked at the same time, per worker',
    },
    waiting: {
      type: 'integer',
      minimum: 0,
      maximum: 10_000,
      default: 100,
      description: 'log-ins that may wait for their check; more are told to come again',
    },
    remember: {
      type: 'string',
      format: 'duration',
      default: '5m',
      description: 'how long a password that was right need not be hashed again; 0s: always hash',
    },
    demo: {
      type: 'boolean',
      default: false,
      description: 'make two demo accounts at the first start and print their passwords once',
    },
  },
} as const

export default definePlugin({
  name: 'auth-file',
  summary: 'accounts and passwords in a file of the data directory',
  config: CONFIG,
  supplies: ['accounts'],
  async setup(context) {
    const { config, server, services, state, log, clock, bus } = context
    const path = resolve(server.dataDir, config.file)
    const cost: Cost = { ln: config.cost, r: 8, p: 1 }
    const queue = new WorkQueue(config.parallel, config.waiting)
    const shape = config.scram ? { iterations: config.scram_iterations, saltBytes: SALT_BYTES } : undefined
    const usage = new Usage(state, clock, log)
    const table = () => services.find('tables')?.table('auth-file/accounts')
    const [file, rows] = [new FileBook(path, log), new RowBook({ table, path, log })]
    const book = config.keep === 'store' ? rows : file
    const directory = new Directory(book, shape, usage)
    const rememberMs = parseDuration(config.remember) ?? 0
    const now = () => clock.now()
    const makeSecrets = secretsMaker(cost, config.scram ? config.scram_iterations : undefined)
    const foreign = new ForeignThread()
    const rehasher = new Rehasher({ book, makeSecrets, log })
    const verifier = new Verifier({ directory, queue, cost, rememberMs, usage, now, foreign, rehasher })
    if (config.keep === 'file') await checkFile(path, context)
    return {
      services: { accounts: directory },
      hooks: { auth: ({ peer, credentials }, call) => verifier.check(peer, credentials, call.signal) },
      async dispose() {
        await Promise.all([rehasher.end(), foreign.end()])
      },
      commands: [
        ...userCommands({
          book,
          domains: server.domains,
          demo: config.demo,
          services,
          makeSecrets,
          bus,
        }),
        ...changeCommands({ book, services, domains: server.domains, bus }),
        importCommand({
          ...{ book, domains: server.domains, makeSecrets },
          keepScram: config.scram,
        }),
        copyCommand({ keep: config.keep, file, rows }),
        ...appPasswordCommands({ book, services, usage, now, makeSecrets, bus }),
      ],
    }
  },
})

/** Without iterations no SCRAM keys are made. */
function secretsMaker(cost: Cost, iterations: number | undefined): MakeSecrets {
  return async (password: string, beside: readonly StoredKeys[]) => {
    const hash = await hashPassword(password, cost)
    if (iterations === undefined) return { password: hash }
    return { password: hash, scram: await makeKeys(password, iterations, beside) }
  }
}

/** A wrong file stops the start and is named by `check`. */
async function checkFile(path: string, { files }: Pick<PluginContext<unknown>, 'files'>): Promise<void> {
  try {
    await readAccounts(path)
  } catch (error) {
    if (!(error instanceof FileError)) throw error
    // Read again as YAML, of which JSON is a part: that reader knows where things stand.
    const { faults } = await files.yaml(path, { type: 'object' })
    if (faults.length > 0) throw new ConfigError(faults)
    throw new ConfigError([{ file: path, line: 1, column: 1, message: error.message }])
  }
}
