/** How crypt(3) writes octets: six bits a letter, the lowest first. */
const LETTERS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

export function lettersOf([high, middle, low]: readonly [number, number, number], count: number): string {
  const bits = (high << 16) | (middle << 8) | low
  return Array.from({ length: count }, (_, at) => LETTERS[(bits >> (6 * at)) & 63]!).join('')
}
