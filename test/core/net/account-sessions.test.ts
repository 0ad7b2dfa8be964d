/** Which connections end with an account: those that logged in to it, and are still there. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { AccountSessions } from '../../../core/net/account-sessions.js'
import { quietLog } from '../../../core/testing/index.js'

function aSocket() {
  const events = new EventEmitter()
  const socket = Object.assign(events, { destroyed: false, destroy: () => undefined as unknown })
  socket.destroy = () => {
    socket.destroyed = true
    events.emit('close')
  }
  return socket as unknown as Socket & { destroyed: boolean }
}

/** Open, as a door keeps it. */
function opened(sessions: AccountSessions, id: string) {
  const socket = aSocket()
  sessions.opened(id, socket)
  socket.once('close', () => sessions.closed(id))
  return socket
}

test('all connections of an account end, and no others', () => {
  const sessions = new AccountSessions()
  const sockets = ['s1', 's2', 's3', 's4'].map(id => opened(sessions, id))
  for (const [id, account] of [
    ['s1', 'alice'],
    ['s2', 'alice'],
    ['s2', 'alice'],
    ['s3', 'bob'],
    ['not-open', 'alice'],
  ] as const)
    sessions.loggedIn(id, account)
  assert.equal(sessions.end('alice'), 2)
  assert.deepEqual(
    sockets.map(({ destroyed }) => destroyed),
    [true, true, false, false],
  )
  assert.equal(sessions.end('alice'), 0, 'they are forgotten')
  assert.equal(sessions.end('nobody'), 0)
})

test('a connection that has ended by itself is forgotten', () => {
  const sessions = new AccountSessions()
  const socket = opened(sessions, 's1')
  sessions.loggedIn('s1', 'alice')
  socket.destroy()
  assert.equal(sessions.end('alice'), 0)
})

test('the news are heard until nobody wants to hear them', () => {
  const sessions = new AccountSessions()
  let hear: (payload: string) => void = () => undefined
  const bus = {
    publish: () => undefined,
    subscribe(_topic: string, listener: (payload: string) => void) {
      hear = listener
      return () => {
        hear = () => undefined
      }
    },
  }
  const endHearing = sessions.hear(bus, quietLog)
  const [one, two] = [opened(sessions, 's1'), opened(sessions, 's2')]
  sessions.loggedIn('s1', 'alice')
  sessions.loggedIn('s2', 'bob')
  hear('alice')
  assert.equal(one!.destroyed, true)
  endHearing()
  hear('bob')
  assert.equal(two!.destroyed, false)
})
