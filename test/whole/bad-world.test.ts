/**
 * Three Posthouse servers, Postfix's smtp-sink and a score of servers that misbehave, with a name server that lies: every recipient has the
 * outcome that is right, nothing is lost, and no copy is there without need. Reckoned by Message-ID.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { BadWorld, type Copy, type End, idOf } from '../harness/bad-world.js'
import { type DnsServer, startDnsServer } from '../harness/dns-server.js'
import { inboxOf, noInbox } from '../harness/inbox.js'
import { CONTENT, eventually, Instance } from '../harness/instance.js'
import { sendMail } from '../harness/send-mail.js'
import { program } from '../harness/shared.js'

const smtpSink = program('smtp-sink')
const ALICE = 'alice@a.test'
/** Messages to each server, and recipients of each message. */
const MESSAGES = 2
const LOCALS = ['p0', 'p1', 'p2', 'p3', 'p4']
const MANY = Array.from({ length: 1200 }, (_, n) => [10 + n, `m${n}.thousands.test`] as const)

/** What the name service says of domains that have no server, or hide theirs; `good`: the address of a server that works. */
const zonesOf = (good: string) => ({
  'b.test': { mx: [[10, 'mx.b.test']] as const },
  'mx.b.test': { a: ['127.0.0.1'] },
  'postfix.test': { mx: [[10, 'mx.postfix.test']] as const },
  'mx.postfix.test': { a: ['127.0.0.10'] },
  'backup.test': {
    mx: [
      [10, 'dead.backup.test'],
      [20, 'mx.chunks.test'],
    ] as const,
  },
  'dead.backup.test': { a: ['127.0.0.11'] },
  'null.test': { mx: [[0, '']] as const },
  'thousands.test': { mx: MANY },
  'circle.test': { cname: 'other.circle.test' },
  'other.circle.test': { cname: 'circle.test' },
  'to-circle.test': { mx: [[10, 'circle.test']] as const },
  'huge.test': { mx: [[10, 'mx.huge.test']] as const },
  'mx.huge.test': { a: [good] },
  '_mta-sts.huge.test': { txt: Array.from({ length: 250 }, (_, n) => `v=STSv1; id=${n}; ${'x'.repeat(200)}`) },
  'garbled.test': { fails: 'garbage' as const },
  'refused.test': { fails: 'refused' as const },
})

/** Nobody there, or nobody to be found: it comes back, at once or when its time is over. */
const HOPELESS = [
  'null.test',
  'nowhere.test',
  'circle.test',
  'to-circle.test',
  'garbled.test',
  'refused.test',
  'thousands.test',
  'banner.test',
  'deaf.test',
]

