/** Jobs for the places, a folder of their own, and mail programs' locks taken by somebody else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Account, Job, JobRecipient, MailClient, Outcome } from '../../../core/api/index.js'
import { setUp } from '../../../core/testing/set-up.js'
import { DomainSet } from '../../../core/text/index.js'
import places from '../../../plugins/places/index.js'
import { aCall, address } from '../../harness/context.js'
import { rememberingLog } from '../../harness/log.js'

export const RECEIVED = Date.UTC(2026, 10, 5, 9, 8, 7)
const PREFIX = 'Received: from there\r\n'
export const BODY = 'Subject: hello\r\n\r\nHello\r\n'
const ALICE: Account = { id: 'aalice', login: 'alice@example.test', addresses: ['alice@example.test'] }

export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'places-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return path
}

export interface JobWish extends Partial<Job> {
  readonly text?: string | Buffer
  /** The octets come in pieces of this size. */
  readonly piece?: number
}

export function aJob(recipients: readonly Partial<JobRecipient>[], { text = BODY, piece, ...more }: JobWish = {}): Job {
  const bytes = Buffer.concat([Buffer.from(PREFIX), Buffer.from(text)])
  return {
    id: 'q1.1',
    target: 'mbox',
    lane: 'example.test',
    sender: address('sender@far.test'),
    recipients: recipients.map((recipient, row) => ({
      row,
      to: address('alice@example.test'),
      original: address('Alice@example.test'),
      dsn: { notify: [] },
      tries: 0,
      detail: { account: 'aalice', place: 'here' },
      ...recipient,
    })),
    received: RECEIVED,
    utf8: false,
    body: '7BIT',
    prefix: PREFIX,
    size: bytes.length,
    chunks: async function* () {
      const step = piece ?? bytes.length
      for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
    },
    read: async (from, to) => bytes.subarray(from, to),
    sevenBit: () => Promise.reject(new Error('not asked for')),
    ...more,
  }
}

export interface Delivered {
  readonly outcomes: readonly Outcome[]
  readonly log: ReturnType<typeof rememberingLog>
}

export interface Parts {
  readonly client?: MailClient
  readonly accounts?: readonly Account[]
  readonly signal?: AbortSignal
  readonly now?: number
}

/** By the plugin, as it is set up from its entry. `place`: the one called `here`. */
export async function deliver(place: object, job: Job, parts: Parts = {}): Promise<Delivered> {
  const log = rememberingLog()
  const { client, accounts = [ALICE], signal, now = RECEIVED } = parts
  const { contribution } = await setUp(places, {
    config: { places: { here: place } },
    server: { domains: new DomainSet(['example.test']) },
    services: { accounts: directory(accounts), ...(client && { 'mail-client': client }) },
    now: () => now,
  })
  const kind = (['mbox', 'maildir', 'pipe', 'lmtp'] as const).find(name => name in place)!
  const outcomes = await contribution.targets![kind]!.deliver(job, aCall({ log, ...(signal && { signal }) }))
  return { outcomes, log }
}

function directory(accounts: readonly Account[]) {
  const find = async (test: (account: Account) => boolean) => accounts.find(test)
  return {
    byLogin: (login: string) => find(account => account.login === login),
    byId: (id: string) => find(account => account.id === id),
    byAddress: (text: string) => find(account => account.addresses.includes(text)),
    list: async () => accounts,
  }
}

/** `deferred 4.2.0`, `delivered`. */
export function short(outcomes: readonly Outcome[]): string {
  return outcomes.map(one => ('status' in one ? `${one.kind} ${one.status}` : one.kind)).join(', ')
}

/** Another program that holds the POSIX record lock (not ours of open files) until it is told to end. */
export async function lockedByAnother(path: string): Promise<() => Promise<void>> {
  const program = `
    open(my $file, '+>>', shift) or die;
    my $lock = pack('s s x4 q q l x4', 1, 0, 0, 0, 0);
    fcntl($file, 7, $lock) or die;
    $| = 1; print "locked\\n"; <STDIN>;
  `
  const child = spawn('/usr/bin/perl', ['-e', program, path], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return async () => {
    const ended = once(child, 'close')
    child.stdin.end()
    await ended
  }
}
