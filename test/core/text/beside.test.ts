import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Beside } from 'posthouse/text'

test('what is found out about an object is kept with it, for whoever found it', () => {
  const [mine, yours] = [new Beside<object, string>(), new Beside<object, string>()]
  const message = { size: 1 }
  mine.set(message, 'spam').set(message, 'ham')
  yours.set(message, 'large')
  assert.deepEqual([mine.get(message), yours.get(message), mine.get({ size: 1 })], ['ham', 'large', undefined])
})

test('that nothing was found is something that was found', () => {
  const found = new Beside<object, string | undefined>()
  const [known, unknown] = [{}, {}]
  found.set(known, undefined)
  assert.deepEqual([found.has(known), found.has(unknown)], [true, false])
})

test('copies and comparisons of the object do not see it', () => {
  const found = new Beside<object, string>()
  const message = { size: 1 }
  found.set(message, 'spam')
  assert.deepEqual([Object.keys(message), found.has({ ...message })], [['size'], false])
  assert.deepEqual(message, { size: 1 })
})
