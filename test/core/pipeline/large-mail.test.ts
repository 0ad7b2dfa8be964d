/** Large messages go a few at a time, in order, and none waits for ever; small ones never wait. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { LargeMail } from '../../../core/pipeline/large-mail.js'

const MB = 1024 * 1024

/** Messages that stay until they are let go. */
class Office {
  readonly inside: string[] = []
  readonly #mail = new LargeMail()
  readonly #ends = new Map<string, (error?: Error) => void>()

  send(name: string, size: number): Promise<string> {
    return this.#mail.pass(size, async () => {
      this.inside.push(name)
      await new Promise<void>((resolve, reject) =>
        this.#ends.set(name, error => (error === undefined ? resolve() : reject(error))),
      )
      this.inside.splice(this.inside.indexOf(name), 1)
      return name
    })
  }

  async end(name: string, error?: Error): Promise<void> {
    this.#ends.get(name)!(error)
    await new Promise(setImmediate)
  }
}

test('as many as have room together, and the next when one has gone', async () => {
  const office = new Office()
  const sent = ['a', 'b', 'c', 'd'].map(name => office.send(name, 6 * MB))
  await new Promise(setImmediate)
  assert.deepEqual(office.inside, ['a', 'b'])
  await office.end('b')
  assert.deepEqual(office.inside, ['a', 'c'])
  for (const name of ['a', 'c', 'd']) await office.end(name)
  assert.deepEqual(await Promise.all(sent), ['a', 'b', 'c', 'd'])
})

test('small ones never wait', async () => {
  const office = new Office()
  const sent = [office.send('large', 16 * MB), office.send('next', MB), office.send('small', 1000)]
  await new Promise(setImmediate)
  assert.deepEqual(office.inside, ['large', 'small'])
  for (const name of ['small', 'large', 'next']) await office.end(name)
  await Promise.all(sent)
})

test('one that is larger than all room goes alone, and nobody overtakes it', async () => {
  const office = new Office()
  const sent = [office.send('first', MB), office.send('huge', 50 * MB), office.send('late', MB)]
  await new Promise(setImmediate)
  assert.deepEqual(office.inside, ['first'])
  await office.end('first')
  assert.deepEqual(office.inside, ['huge'])
  await office.end('huge')
  assert.deepEqual(office.inside, ['late'])
  await office.end('late')
  await Promise.all(sent)
})

test('one that fails makes room as well', async () => {
  const office = new Office()
  const failing = assert.rejects(office.send('failing', 16 * MB), /trouble/)
  const next = office.send('next', 16 * MB)
  await new Promise(setImmediate)
  await office.end('failing', new Error('trouble'))
  assert.ok(office.inside.includes('next'))
  await office.end('next')
  await failing
  assert.equal(await next, 'next')
})

test('nobody waits for more than a minute, however long the one inside takes', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.after(() => mock.timers.reset())
  const office = new Office()
  const sent = ['slow', 'b', 'c'].map(name => office.send(name, 16 * MB))
  await new Promise(setImmediate)
  mock.timers.tick(59_999)
  await new Promise(setImmediate)
  assert.deepEqual(office.inside, ['slow'])
  mock.timers.tick(1)
  await new Promise(setImmediate)
  assert.deepEqual(office.inside, ['slow', 'b', 'c'])
  const last = office.send('d', 16 * MB)
  for (const name of ['slow', 'b']) await office.end(name)
  assert.deepEqual(office.inside, ['c'], 'what went in late counts')
  for (const name of ['c', 'd']) await office.end(name)
  await Promise.all([...sent, last])
})