describe('a world that misbehaves', { skip: noInbox, timeout: 900_000 }, () => {
  const world = new BadWorld()
  let dns: DnsServer
  let a: Instance
  let b: Instance
  let c: Instance
  let dump: string
  let postfix: ChildProcess | undefined

  before(async () => {
    const common = {
      queue: {
        retry: ['1s'],
        jitter: 0,
        expire: '3m',
        warn_after: [],
        greylisted: { retry: ['1s'] },
        longest_pause: '1s',
        lease: '2m',
      },
      trusted: ['127.0.0.0/8'],
    }
    b = await Instance.make({ without: CONTENT, domain: 'b.test', users: [['bob@b.test', 'secret b']], server: common })
    dns = await startDnsServer({ ...world.zones, ...zonesOf('127.0.0.1') })
    const far = world.servers.findIndex(({ domain }) => domain === 'storm.test')
    c = await Instance.make({
      without: CONTENT,
      domain: 'c.test',
      server: common,
      plugins: { mx: { routes: { 'far.test': `127.0.0.${far + 20}:${b.ports.mx}`, '*': '127.0.0.1:1' } } },
      run: { detached: true },
    })
    const lanes = [{ match: HOPELESS, expire: '8s' }]
    a = await Instance.make({
      without: CONTENT,
      domain: 'a.test',
      users: [[ALICE, 'secret a']],
      server: {
        ...common,
        queue: { ...common.queue, lanes },
        dns: { servers: [dns.address], timeout: '3s', tries: 2 },
      },
      plugins: {
        mx: {
          port: b.ports.mx,
          allow_private: true,
          connect_timeout: '10s',
          greeting_timeout: '2s',
          routes: { 'far.test': `127.0.0.1:${c.ports.mx}` },
          sts: { timeout: '2s' },
        },
      },
      run: { detached: true },
    })
    await world.start(b.ports.mx)
    dump = await mkdtemp(join(tmpdir(), 'posthouse-smtp-sink-'))
    await chmod(dump, 0o777)
    if (smtpSink !== undefined) postfix = await startPostfix(smtpSink, dump, b.ports.mx)
    await Promise.all([a, b, c].map(instance => instance.start()))
  })
  after(async () => {
    postfix?.kill()
    await Promise.all([a?.destroy(), b?.destroy(), c?.destroy()])
    await Promise.all([world.stop(), dns?.close()])
    await rm(dump, { recursive: true, force: true })
  })

  interface Wish {
    readonly message: string
    readonly to: string
    readonly end: End
  }
  const wishes: Wish[] = []

  /** Several messages with the same recipients. */
  async function send(domain: string, locals: readonly string[], end: (local: string) => End): Promise<void> {
    for (let n = 0; n < MESSAGES; n++) {
      const subject = `${domain}-${n}`
      const to = locals.map(local => `${local}@${domain}`)
      // 8-bit text: some of them take only 7.
      const mail = { from: ALICE, to, subject, text: `grüße an ${domain}\r\n.with a dot` }
      await sendMail(a.ports.mx, mail).catch((error: Error) => {
        throw new Error(`${subject}: ${error.message}\n${a.log.slice(-6000)}`)
      })
      wishes.push(
        ...to.map(address => ({ message: `${subject}@client.test`, to: address, end: end(address.split('@')[0]!) })),
      )
    }
  }

  async function copies(): Promise<Copy[]> {
    const local = (await inboxOf(b.ports.imap, 'bob@b.test', 'secret b')).map(text => ({
      message: idOf(text),
      to: /^To: <(.*)>/m.exec(text)![1]!,
    }))
    return [...world.copies, ...local, ...(postfix === undefined ? [] : await dumped(dump))]
  }

  /** Who was told to the sender as failed, for which message. */
  async function bounces(): Promise<Copy[]> {
    const notices = (await inboxOf(a.ports.imap, ALICE, 'secret a')).filter(text =>
      /^Content-Type: multipart\/report/im.test(text),
    )
    return notices.flatMap(text => {
      const message = /Message-ID: <(.*?@client\.test)>/i.exec(text)?.[1] ?? ''
      return [...text.matchAll(/^Final-Recipient: rfc822; ?(\S+)\r\nAction: failed/gim)].map(([, to]) => ({
        message,
        to: to!,
      }))
    })
  }

  test('takes what it can, and everybody else is told', async () => {
    const others = ['backup.test', 'far.test', ...(postfix === undefined ? [] : ['postfix.test'])]
    await Promise.all([
      ...world.servers.map(({ domain, end }) => send(domain, LOCALS, end)),
      ...others.map(domain => send(domain, LOCALS, () => 'once')),
      ...HOPELESS.slice(0, 7).map(domain => send(domain, ['p0'], () => 'bounce')),
      send('b.test', ['bob'], () => 'once'),
    ])
    // The relay dies in the middle of it, and comes back.
    await c.killAll()
    await c.start()
    const waits = async (instance: Instance) =>
      JSON.parse((await instance.cli(['queue', 'ls', '--json'])).stdout) as unknown[]
    for (const instance of [a, c, b])
      await eventually(
        async () => ((await waits(instance)).length === 0 ? true : undefined),
        280_000,
        () => `still waiting\n${instance.log.slice(-20_000)}`,
      )
    const [there, back] = [await copies(), await bounces()]
    const count = (list: readonly Copy[], { message, to }: Copy) =>
      list.filter(one => one.message === message && one.to === to).length
    const faults = wishes.flatMap(wish => {
      const [copied, bounced] = [count(there, wish), count(back, wish)]
      const right = wish.end === 'bounce' ? copied === 0 && bounced === 1 : copied >= 1 && bounced === 0
      return right ? [] : [`${wish.message} to ${wish.to}: ${copied} copies, ${bounced} bounces, wanted ${wish.end}`]
    })
    assert.deepEqual(faults, [])
    // One connection was lost after the message was taken: as many copies more as it had recipients, and no others. What the relay had under way when
    // it died may come twice as well.
    const surplus = there.filter(
      (one, at) =>
        !one.to.endsWith('@far.test') &&
        there.findIndex(({ message, to }) => message === one.message && to === one.to) !== at,
    )
    assert.ok(
      surplus.every(({ to }) => to.endsWith('@dying.test')),
      JSON.stringify(surplus),
    )
    assert.equal(surplus.length, LOCALS.length)
    const known = new Set(wishes.map(({ message, to }) => `${message} ${to}`))
    assert.deepEqual(
      there.filter(({ message, to }) => !known.has(`${message} ${to}`)),
      [],
    )
  })
})

/** Takes everything, each message into a file of its own. */
async function startPostfix(path: string, dump: string, port: number): Promise<ChildProcess> {
  // Started by root it insists on giving its rights away.
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn(path, [...asNobody, '-d', join(dump, '%s.'), `127.0.0.10:${port}`, '100'], { stdio: 'ignore' })
  await Promise.race([once(child, 'spawn'), once(child, 'error')])
  return child
}

async function dumped(folder: string): Promise<Copy[]> {
  const texts = await Promise.all((await readdir(folder)).map(name => readFile(join(folder, name), 'latin1')))
  return texts.flatMap(text =>
    [...text.matchAll(/^X-Rcpt-Args: <(.*?)>/gm)].map(([, to]) => ({ message: idOf(text), to: to! })),
  )
}
