/**
 * What somebody has found out about a message, a session, kept on that object itself: as long as it lives, and seen by nobody else. Says what a `WeakMap` says,
 * and is used where objects are many and short-lived: V8 holds the values of an old `WeakMap` until the old generation is collected, so that all that was found
 * out about every mail was copied twice and grew old.
 */
export class Beside<K extends object, V> {
  readonly #name = Symbol('beside')

  get(object: K): V | undefined {
    return (object as { readonly [name: symbol]: V | undefined })[this.#name]
  }

  has(object: K): boolean {
    return Object.hasOwn(object, this.#name)
  }

  /** Not listed, so that no copy of the object and no comparison sees it. */
  set(object: K, value: V): this {
    Object.defineProperty(object, this.#name, { value, writable: true, configurable: true, enumerable: false })
    return this
  }
}
